"""One listener for everything: it looks at a connection's first request and shows it the way.

An upgrade to the chat channel goes to the fast lane (`socket`); whatever else goes to Hypercorn, with
the bytes read so far put back in front. A later upgrade on a connection that Hypercorn has (a reused
one, HTTP/2) still works: the Quart WebSocket route runs the same session, only slower.

A failure of either ends that connection and nothing else.
A connection that has not sent a whole request head within the time, or sends one without end, is cut.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable

import trio

from .handshake import CHAT_PATH

log = logging.getLogger(__name__)

HEAD_BYTES = 65_536
HEAD_TIMEOUT_S = 10.0

Handler = Callable[[trio.SocketStream, bytes], Awaitable[None]]
_END = b"\r\n\r\n"
_UPGRADE = re.compile(rb"\r\nupgrade:[ \t]*websocket[ \t]*\r\n", re.IGNORECASE)
_CHAT = re.compile(rb"GET " + re.escape(CHAT_PATH.encode()) + rb"(\?\S*)? HTTP/1\.1\r\n")


class FrontDoor:
    """Sorts new connections; `chat` and `http` serve a stream whose first bytes have been read."""

    def __init__(self, chat: Handler, http: Handler) -> None:
        self._chat = chat
        self._http = http

    async def __call__(self, stream: trio.SocketStream) -> None:
        """Serve one connection, from its first byte until it is closed."""
        async with stream:
            try:
                with trio.fail_after(HEAD_TIMEOUT_S):
                    head = await _read_head(stream)
                if _CHAT.match(head) and _UPGRADE.search(head, 0, head.find(_END) + 2):
                    await self._chat(stream, head)
                elif head:
                    await self._http(stream, head)
            except (trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError):
                pass
            except Exception:  # whatever a peer brings about is the end of its connection alone
                log.exception("a connection failed")


async def _read_head(stream: trio.SocketStream) -> bytes:
    """Everything up to the end of the request head, and what came with it; what is not HTTP/1 as it is."""
    head = b""
    while _END not in head and len(head) <= HEAD_BYTES:
        data = await stream.receive_some(HEAD_BYTES)
        if not data:
            break
        head += data
    return head


class PrefixedStream(trio.abc.HalfCloseableStream):
    """A socket stream with bytes put back in front of it, as Hypercorn's TCP server wants one.

    `closed` is set when it has been closed.
    """

    def __init__(self, stream: trio.SocketStream, prefix: bytes) -> None:
        self._stream = stream
        self._prefix = prefix
        self.socket = stream.socket
        self.closed = trio.Event()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """The bytes put back first, then what arrives."""
        if self._prefix:
            data, self._prefix = self._prefix, b""
            return data
        return await self._stream.receive_some(max_bytes)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """As the socket stream."""
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        """As the socket stream."""
        await self._stream.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        """As the socket stream."""
        await self._stream.send_eof()

    async def aclose(self) -> None:
        """As the socket stream; `closed` tells."""
        self.closed.set()
        await self._stream.aclose()
