"""Accepting connections, also when the system has nothing left to accept them with.

Trio's own loop logs a traceback for each attempt that fails; here a shortage is one line a minute. Who is
connected does not notice it, and who wants in waits in the kernel's queue.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio

from ..logs import Seldom

log = logging.getLogger(__name__)

StreamT = TypeVar("StreamT", bound=trio.abc.AsyncResource)

SHORTAGES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
RETRY_S = 0.1


async def accept(
    listener: trio.abc.Listener[StreamT],
    serve: Callable[[StreamT], Awaitable[None]],
    connections: trio.Nursery,
) -> None:
    """Start `serve` in `connections` for each connection that comes, until cancelled.

    The listener is closed then.
    """
    error_line = Seldom()
    async with listener:
        while True:
            try:
                stream = await listener.accept()
            except OSError as error:
                if error.errno not in SHORTAGES:
                    raise
                if error_line.is_due():
                    log.error("no connection can be accepted at the moment: %s", error.strerror)
                await trio.sleep(RETRY_S)
            else:
                connections.start_soon(_serve, serve, stream)


async def _serve(serve: Callable[[StreamT], Awaitable[None]], stream: StreamT) -> None:
    try:
        await serve(stream)
    finally:
        await trio.aclose_forcefully(stream)
