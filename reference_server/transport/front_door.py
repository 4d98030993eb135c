"""One listener for everything: it looks at a connection's first request and shows it the way.

An upgrade to the chat channel goes to the fast lane (`socket`); whatever else goes to Hypercorn, with
the bytes read so far put back in front. A later upgrade on a connection that Hypercorn has (a reused
one, HTTP/2) still works: the Quart WebSocket route runs the same session, only slower.

With a certificate every connection begins with TLS, within the same time as the first head.
A failure of either ends that connection and nothing else.
A connection that has not sent a whole request head within the time, or sends one without end, is cut.
"""

from __future__ import annotations

import logging
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import trio

from .handshake import CHAT_PATH

log = logging.getLogger(__name__)

HEAD_BYTES = 65_536
HEAD_TIMEOUT_S = 10.0

CLOSING_S = 1.0
"""How long TLS may take to say goodbye to a peer that does not read."""

Stream = trio.SocketStream | trio.SSLStream[trio.SocketStream]
Handler = Callable[[Stream, bytes], Awaitable[None]]
_UPGRADE = re.compile(rb"\r\nupgrade:[ \t]*websocket[ \t]*\r\n", re.IGNORECASE)
_CHAT = re.compile(rb"GET " + re.escape(CHAT_PATH.encode()) + rb"(\?\S*)? HTTP/1\.1\r\n")


class FrontDoor:
    """Sorts new connections; `chat` and `http` serve a stream whose first bytes have been read."""

    def __init__(self, chat: Handler, http: Handler, tls: ssl.SSLContext | None = None) -> None:
        self._chat = chat
        self._http = http
        self._tls = tls

    async def __call__(self, connection: trio.SocketStream) -> None:
        """Serve one connection, from its first byte until it is closed."""
        async with closing(self._secured(connection)) as stream:
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

    def _secured(self, connection: trio.SocketStream) -> Stream:
        if self._tls is None:
            return connection
        # The handshake happens with the first read.
        return trio.SSLStream(connection, self._tls, server_side=True, https_compatible=True)


@asynccontextmanager
async def closing(stream: Stream) -> AsyncIterator[Stream]:
    """`stream`, closed afterwards, without waiting long for a peer that does not take the goodbye."""
    try:
        yield stream
    finally:
        with trio.move_on_after(CLOSING_S):
            await stream.aclose()


async def _read_head(stream: Stream) -> bytes:
    """Everything up to the end of the request head, and what came with it; what is not HTTP/1 as it is."""
    head = b""
    while _END not in head and len(head) <= HEAD_BYTES:
        data = await stream.receive_some(HEAD_BYTES)
        if not data:
            break
        head += data
    return head


class PrefixedStream(trio.abc.Stream):
    """A stream with bytes put back in front of it, as Hypercorn's TCP server wants one."""

    def __init__(self, stream: Stream, prefix: bytes) -> None:
        self._stream = stream
        self._prefix = prefix

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """The bytes put back first, then what arrives."""
        if self._prefix:
            data, self._prefix = self._prefix, b""
            return data
        return await self._stream.receive_some(max_bytes)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """As the stream."""
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        """As the stream."""
        await self._stream.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        """As the stream; TLS has none, and says so by an `AttributeError`, as Hypercorn expects."""
        await self._stream.send_eof()

    async def aclose(self) -> None:
        """As the stream, within a bounded time."""
        async with closing(self._stream):
            pass


class PlainStream(PrefixedStream):
    """What Hypercorn takes for a plain connection: it has a `socket`."""

    def __init__(self, stream: trio.SocketStream, prefix: bytes) -> None:
        super().__init__(stream, prefix)
        self.socket = stream.socket


class TlsStream(PrefixedStream):
    """What Hypercorn takes for a TLS connection, whose handshake is already done."""

    def __init__(self, stream: trio.SSLStream[trio.SocketStream], prefix: bytes) -> None:
        super().__init__(stream, prefix)
        self.transport_stream = stream.transport_stream
        self.selected_alpn_protocol = stream.selected_alpn_protocol

    async def do_handshake(self) -> None:
        """Nothing is left to do."""
        await trio.lowlevel.checkpoint()


def prefixed(stream: Stream, prefix: bytes) -> PrefixedStream:
    """`stream` with `prefix` put back in front of it."""
    if isinstance(stream, trio.SocketStream):
        return PlainStream(stream, prefix)
    return TlsStream(stream, prefix)
