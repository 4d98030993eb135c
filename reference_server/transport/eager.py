"""A TCP stream with as few trips through the scheduler as can be.

Trio's own stream tries to read before it waits, and yields after each call even when nothing had to be
waited for. A chat connection has mostly just been emptied when it is read again, and can mostly be
written at once, so this one waits first and then reads, and writes first and then waits. Cancellation
works wherever it waits; whoever writes in a loop must wait for something else in between.
"""

from __future__ import annotations

import socket

import trio


class EagerStream(trio.abc.HalfCloseableStream):
    """Takes a socket over from `stream`, which is of no use afterwards."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._socket = socket.socket(fileno=stream.socket.detach())
        self._socket.setblocking(False)

    @property
    def socket(self) -> socket.socket:
        """The socket, to ask it for its addresses."""
        return self._socket

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """What has arrived, at least a byte; empty at the end. Raises `trio.BrokenResourceError`."""
        while True:
            if self._socket.fileno() < 0:
                raise trio.ClosedResourceError("this connection was cut")
            await trio.lowlevel.wait_readable(self._socket)
            try:
                return self._socket.recv(max_bytes or 65_536)
            except BlockingIOError:
                continue  # woken for nothing, which the system allows itself
            except OSError as error:
                raise trio.BrokenResourceError(str(error)) from error

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Write everything. Raises `trio.BrokenResourceError`."""
        rest = memoryview(data)
        try:
            while rest:
                try:
                    rest = rest[self._socket.send(rest) :]
                except BlockingIOError:
                    await self.wait_send_all_might_not_block()
        except OSError as error:
            raise trio.BrokenResourceError(str(error)) from error

    async def wait_send_all_might_not_block(self) -> None:
        """Return when there is room to write."""
        await trio.lowlevel.wait_writable(self._socket)

    async def send_eof(self) -> None:
        """Say that nothing more will be written. Raises `trio.BrokenResourceError`."""
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError as error:
            raise trio.BrokenResourceError(str(error)) from error
        await trio.lowlevel.checkpoint()

    def cut(self) -> None:
        """Close the socket; whoever waits on it gets `trio.ClosedResourceError`."""
        if self._socket.fileno() >= 0:
            trio.lowlevel.notify_closing(self._socket)
            self._socket.close()

    async def aclose(self) -> None:
        """As `cut`."""
        self.cut()
        await trio.lowlevel.checkpoint()
