"""A session of the messenger adapter whose HTTP goes to a server that the test makes up."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import trio

from conformance.adapters.messenger.adapter import MessengerSession
from conformance.adapters.messenger.handshake import Doorway
from conformance.adapters.messenger.notebook import Notebook
from conformance.adapters.messenger.rest import Rest
from conformance.history import History
from conformance.patience import Patience

BASE = "http://chat.example:8080/below"


@asynccontextmanager
async def session_with(
    server: Any, history: History, nursery: trio.Nursery
) -> AsyncIterator[MessengerSession]:
    """`server` answers requests, as `httpx.MockTransport` wants it: from a function or a coroutine."""
    notebook = Notebook(history)
    doorway = Doorway(
        address=urlsplit(BASE),
        tls=ssl.create_default_context(),
        scenario="a.b",
        patience=Patience(5),
    )
    async with httpx.AsyncClient(transport=httpx.MockTransport(server), timeout=5) as client:
        yield MessengerSession(notebook, Rest(BASE, client, notebook), doorway, nursery)
