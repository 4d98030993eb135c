"""The front door, over streams in memory: who is shown which way, and who is not let in at all."""

from __future__ import annotations

from typing import cast

import pytest
import trio
import trio.testing

from reference_server.core.errors import Unavailable
from reference_server.descriptors import Capacity
from reference_server.transport.crowds import join_chat
from reference_server.transport.eager import EagerStream
from reference_server.transport.front_door import (
    HEAD_BYTES,
    HEAD_TIMEOUT_S,
    FrontDoor,
)
from reference_server.transport.streams import Stream

from .raw import upgrade

CHAT = upgrade()
PLACES = Capacity(silent=2, http=2, chat=2)


class House:
    """Behind the door: where each connection was shown, with the bytes that came with it."""

    def __init__(self) -> None:
        self.shown: list[tuple[str, bytes]] = []
        self.door = FrontDoor(self._chat, self._http, PLACES)

    async def _chat(self, _: Stream, head: bytes) -> None:
        self.shown.append(("chat", head))

    async def _http(self, _: Stream, head: bytes) -> None:
        self.shown.append(("http", head))

    async def visit(self, *pieces: bytes) -> None:
        """Connect, send these pieces one at a time, and hang up."""
        visitor, ours = trio.testing.memory_stream_pair()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.door, cast(EagerStream, ours))
            for piece in pieces:
                await visitor.send_all(piece)
                await trio.testing.wait_all_tasks_blocked()
            await visitor.send_eof()


@pytest.fixture
def house() -> House:
    """A house."""
    return House()


@pytest.mark.parametrize(
    ("head", "way"),
    [
        (CHAT, "chat"),
        (upgrade("/v1.0/chat?encoding=text"), "chat"),
        (upgrade(Upgrade="WebSocket"), "chat"),
        (CHAT.replace(b"Upgrade: websocket", b"upgrade:websocket"), "chat"),
        (CHAT.replace(b"Upgrade: websocket", b"UPGRADE: \t websocket \t"), "chat"),
        (CHAT.replace(b"HTTP/1.1", b"HTTP/1.0"), "http"),
        (CHAT.replace(b"GET", b"POST"), "http"),
        (upgrade(Upgrade=None), "http"),
        (upgrade(Upgrade="h2c"), "http"),
        (upgrade("/v1.0/chats"), "http"),
        (upgrade("/v1.0/chat/"), "http"),
        (upgrade("/v1.0/users"), "http"),
        (upgrade("/x?/v1.0/chat"), "http"),
        (b"GET /v1.0/chat HTTP/1.1\r\nX: upgrade: websocket\r\n\r\n", "http"),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "http"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "http"),
        (b"nonsense\r\n\r\n", "http"),
        (upgrade(Upgrade=None) + CHAT, "http"),
    ],
    ids=lambda value: repr(value)[:60],
)
async def test_only_an_upgrade_to_the_chat_channel_takes_the_fast_lane(
    head: bytes, way: str, house: House
) -> None:
    """Everything else is HTTP's business, whatever it is."""
    await house.visit(head)
    assert house.shown == [(way, head)]


async def test_a_head_may_come_in_any_pieces(house: House) -> None:
    """Byte by byte, it is the same."""
    await house.visit(*(CHAT[n : n + 1] for n in range(len(CHAT))))
    assert house.shown == [("chat", CHAT)]


async def test_what_comes_behind_the_head_goes_with_it(house: House) -> None:
    """A body, a pipelined request, an early frame."""
    head = b"POST /v1.0/users HTTP/1.1\r\nContent-Length: 2\r\n\r\n"
    await house.visit(head + b"{}" + CHAT)
    assert house.shown == [("http", head + b"{}" + CHAT)]


async def test_a_head_without_end_is_not_read_to_its_end(house: House) -> None:
    """It is refused with what was read so far, and shown to nobody."""
    piece = b"GET / HTTP/1.1\r\nX: " + b"x" * (HEAD_BYTES - 20)
    await house.visit(piece, b"x" * 100)
    assert house.shown == []


async def test_one_who_hangs_up_within_a_head_is_given_to_http(house: House) -> None:
    """And one who never said anything to nobody."""
    await house.visit(b"GET / HT")
    await house.visit()
    assert house.shown == [("http", b"GET / HT")]


@pytest.mark.parametrize("pieces", [(), (b"GET / HTTP/1.1\r\n", b"X: y\r\n", b"Z: y\r\n")])
async def test_one_who_dawdles_is_cut(
    pieces: tuple[bytes, ...], house: House, autojump_clock: trio.testing.MockClock
) -> None:
    """The time is for the whole head, however often a byte comes."""
    visitor, ours = trio.testing.memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(house.door, cast(EagerStream, ours))
        for piece in pieces:
            await trio.sleep(HEAD_TIMEOUT_S / 4)
            await visitor.send_all(piece)
        assert await visitor.receive_some() == b""
        assert trio.current_time() == pytest.approx(HEAD_TIMEOUT_S)
    assert house.shown == []


async def test_one_who_breaks_off_harms_nobody(house: House) -> None:
    """A reset is no error of ours."""
    visitor, ours = trio.testing.memory_stream_pair()

    async def reset() -> None:
        raise trio.BrokenResourceError

    ours.receive_stream.receive_some_hook = reset
    await house.door(cast(EagerStream, ours))
    assert await visitor.receive_some() == b""
    assert house.shown == []


@pytest.mark.parametrize("trouble", [ZeroDivisionError, trio.BrokenResourceError])
async def test_a_failure_ends_its_connection_alone(
    trouble: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    """A bug is logged; a connection that broke is not."""

    async def fail(_: Stream, __: bytes) -> None:
        raise trouble

    visitor, ours = trio.testing.memory_stream_pair()
    await visitor.send_all(CHAT)
    await FrontDoor(fail, fail, PLACES)(cast(EagerStream, ours))
    assert await visitor.receive_some() == b""
    assert [bool(record.exc_info) for record in caplog.records] == (
        [True] if trouble is ZeroDivisionError else []
    )


async def test_when_the_realtime_channel_is_full_a_newcomer_gets_no_place(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whoever has shown who it is asks for one; who is connected stays, and whoever leaves makes room."""
    leave = trio.Event()
    here = refused = 0

    async def chat(_: Stream, __: bytes) -> None:
        nonlocal here, refused
        try:
            join_chat()
        except Unavailable:
            refused += 1
            return
        here += 1
        await leave.wait()
        here -= 1

    async def come(door: FrontDoor, nursery: trio.Nursery) -> trio.testing.MemoryReceiveStream:
        visitor, ours = trio.testing.memory_stream_pair()
        nursery.start_soon(door, cast(EagerStream, ours))
        await visitor.send_all(CHAT)
        await visitor.send_eof()
        await trio.testing.wait_all_tasks_blocked()
        return visitor.receive_stream

    async with trio.open_nursery() as nursery:
        door = FrontDoor(chat, chat, PLACES)
        connected = [await come(door, nursery) for _ in range(PLACES.chat)]
        for _ in range(2):
            assert await (await come(door, nursery)).receive_some() == b""
        assert (here, refused) == (PLACES.chat, 2)
        leave.set()
        for visitor in connected:
            assert await visitor.receive_some() == b""
        assert await (await come(door, nursery)).receive_some() == b""
        assert refused == 2
    assert [record.getMessage() for record in caplog.records] == [
        "all 2 places for realtime connections are taken"
    ]
