"""The streams of connections: plain or TLS, closed in a bounded time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from .eager import EagerStream

CLOSING_S = 1.0
"""How long TLS may take to say goodbye to a peer that does not read."""

Stream = EagerStream | trio.SSLStream[EagerStream]


@asynccontextmanager
async def closing(stream: Stream) -> AsyncIterator[Stream]:
    """`stream`, closed afterwards, without waiting long for a peer that does not take the goodbye."""
    try:
        yield stream
    finally:
        with trio.move_on_after(CLOSING_S):
            await stream.aclose()
