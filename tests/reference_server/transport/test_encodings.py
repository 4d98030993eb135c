"""MessagePack on the realtime channel, over every lane: the same frames as in JSON (RT-7)."""

from __future__ import annotations

import struct
from contextlib import AsyncExitStack

import msgspec

from reference_server.core.limits import Limits
from reference_server.service import Service

from ..people import Person, direct, login, say
from .peers import Frame, Lane, WirePeer, hears, online, rest, send

TEXT = "a ✓\u0000 \U0001f600\n" + "long " * 100


def packed(value: object) -> bytes:
    """A value as MessagePack."""
    return msgspec.msgpack.encode(value)


def nested(depth: int) -> bytes:
    """A ping whose ignored member is nested so deep that the whole frame is `depth` deep."""
    value: object = 1
    for _ in range(depth - 1):
        value = [value]
    return packed({"type": "ping", "id": "deep", "x": value})


async def test_both_encodings_are_told_the_same(
    lane: Lane, service: Service, alice: Person, bob: Person
) -> None:
    """One conversation, a device of each encoding on both sides."""
    chat = await direct(service, alice, bob)
    await say(service, alice, chat, "before")
    tablet = await login(service, "bob", "tablet")
    async with AsyncExitStack() as stack:
        alices = await stack.enter_async_context(lane.connect(alice, "msgpack"))
        phone = await stack.enter_async_context(lane.connect(bob, "msgpack"))
        other = await stack.enter_async_context(lane.connect(tablet))
        assert [each["body"]["text"] for each in await online(alices)] == ["before"]
        assert [each["body"]["text"] for each in await online(phone)] == ["before"]
        assert await online(other) == []
        await alices.says(send(chat, "hello", body={"kind": "text", "text": TEXT}))
        sent = await hears(alices, "sent")
        packed_frame, text_frame = await hears(phone, "message"), await hears(other, "message")
        assert packed_frame == text_frame
        assert packed_frame["message"]["body"]["text"] == TEXT
        assert packed_frame["message"]["message_id"] == sent["message_id"]
        await other.says({"type": "read", "conversation_id": chat, "up_to_seq": 2})
        assert await hears(alices, "status") == await hears(phone, "status")
        await other.says({"type": "typing", "conversation_id": chat, "active": True})
        assert (await hears(alices, "typing"))["active"] is True
        assert await rest(service, alices, phone, other) == [[], [], []]


async def test_refusals_are_told_in_the_encoding_too(lane: Lane, alice: Person) -> None:
    """`failed` and `error`, and the connection goes on."""
    async with lane.connect(alice, "msgpack") as phone:
        await online(phone)
        await phone.says(send("nonsense", "hello", client_message_id=[1, {"a": None}]))
        failed = await hears(phone, "failed")
        assert failed["client_message_id"] == [1, {"a": None}]
        assert failed["error"]["code"] == "invalid_request"
        wrong: object
        for wrong in (5, None, [], {}, {"type": 5}, {"type": "nonsense"}):
            await phone.says(packed(wrong))
            assert (await hears(phone, "error"))["error"]["code"] == "invalid_request"
        await phone.says({"type": "ping", "id": "alive"})
        assert (await hears(phone, "pong"))["id"] == "alive"


async def test_a_repeat_in_the_other_encoding_is_the_same_send(
    lane: Lane, service: Service, alice: Person, bob: Person
) -> None:
    """DLV-4: the content counts, not how it was written."""
    chat = await direct(service, alice, bob)
    body = {"kind": "text", "text": "hello", "x": [1, 2.5, None, True, -(2**63), 2**64 - 1]}
    answers: list[Frame] = []
    for encoding in ("text", "msgpack"):
        async with lane.connect(alice, encoding) as phone:
            await online(phone)
            await phone.says(send(chat, "hello", body=body))
            answers.append(await hears(phone, "sent"))
    assert [answer.pop("duplicate") for answer in answers] == [False, True]
    for answer in answers:
        del answer["timing"]  # how long each took is its own
    assert answers[0] == answers[1]


PING = packed({"type": "ping", "id": "a"})


UNDECODABLE: list[bytes | str] = [
    b"",
    PING[:-1],
    PING + b"\xc0",
    b"\xc1",
    b"\xdd\xff\xff\xff\xff",
    b"\xdf\xff\xff\xff\xff\xa1a",
    b"\xdd\x00\x01\xf0\x00" * 26_000,
    b"\x91" * 100_000 + b"\xc0",
    packed({"type": "ping", "id": "a", "x": b"bytes"}),
    packed({"type": "ping", "id": "a", "x": msgspec.msgpack.Ext(5, b"data")}),
    packed({"type": "ping", "id": "a", "x": float("nan")}),
    packed({"type": "ping", "id": "a", "x": [float("-inf")]}),
    packed({"type": "ping", "id": "a", 1: "x"}),
    packed({"type": "ping", "id": "a", "x": {b"key": "x"}}),
    b"\x81\x90\x01",
    b"\x81\x81\x01\x02\x03",
    b"\xa1\xff",
    b"\xa3\xed\xa0\x80",
    b"\xd6\xff" + struct.pack(">I", 1_700_000_000),
    nested(33),
    '{"type": "ping", "id": "a"}',
    "",
]


async def test_what_cannot_be_decoded_closes_with_4400(lane: Lane, alice: Person) -> None:
    """RT-3: what is no MessagePack, says what JSON cannot, is too deep, or is text."""
    for data in UNDECODABLE:
        async with lane.connect(alice, "msgpack") as phone:
            await online(phone)
            await phone.says(data)
            assert (data[:40], await phone.ended()) == (data[:40], 4400)


async def test_32_levels_are_not_too_deep(lane: Lane, alice: Person) -> None:
    """Only one more is."""
    async with lane.connect(alice, "msgpack") as phone:
        await online(phone)
        await phone.says(nested(32))
        assert (await hears(phone, "pong"))["id"] == "deep"


async def test_a_message_over_the_limit_closes_with_1009(lane: Lane, alice: Person) -> None:
    """`max_frame_bytes` holds for binary messages as well, and is allowed itself."""
    limit = Limits().max_frame_bytes
    head = len(packed({"type": "ping", "id": "a", "x": "x" * 70_000})) - 70_000
    async with lane.connect(alice, "msgpack") as phone:
        await online(phone)
        frame = {"type": "ping", "id": "a", "x": "x" * (limit - head)}
        assert len(packed(frame)) == limit
        await phone.says(frame)
        await hears(phone, "pong")
        if isinstance(phone, WirePeer):  # a channel in memory has no frames
            await phone.says(frame | {"id": "ab"})
            assert await phone.ended() == 1009
