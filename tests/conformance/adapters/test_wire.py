"""The suite's socket under a WebSocket: what a server said before it closed is read, whatever else fails."""

from __future__ import annotations

import socket
import struct
from contextlib import suppress

import pytest
import trio

from conformance.adapters.messenger.wire import WireStream

GOODBYE = b"\x88\x02\x11\x39"  # a close frame, 4409
RESET = struct.pack("ii", 1, 0)


async def test_a_goodbye_is_read_although_writing_has_failed() -> None:
    """A server may close right behind its close frame, amid whatever the client is writing."""
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        dialled = await trio.open_tcp_stream(*listener.socket.getsockname())
        server = await listener.accept()
    async with WireStream(dialled) as wire:
        await server.send_all(GOODBYE)
        await trio.lowlevel.wait_readable(dialled.socket)  # it has arrived, and is not read yet
        server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        await server.aclose()
        for _ in range(3):
            await wire.send_all(b"still talking")
        assert await wire.receive_some(100) == GOODBYE
        with suppress(trio.BrokenResourceError):  # the write may have had the error already
            assert await wire.receive_some(100) == b""
        with pytest.raises(trio.BrokenResourceError):
            await wire.send_all(b"to nobody")
