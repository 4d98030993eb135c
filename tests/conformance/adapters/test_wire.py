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


REFUSAL = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\n{}"
HINTS = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </s.css>\r\n\r\n"
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x02{}"


@pytest.mark.parametrize("answer", [REFUSAL, SWITCH, b"HTTP/1.1 4"], ids=["no", "yes", "torn"])
@pytest.mark.parametrize("piece", [1, 7, 1000])
async def test_interim_answers_are_no_answer_to_a_handshake(answer: bytes, piece: int) -> None:
    """However they are cut on their way, what comes behind them is what the server said."""
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        dialled = await trio.open_tcp_stream(*listener.socket.getsockname())
        server = await listener.accept()
    said = HINTS + answer
    async with WireStream(dialled) as wire, server, trio.open_nursery() as nursery:

        async def say() -> None:
            for begin in range(0, len(said), piece):
                await server.send_all(said[begin : begin + piece])
                await trio.lowlevel.checkpoint()
            await server.send_eof()

        nursery.start_soon(say)
        heard = b""
        while data := await wire.receive_some(100):
            heard += data
        assert heard == wire.head == answer


async def test_what_was_sent_to_a_stalled_reader_is_there_when_it_reads_on() -> None:
    """The kernel drops nothing that it had room for: that would come again after ever longer pauses."""
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        dialled = await trio.open_tcp_stream(*listener.socket.getsockname())
        server = await listener.accept()
    async with WireStream(dialled) as wire, server:
        wire.forget_head()
        room = dialled.socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        wire.freeze()
        assert dialled.socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) == room
        await server.send_all(GOODBYE)
        wire.thaw()
        assert await wire.receive_some(100) == GOODBYE
