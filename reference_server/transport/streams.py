"""The streams of connections: plain or TLS, closed in a bounded time, and as Hypercorn wants them.

The front door has read the first request's head when it hands a connection to Hypercorn, so the bytes
are put back in front; and since Hypercorn waits for ever for a peer that does not read, this does not.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import trio

CLOSING_S = 1.0
"""How long TLS may take to say goodbye to a peer that does not read."""
LINGER_S = 1.0
"""How long a peer may take to notice that it has its last answer, while it still sends."""
STALLED_S = 20.0
"""How long a peer may take nothing of an answer."""
PIECE_BYTES = 65_536

Stream = trio.SocketStream | trio.SSLStream[trio.SocketStream]


@asynccontextmanager
async def closing(stream: Stream) -> AsyncIterator[Stream]:
    """`stream`, closed afterwards, without waiting long for a peer that does not take the goodbye."""
    try:
        yield stream
    finally:
        with trio.move_on_after(CLOSING_S):
            await stream.aclose()


class PrefixedStream(trio.abc.Stream):
    """A stream with bytes put back in front of it, as Hypercorn's TCP server wants one."""

    def __init__(self, stream: Stream, prefix: bytes) -> None:
        self._stream = stream
        self._prefix = prefix
        self._is_closing = False
        self._reader = trio.Event()
        self._reader.set()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """The bytes put back first, then what arrives; nothing more once it is being closed."""
        if self._prefix:
            prefix, self._prefix = self._prefix, b""
            return prefix
        self._reader = trio.Event()
        try:
            data: bytes | bytearray = await self._stream.receive_some(max_bytes)
            while data and self._is_closing:
                data = await self._stream.receive_some(max_bytes)
            return data
        finally:
            self._reader.set()

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """As the stream; when the peer takes nothing for too long, the connection is cut.

        Hypercorn shields its writes from cancellation, so nobody else could end a stalled one.
        """
        view = memoryview(data)
        for start in range(0, len(view), PIECE_BYTES):
            with trio.move_on_after(STALLED_S) as patience:
                await self._stream.send_all(view[start : start + PIECE_BYTES])
            if patience.cancelled_caught:
                await trio.aclose_forcefully(self._stream)  # whoever reads from it shall notice
                raise trio.BrokenResourceError("the peer does not read")

    async def wait_send_all_might_not_block(self) -> None:
        """As the stream."""
        await self._stream.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        """As the stream; TLS has none, and says so by an `AttributeError`, as Hypercorn expects."""
        await self._stream.send_eof()

    async def aclose(self) -> None:
        """Let the peer read the last answer to its end, then close.

        A connection that is closed while the peer still sends is reset, and what it has not read is lost.
        """
        if not self._is_closing:
            self._is_closing = True
            with trio.move_on_after(LINGER_S):
                await self._linger()
        async with closing(self._stream):
            pass

    async def _linger(self) -> None:
        try:
            with suppress(AttributeError):  # TLS cannot half-close
                await self.send_eof()
            await self._reader.wait()  # it reads on, to the end
            while await self._stream.receive_some():
                pass
        except (trio.BrokenResourceError, trio.ClosedResourceError, trio.BusyResourceError):
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
