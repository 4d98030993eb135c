"""`msgcheck serve` in a process of its own, and users that talk to it over the network."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import IO, Any

import httpx
import trio
from trio_websocket import WebSocketConnection, wrap_client_stream

from .processes import PATIENCE_S, ROOT, command_line

PASSWORD = "correct horse"


class Server:
    """A server that is running."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process = process
        self.url = url

    def ends(self) -> tuple[int, str]:
        """Wait until it has ended: its exit status, and what it said on standard error."""
        _, errors = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, errors


@contextmanager
def served(*options: str, under: tuple[str, ...] = ()) -> Iterator[Server]:
    """A server in a process of its own, killed at the end if it is still there.

    `under` is a command that is given the server's to execute.
    """
    with subprocess.Popen(
        [*under, *command_line("serve", "--port", "0", "--throwaway-accounts", *options)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            line = first_line(process.stdout)
            assert line.startswith("msgcheck serve: listening on http://"), line
            yield Server(process, line.split()[-1])
        finally:
            process.kill()


def first_line(stream: IO[str] | None) -> str:
    """What it says when it serves."""
    assert stream is not None
    return stream.readline()


class Client:
    """A user over HTTP."""

    def __init__(self, http: httpx.AsyncClient, user_id: str, token: str) -> None:
        self.http = http
        self.user_id = user_id
        self.headers = {"Authorization": f"Bearer {token}"}

    async def ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """A request that must be answered well."""
        answer = await self.http.request(method, path, json=body, headers=self.headers)
        assert answer.is_success, answer.text
        document: dict[str, Any] = answer.json()
        return document

    async def history(self, chat: str) -> list[dict[str, Any]]:
        """All entries."""
        entries: list[dict[str, Any]] = []
        cursor = ""
        while True:
            path = f"/v1.0/conversations/{chat}/messages?limit=200&after={cursor}"
            page = await self.ask("GET", path)
            entries += page["items"]
            if not page["has_newer"]:
                return entries
            cursor = page["after"]

    @asynccontextmanager
    async def channel(self) -> AsyncIterator[WebSocketConnection]:
        """The realtime channel."""
        headers = [(name.encode(), value.encode()) for name, value in self.headers.items()]
        host, port = self.http.base_url.host, self.http.base_url.port
        assert port is not None
        async with await trio.open_tcp_stream(host, port) as stream, trio.open_nursery() as nursery:
            yield await wrap_client_stream(
                nursery, stream, host, "/v1.0/chat", extra_headers=headers
            )
            nursery.cancel_scope.cancel()


async def newcomer(http: httpx.AsyncClient, user_id: str) -> Client:
    """Register and log in."""
    credentials = {"user_id": user_id, "password": PASSWORD}
    assert (await http.post("/v1.0/users", json=credentials)).status_code == 201
    session = await http.post("/v1.0/sessions", json=credentials)
    return Client(http, user_id, session.json()["token"])


def client_of(server: Server) -> httpx.AsyncClient:
    """An HTTP client."""
    return httpx.AsyncClient(base_url=server.url, timeout=PATIENCE_S, trust_env=False)
