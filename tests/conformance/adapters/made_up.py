"""A session of the messenger adapter whose HTTP goes to a server that the test makes up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from urllib.parse import urlsplit

import trio
from msgspec import Struct, json

from conformance.adapters.messenger.adapter import MessengerSession
from conformance.adapters.messenger.handshake import Doorway
from conformance.adapters.messenger.http11 import Reply
from conformance.adapters.messenger.notebook import Notebook
from conformance.adapters.messenger.rest import Rest
from conformance.history import History
from conformance.patience import Patience

BASE = "http://chat.example:8080/below"


class Asked(Struct, frozen=True):
    """A request as it would go out; names of headers in lower case."""

    method: str
    target: bytes
    headers: dict[str, str]
    body: bytes


Server = Callable[[Asked], Reply]
"""Answers requests, or raises what keeps an answer from coming."""


def reply(status: int, body: object = None, **headers: str) -> Reply:
    """An answer: `body` is its bytes, or becomes JSON; of a header's name the ``-`` is written ``_``."""
    content = body if isinstance(body, bytes) else b"" if body is None else json.encode(body)
    told = {name.lower().replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, {"content-type": "application/json"} | told, content)


class MadeUpHttp:
    """What carries requests to a server that is a function."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def ask(
        self, method: str, target: bytes, headers: Mapping[str, str], body: Iterable[bytes] = ()
    ) -> Reply:
        """Answer at once."""
        told = {name.lower(): value for name, value in headers.items()}
        return self._server(Asked(method, target, told, b"".join(body)))


def session_with(server: Server, history: History, nursery: trio.Nursery) -> MessengerSession:
    """A session against `server`."""
    notebook = Notebook(history)
    doorway = Doorway(address=urlsplit(BASE), tls=None, scenario="a.b", patience=Patience(5))
    rest = Rest(BASE, MadeUpHttp(server), notebook, "a.b")
    return MessengerSession(notebook, rest, doorway, nursery)
