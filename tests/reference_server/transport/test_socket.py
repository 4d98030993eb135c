"""The fast lane, byte by byte: the upgrade, frames in pieces, control frames, and the closing.

What ends a connection ends it alike where Hypercorn carries it.
"""

from __future__ import annotations

import json
import socket
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
import trio
from websockets.frames import Opcode

from reference_server.core.limits import Limits

from ..people import Person, direct, newcomer, say
from ..running import Running
from .peers import CONNECTIONS
from .raw import ACCEPT, Wire, chatting, masked, text, upgrade

MAX_FRAME = 2_000
PING = {"type": "ping", "id": "p"}


@pytest.fixture
def limits() -> Limits:
    """Small frames, a small buffer, and texts that fill it soon."""
    return Limits(
        max_frame_bytes=MAX_FRAME, max_text_length=60_000, max_connection_buffer_bytes=100_000
    )


@pytest.fixture
async def alice(server: Running) -> Person:
    """Alice, on her phone."""
    return await newcomer(server.service, "alice")


@pytest.fixture
async def wire(server: Running, alice: Person) -> AsyncIterator[Wire]:
    """Alice's connection, live."""
    async with chatting(server, alice) as live:
        yield live


@pytest.fixture(params=CONNECTIONS)
async def either(
    request: pytest.FixtureRequest, server: Running, alice: Person
) -> AsyncIterator[Wire]:
    """The same, over the fast lane or over Hypercorn."""
    async with chatting(server, alice, CONNECTIONS[request.param]) as live:
        yield live


# the upgrade


async def test_an_upgrade_is_answered_as_rfc_6455_says(server: Running, alice: Person) -> None:
    """101 with the accept value of RFC 6455, 1.3; no subprotocol unless one is offered."""
    async with await server.connect() as stream:
        wire = Wire(stream)
        await wire.sends(upgrade(**alice.authorization))
        answer = await wire.answer()
        assert answer.status == 101
        assert answer.headers["sec-websocket-accept"] == ACCEPT
        assert "sec-websocket-protocol" not in answer.headers
        assert (await wire.message())["type"] == "welcome"


async def test_the_subprotocol_is_selected_if_it_is_offered(server: Running, alice: Person) -> None:
    """And a browser's token may stand beside it."""
    async with await server.connect() as stream:
        wire = Wire(stream)
        offered = f"chat, messenger.v1, bearer.{alice.token}"
        await wire.sends(upgrade(Sec_WebSocket_Protocol=offered))
        answer = await wire.answer()
        assert (answer.status, answer.headers["sec-websocket-protocol"]) == (101, "messenger.v1")


@pytest.mark.parametrize(
    ("head", "status", "code"),
    [
        (upgrade(), 401, "unauthorized"),
        (upgrade(Authorization="Bearer nonsense"), 401, "unauthorized"),
        (upgrade(Authorization="Bearer \xff"), 401, "unauthorized"),
        (upgrade(Authorization="Basic YTpi"), 401, "unauthorized"),
        (upgrade(Authorization="Bearer"), 401, "unauthorized"),
        (upgrade(Sec_WebSocket_Protocol="bearer.nonsense"), 401, "unauthorized"),
        (upgrade(Sec_WebSocket_Protocol='"(,'), 401, "unauthorized"),
        (upgrade("/v1.0/chat?token=x"), 401, "unauthorized"),
        (upgrade("/v1.0/chat?encoding=msgpack"), 401, "unauthorized"),
        (upgrade("/v1.0/chat", "Authorization: Bearer a", "Authorization: Bearer b"), 401, None),
    ],
    ids=lambda value: repr(value)[-60:],
)
async def test_an_upgrade_without_a_good_token_is_401(
    head: bytes, status: int, code: str | None, server: Running
) -> None:
    """RT-1, SEC-1: before the upgrade and before everything else."""
    async with await server.connect() as stream:
        wire = Wire(stream)
        await wire.sends(head)
        answer = await wire.answer()
        assert answer.status == status
        assert answer.problem["code"] == (code or "unauthorized")
        assert answer.headers["www-authenticate"] == "Bearer"
        assert await wire.ends() == b""


async def test_an_encoding_that_is_not_offered_is_invalid(server: Running, alice: Person) -> None:
    """400, with a token; `text`, `msgpack` and none are fine."""
    statuses = {"?encoding=text": 101, "?encoding=msgpack": 101, "?x=1": 101, "?encoding=cbor": 400}
    for query, status in statuses.items():
        async with await server.connect() as stream:
            wire = Wire(stream)
            await wire.sends(upgrade(f"/v1.0/chat{query}", **alice.authorization))
            answer = await wire.answer()
            assert answer.status == status
            if status == 400:
                assert answer.problem["code"] == "invalid_encoding"


@pytest.mark.parametrize(
    ("headers", "statuses"),
    [
        ({"Sec_WebSocket_Key": None}, {400}),
        ({"Sec_WebSocket_Key": "short"}, {400}),
        ({"Sec_WebSocket_Version": "8"}, {400, 426}),
        ({"Sec_WebSocket_Version": None}, {400, 426}),
        ({"Connection": "keep-alive"}, {400, 426}),
    ],
    ids=str,
)
async def test_a_broken_handshake_is_refused(
    headers: dict[str, str | None], statuses: set[int], server: Running, alice: Person
) -> None:
    """By the protocol itself; the server goes on."""
    async with await server.connect() as stream:
        wire = Wire(stream)
        await wire.sends(upgrade("/v1.0/chat", **(alice.authorization | headers)))
        assert (await wire.answer()).status in statuses
    async with chatting(server, alice):
        pass


@pytest.mark.parametrize(
    "head",
    [
        b"GET /v1.0/chat HTTP/1.1\r\nupgrade: websocket\r\nno colon\r\n\r\n",
        b"GET /v1.0/chat?\xff HTTP/1.1\r\nupgrade: websocket\r\n\r\n",
        b"GET /v1.0/chat HTTP/1.1\r\nupgrade: websocket\r\n" + b"a: b\r\n" * 500 + b"\r\n",
        b"GET /v1.0/chat HTTP/1.1\r\nupgrade: websocket\r\na: " + b"b" * 20_000 + b"\r\n\r\n",
        b"GET /v1.0/chat HTTP/1.1\r\nupgrade: websocket\r\ncontent-length: 5\r\n\r\nhello",
    ],
    ids=lambda head: repr(head[:80]),
)
async def test_a_head_that_is_no_request_is_answered_or_cut(
    head: bytes, server: Running, alice: Person
) -> None:
    """Never with a 5xx, and the server goes on."""
    async with await server.connect() as stream:
        wire = Wire(stream)
        await wire.sends(head)
        answer = await wire.ends()
        assert not answer.startswith(b"HTTP/1.1 5")
    async with chatting(server, alice):
        pass


async def test_frames_that_come_with_the_upgrade_are_taken(server: Running, alice: Person) -> None:
    """A client that does not wait for the 101."""
    async with await server.connect() as stream:
        wire = Wire(stream)
        await wire.sends(upgrade(**alice.authorization) + text(PING))
        assert (await wire.answer()).status == 101
        kinds = {(await wire.message())["type"] for _ in range(3)}
        assert kinds == {"welcome", "replay_complete", "pong"}


# frames


async def test_frames_may_arrive_in_any_pieces(wire: Wire) -> None:
    """Byte by byte, and several in one piece."""
    for byte in text(PING):
        await wire.sends(bytes([byte]))
    assert (await wire.message())["type"] == "pong"
    await wire.sends(b"".join(text({"type": "ping", "id": f"{n}"}) for n in range(20)))
    assert [(await wire.message())["id"] for _ in range(20)] == [f"{n}" for n in range(20)]


async def test_a_message_may_be_fragmented(wire: Wire) -> None:
    """Also within a character, and with a ping in between."""
    whole = json.dumps({"type": "ping", "id": "p", "x": "😀"}, ensure_ascii=False).encode()
    at = whole.index("😀".encode()) + 2
    await wire.sends(masked(Opcode.TEXT, whole[:3], fin=False))
    await wire.sends(masked(Opcode.CONT, whole[3:at], fin=False))
    await wire.sends(masked(Opcode.PING, b"?"))
    await wire.sends(masked(Opcode.CONT, whole[at:]))
    assert await wire.frame() == (Opcode.PONG, b"?")
    assert (await wire.message())["type"] == "pong"
    await wire.sends(text(PING))
    assert (await wire.message())["type"] == "pong"


async def test_a_message_in_endless_pieces_of_nothing_takes_no_room(
    wire: Wire, server: Running
) -> None:
    """What waits of a message is bounded by its bytes, so many fragments without any hold nothing."""
    await wire.sends(masked(Opcode.TEXT, b'{"type": "ping", ', fin=False))
    await wire.sends(masked(Opcode.PING, b"begun"))
    assert await wire.frame() == (Opcode.PONG, b"begun")
    number = 20_000
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        await wire.sends(masked(Opcode.CONT, b"", fin=False) * number)
        await wire.sends(masked(Opcode.PING, b"taken"))
        assert await wire.frame() == (Opcode.PONG, b"taken")
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 4 * number, "a place in a list for each is eight bytes"
    await wire.sends(masked(Opcode.CONT, b'"id": "p"}'))
    assert (await wire.message())["type"] == "pong"


async def test_a_ping_is_answered_with_its_own_payload(wire: Wire) -> None:
    """RFC 6455, 5.5.3."""
    await wire.sends(masked(Opcode.PING, b"hello") + masked(Opcode.PONG, b"unasked"))
    assert await wire.frame() == (Opcode.PONG, b"hello")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (masked(Opcode.BINARY, b"{}"), 4400),
        (masked(Opcode.TEXT, b"nonsense"), 4400),
        (masked(Opcode.TEXT, b"[" * 33 + b"]" * 33), 4400),
        (masked(Opcode.TEXT, b'"\xff"'), 1007),
        (masked(Opcode.TEXT, b'"\xed\xa0\x80"'), 1007),
        (masked(Opcode.TEXT, b'"\xf0', fin=False) + masked(Opcode.CONT, b'"'), 1007),
        (masked(Opcode.TEXT, b'"' + b"x" * MAX_FRAME + b'"'), 1009),
        (masked(Opcode.TEXT, b'"' + "é".encode() * (MAX_FRAME // 2) + b'"'), 1009),
        (
            masked(Opcode.TEXT, b'"' + b"x" * 1_500, fin=False)
            + masked(Opcode.CONT, b"x" * 1_500 + b'"'),
            1009,
        ),
        (b"\x81\x02{}", 1002),  # not masked
        (b"\xf1\x80\x00\x00\x00\x00", 1002),  # reserved bits
        (masked(Opcode.CONT, b"{}"), 1002),
        (b"\x83\x80\x00\x00\x00\x00", 1002),  # unknown opcode
    ],
    ids=[
        *("binary on a text channel", "no JSON", "too deep", "a byte of no UTF-8", "a surrogate"),
        *("half a character, over fragments", "too many bytes", "too many bytes of few characters"),
        *("too many bytes, over fragments", "not masked", "reserved bits", "continues nothing"),
        "unknown opcode",
    ],
)
async def test_what_is_not_understood_closes_with_its_code(
    data: bytes, code: int, either: Wire
) -> None:
    """RT-3: 4400, 1007 and 1009 as §6 says, 1002 as RFC 6455 does."""
    await either.sends(data)
    assert await either.close_code() == code
    if code == 4400:  # the session's own, which waits for the answer
        await either.sends(masked(Opcode.CLOSE, code.to_bytes(2)))
    assert await either.ends() == b""


async def test_a_frame_of_exactly_the_limit_is_taken(either: Wire) -> None:
    """One byte more is not."""
    frame = json.dumps({"type": "ping", "id": "p", "x": ""}).encode()
    full = frame[:-2] + b"x" * (MAX_FRAME - len(frame)) + frame[-2:]
    await either.sends(masked(Opcode.TEXT, full))
    assert (await either.message())["type"] == "pong"
    await either.sends(masked(Opcode.TEXT, full + b" "))
    assert await either.close_code() == 1009


async def test_a_much_too_large_frame_is_refused_unread_and_the_refusal_arrives(
    either: Wire,
) -> None:
    """The close frame is not lost in a reset, although the rest of the frame is still on its way."""
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def send() -> None:
            with suppress(trio.BrokenResourceError):  # nobody reads it, which is right
                await either.sends(masked(Opcode.TEXT, b'"' + b"x" * 3_000_000 + b'"'))

        assert await either.close_code() == 1009


# the end


@pytest.mark.parametrize(
    "ending",
    [masked(Opcode.CLOSE, (1000).to_bytes(2)), masked(Opcode.TEXT, b'"\xff"')],
    ids=["a close", "a fault"],
)
async def test_nothing_comes_after_the_close_frame(ending: bytes, either: Wire) -> None:
    """RFC 6455, 5.5.1: what was said before the end is answered before it, or not at all."""
    await either.sends(text(PING) + ending)
    opcodes = [opcode async for opcode, _ in either.frames()]
    assert opcodes.count(Opcode.CLOSE) == 1
    assert opcodes[-1] is Opcode.CLOSE


async def test_a_close_behind_a_broken_frame_is_still_answered(wire: Wire) -> None:
    """The session has its own reason to end, and the peer has said goodbye already."""
    await wire.sends(masked(Opcode.TEXT, b"nonsense") + masked(Opcode.CLOSE, (1000).to_bytes(2)))
    assert await wire.close_code() in (1000, 4400)
    assert await wire.ends() == b""


async def test_a_close_is_answered_and_the_connection_ends(wire: Wire, server: Running) -> None:
    """RFC 6455, 7.1.1: the same code back, then the server closes TCP first."""
    await wire.sends(masked(Opcode.CLOSE, (1000).to_bytes(2) + b"bye"))
    assert await wire.close_code() == 1000
    assert await wire.ends() == b""
    assert list(server.service.kernel.hub) == []


async def test_a_close_of_the_servers_waits_for_its_answer(
    wire: Wire, server: Running, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the peer sent before it saw the close is read and dropped."""
    monkeypatch.setattr("reference_server.hub.CLOSING_GRACE_S", 1e9)
    await server.service.accounts.logout(alice.identity)
    assert await wire.close_code() == 4401
    await wire.sends(text(PING) + masked(Opcode.CLOSE, (4401).to_bytes(2)))
    assert await wire.ends() == b""


async def test_a_peer_that_goes_on_sending_sees_the_close_of_the_server(
    wire: Wire, server: Running, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RT-8: far more than one read takes is under way, and the connection is not reset on it."""
    monkeypatch.setattr("reference_server.hub.CLOSING_GRACE_S", 1e9)
    await server.service.accounts.logout(alice.identity)
    await wire.sends(text(PING) * 20_000)
    assert await wire.close_code() == 4401
    await wire.sends(masked(Opcode.CLOSE, (4401).to_bytes(2)))
    assert await wire.ends() == b""


async def test_a_peer_that_just_goes_is_forgotten(wire: Wire, server: Running) -> None:
    """Without a close frame, and with a reset."""
    assert isinstance(wire.stream, trio.SocketStream)
    wire.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    await wire.stream.aclose()
    with trio.fail_after(30):
        while list(server.service.kernel.hub):
            await trio.lowlevel.checkpoint()


async def test_a_stalled_peer_is_cut_and_nobody_else_notices(
    server: Running, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RT-6: with all buffers of the system full, too, the server holds no more than its own."""
    monkeypatch.setattr("reference_server.hub.CLOSING_GRACE_S", 0)
    bob = await newcomer(server.service, "bob")
    chat = await direct(server.service, alice, bob)
    number = 0
    async with chatting(server, bob), chatting(server, alice) as sender:
        while any(each.identity == bob.identity for each in server.service.kernel.hub):
            await say(server.service, alice, chat, f"{number:05}".ljust(60_000, "x"))
            assert (await sender.message())["message"]["seq"] == number + 1
            number += 1
            assert number < 1_000, "it is held for ever"
