"""A connected device, over every lane: the welcome, sending, statuses, refusals, and how it ends."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest
import trio

from reference_server.core.times import rfc3339
from reference_server.hub import Closing
from reference_server.service import Service

from ..people import Person, all_committed, direct, group, login, say
from .peers import (
    PATIENCE_S,
    Frame,
    Lane,
    hears,
    in_memory,
    live,
    online,
    rest,
    send,
    texts,
)

# the beginning


async def test_the_welcome_comes_first(lane: Lane, alice: Person) -> None:
    """RT-2: who one is, the time, the heartbeat; then the empty backlog."""
    lane.service.kernel.now = lambda: 1_795_341_600_123
    async with lane.connect(alice) as phone:
        assert await phone.next() == {
            "type": "welcome",
            "user_id": "alice",
            "device_id": "phone",
            "server_time": "2026-11-22T10:00:00.123Z",
            "heartbeat_interval_ms": 30_000,
        }
        assert await phone.next() == {"type": "replay_complete", "count": 0}


async def test_a_backlog_is_replayed_until_it_is_acknowledged(
    lane: Lane, service: Service, alice: Person, bob: Person
) -> None:
    """DLV-2, DLV-3: in order, again at each connection, from the device's own watermark on."""
    chat = await direct(service, alice, bob)
    for text in "abcd":
        await say(service, alice, chat, text)
    async with lane.connect(bob) as phone:
        assert [each["body"]["text"] for each in await online(phone)] == list("abcd")
    async with lane.connect(bob) as phone:
        assert [each["seq"] for each in await online(phone)] == [1, 2, 3, 4]
        await phone.says({"type": "delivered", "conversation_id": chat, "up_to_seq": 3})
        await rest(service, phone)
    async with lane.connect(bob) as phone:
        assert [each["seq"] for each in await online(phone)] == [4]
        await phone.says({"type": "read", "conversation_id": chat, "up_to_seq": 4})
        await rest(service, phone)
    async with lane.connect(bob) as phone:
        assert await online(phone) == []


async def test_own_sends_are_replayed_to_their_device(
    lane: Lane, service: Service, alice: Person, bob: Person
) -> None:
    """That is how it learns of a send whose answer was lost."""
    chat = await direct(service, alice, bob)
    async with lane.connect(alice) as phone:
        await online(phone)
        await phone.says(send(chat, "hello"))
        sent = await hears(phone, "sent")
    async with lane.connect(alice) as phone:
        (message,) = await online(phone)
        assert message["message_id"] == sent["message_id"]
        assert message["sender_device_id"] == "phone"


# sending


async def test_a_send_is_answered_and_reaches_everybody_else(
    lane: Lane, service: Service, alice: Person, bob: Person
) -> None:
    """DLV-6: `sent` on the connection that sent it, `message` on all others; the same entry."""
    chat = await direct(service, alice, bob)
    laptop = await login(service, "alice", "laptop")
    async with AsyncExitStack() as stack:
        here, there, bobs = await live(lane, stack, alice, laptop, bob)
        await here.says(send(chat, "hello"))
        sent = await hears(here, "sent")
        message = (await hears(there, "message"))["message"]
        assert await hears(bobs, "message") == {"type": "message", "message": message}
        assert message == {
            "message_id": sent["message_id"],
            "conversation_id": chat,
            "seq": 1,
            "sender_id": "alice",
            "sender_device_id": "phone",
            "client_message_id": "hello",
            "created_at": sent["created_at"],
            "body": {"kind": "text", "text": "hello"},
        }
        assert (sent["id"], sent["client_message_id"], sent["seq"]) == ("hello", "hello", 1)
        assert sent["duplicate"] is False
        assert await rest(service, here, there, bobs) == [[], [], []]


async def test_a_message_sent_over_http_reaches_the_senders_connections_too(
    lane: Lane, service: Service, alice: Person, bob: Person
) -> None:
    """No connection is its origin."""
    chat = await direct(service, alice, bob)
    async with lane.connect(alice) as phone:
        await online(phone)
        entry = await say(service, alice, chat, "by http")
        assert (await hears(phone, "message"))["message"]["message_id"] == entry.message_id


async def test_many_sends_at_once_keep_their_order(
    lane: Lane, service: Service, alice: Person, bob: Person
) -> None:
    """ORD-3: seqs, answers and deliveries, in the order of one connection's sends."""
    chat = await direct(service, alice, bob)
    words = [f"w{number}" for number in range(40)]
    async with AsyncExitStack() as stack:
        phone, bobs = await live(lane, stack, alice, bob)
        await phone.says(*(send(chat, word) for word in words))
        answers = [await hears(phone, "sent") for _ in words]
        heard = [await hears(bobs, "message") for _ in words]
    assert [(each["id"], each["seq"]) for each in answers] == list(
        zip(words, range(1, 41), strict=True)
    )
    assert texts(heard) == words


async def test_a_repeat_is_marked_and_not_delivered_again(
    lane: Lane, service: Service, alice: Person, bob: Person
) -> None:
    """DLV-4: the same ids whatever its `id`, from any device of the sender."""
    chat = await direct(service, alice, bob)
    laptop = await login(service, "alice", "laptop")
    async with AsyncExitStack() as stack:
        here, there, bobs = await live(lane, stack, alice, laptop, bob)
        await here.says(send(chat, "hello"))
        first = await hears(here, "sent")
        await hears(there, "message")
        await hears(bobs, "message")
        await here.says(send(chat, "hello", id="again", relates_to=None))
        assert await hears(here, "sent") == first | {"id": "again", "duplicate": True}
        await there.says(send(chat, "hello"))
        assert await hears(there, "sent") == first | {"duplicate": True}
        assert await rest(service, here, there, bobs) == [[], [], []]


async def test_the_same_id_with_another_content_is_a_conflict(
    lane: Lane, service: Service, alice: Person, bob: Person
) -> None:
    """DLV-5: also when the other content would be refused by itself."""
    chat = await direct(service, alice, bob)
    async with AsyncExitStack() as stack:
        phone, bobs = await live(lane, stack, alice, bob)
        await phone.says(send(chat, "hello"))
        await hears(phone, "sent")
        await hears(bobs, "message")
        for other in ({"body": {"kind": "text", "text": "bye"}}, {"body": 5}, {"expires_in_s": 9}):
            await phone.says(send(chat, "hello") | other)
            failed = await hears(phone, "failed")
            assert failed["error"]["code"] == "idempotency_conflict"
            assert failed["error"]["retryable"] is False
        assert await rest(service, bobs) == [[]]


REFUSED_SENDS: list[tuple[Frame, str]] = [
    ({"conversation_id": "nowhere"}, "unknown_conversation"),
    ({"conversation_id": "no id!"}, "invalid_request"),
    ({"conversation_id": 5}, "invalid_request"),
    ({"client_message_id": None}, "invalid_request"),
    ({"client_message_id": "a/b"}, "invalid_request"),
    ({"client_message_id": ["m"]}, "invalid_request"),
    ({"body": None}, "invalid_body"),
    ({"body": "text"}, "invalid_body"),
    ({"body": {"kind": "system", "event": "joined"}}, "invalid_body"),
    ({"body": {"kind": "text", "text": "x" * 16_385}}, "invalid_body"),
    ({"relates_to": {"relation": "answer", "message_id": "m"}}, "invalid_request"),
    ({"relates_to": {"relation": "reply", "message_id": "m"}}, "unknown_target"),
    ({"expires_in_s": 0}, "invalid_request"),
]


async def test_a_refused_send_fails_by_its_id_and_changes_nothing(
    lane: Lane, service: Service, alice: Person, bob: Person
) -> None:
    """DLV-7, STA-6: no seq, nobody told, and the client_message_id is free for another try."""
    chat = await direct(service, alice, bob)
    async with AsyncExitStack() as stack:
        phone, bobs = await live(lane, stack, alice, bob)
        for change, code in REFUSED_SENDS:
            await phone.says(send(chat, "hello", id="the-id") | change)
            failed = await hears(phone, "failed")
            assert (change, failed["error"]["code"]) == (change, code)
            assert failed["id"] == "the-id"
            assert failed["client_message_id"] == change.get("client_message_id", "hello")
            assert failed["error"]["retryable"] is False
            assert failed["error"]["detail"]
        await phone.says(send(chat, "hello"))
        sent = await hears(phone, "sent")
        assert (sent["seq"], sent["duplicate"]) == (1, False)
        assert texts((await rest(service, bobs))[0]) == ["hello"]


async def test_a_former_member_cannot_send(
    lane: Lane, service: Service, alice: Person, bob: Person, carol: Person
) -> None:
    """It is told so; a stranger is told that there is nothing (CONV-5)."""
    chat = await group(service, alice, bob)
    async with AsyncExitStack() as stack:
        (bobs, carols) = await live(lane, stack, bob, carol)
        await service.conversations.remove_member(alice.identity, chat, "bob")
        await say(service, alice, chat, "without bob")
        assert texts((await rest(service, bobs))[0]) == ["removed"]
        await bobs.says(send(chat, "hello"))
        assert (await hears(bobs, "failed"))["error"]["code"] == "not_a_member"
        await carols.says(send(chat, "hello"))
        assert (await hears(carols, "failed"))["error"]["code"] == "unknown_conversation"


# frames that are wrong


WRONG_FRAMES: list[tuple[object, str | None]] = [
    ([], None),
    (5, None),
    (None, None),
    ("null", None),
    ({}, None),
    ({"type": None, "id": "x"}, "x"),
    ({"type": 5, "id": "x"}, "x"),
    ({"type": ["send"], "id": "x"}, "x"),
    ({"type": "nonsense", "id": "x"}, "x"),
    ({"type": "welcome", "id": "x"}, "x"),
    ({"type": "typing", "conversation_id": "c", "active": True}, None),
    ({"type": "nonsense", "id": "no id!"}, None),
    ({"type": "nonsense", "id": 5}, None),
    ({"type": "ping"}, None),
    ({"type": "ping", "id": "no id!"}, None),
    ({"type": "ping", "id": 5}, None),
    ({"type": "send"}, None),
    ({"type": "send", "id": ""}, None),
    ({"type": "send", "id": {"a": 1}}, None),
    ({"type": "delivered"}, None),
    ({"type": "delivered", "conversation_id": "c", "up_to_seq": "1", "id": "x"}, "x"),
    ({"type": "delivered", "conversation_id": "c", "up_to_seq": -1, "id": "x"}, "x"),
    ({"type": "delivered", "conversation_id": "c", "up_to_seq": 1.5, "id": "x"}, "x"),
    ({"type": "read", "conversation_id": 5, "up_to_seq": 1, "id": "x"}, "x"),
    ({"type": "read", "conversation_id": "c", "up_to_seq": True, "id": "x"}, "x"),
]


async def test_a_wrong_frame_is_an_error_and_the_connection_goes_on(
    lane: Lane, alice: Person
) -> None:
    """RT-3: `invalid_request`, with the frame's id if it is one."""
    async with lane.connect(alice) as phone:
        await online(phone)
        for frame, frame_id in WRONG_FRAMES:
            await phone.says(frame)
            error = await hears(phone, "error")
            assert (frame, error["error"]["code"]) == (frame, "invalid_request")
            assert (frame, error.get("id")) == (frame, frame_id)
            assert error["error"]["detail"]
        await phone.says({"type": "ping", "id": "alive", "unknown": [1]})
        assert (await hears(phone, "pong"))["id"] == "alive"


UNDECODABLE: list[str | bytes] = [
    "",
    "nonsense",
    '{"type": "ping"',
    '{"a": NaN}',
    '"\\ud800"',
    "[" * 33 + "]" * 33,
    b"{}",
    b"",
]


async def test_what_cannot_be_decoded_closes_with_4400(lane: Lane, alice: Person) -> None:
    """RT-3: no JSON, too deep, or binary on a text channel."""
    for data in UNDECODABLE:
        async with lane.connect(alice) as phone:
            await online(phone)
            await phone.says(data)
            assert (data, await phone.ended()) == (data, 4400)


async def test_32_levels_are_not_too_deep(lane: Lane, alice: Person) -> None:
    """Only one more is."""
    async with lane.connect(alice) as phone:
        await online(phone)
        await phone.says("[" * 32 + "]" * 32)
        await hears(phone, "error")


# the end


async def test_a_newer_connection_replaces_the_older_and_nothing_is_lost(
    lane: Lane, service: Service, alice: Person, bob: Person
) -> None:
    """RT-4: 4409; what the older had not acknowledged is replayed to the newer."""
    chat = await direct(service, alice, bob)
    async with AsyncExitStack() as stack:
        (older,) = await live(lane, stack, bob)
        await say(service, alice, chat, "a")
        await hears(older, "message")
        newer = await stack.enter_async_context(lane.connect(bob))
        backlog = await online(newer)
        assert await older.ended() == 4409
        assert [each["body"]["text"] for each in backlog] == ["a"]
        await say(service, alice, chat, "b")
        assert texts([await hears(newer, "message")]) == ["b"]


async def test_two_devices_do_not_replace_each_other(
    lane: Lane, service: Service, alice: Person
) -> None:
    """Only a device's own connection does."""
    laptop = await login(service, "alice", "laptop")
    async with AsyncExitStack() as stack:
        peers = await live(lane, stack, alice, laptop)
        assert await rest(service, *peers) == [[], []]


@pytest.mark.parametrize("end", ["logout", "device removed", "new login"])
async def test_the_end_of_a_session_closes_with_4401(
    end: str, lane: Lane, service: Service, alice: Person
) -> None:
    """RT-5, SEC-5: the other device's connection stays."""
    laptop = await login(service, "alice", "laptop")
    async with AsyncExitStack() as stack:
        here, there = await live(lane, stack, alice, laptop)
        if end == "logout":
            await service.accounts.logout(alice.identity)
        elif end == "device removed":
            await service.accounts.remove_device(laptop.identity, "phone")
        else:
            await login(service, "alice", "phone")
        assert await here.ended() == 4401
        assert await rest(service, there) == [[]]


async def test_a_session_that_ended_during_the_handshake_is_closed_with_4401(
    service: Service, alice: Person
) -> None:
    """SEC-5: the token was good when it was asked for, and is not when the connection stands."""
    await service.accounts.logout(alice.identity)
    async with in_memory(service)(alice) as phone:
        assert await phone.ended() == 4401


async def test_an_expired_token_closes_with_4401(lane: Lane, alice: Person) -> None:
    """At the next frame at the latest."""
    async with lane.connect(alice) as phone:
        await online(phone)
        lane.service.kernel.now = lambda: alice.identity.expires_at
        await phone.says({"type": "ping", "id": "late"})
        assert await phone.ended() == 4401


async def test_a_stopping_server_closes_with_1012(lane: Lane, alice: Person) -> None:
    """RT-8."""
    async with lane.connect(alice) as phone:
        await online(phone)
        lane.service.kernel.hub.close_all(Closing(1012, "the server is stopping"))
        assert await phone.ended() == 1012


async def test_a_device_that_leaves_is_seen_no_more(
    lane: Lane, service: Service, alice: Person
) -> None:
    """Its place in the hub is free, and `last_seen_at` says when."""
    async with lane.connect(alice) as phone:
        await online(phone)
        assert [each.identity for each in service.kernel.hub] == [alice.identity]
        await rest(service, phone)
        service.kernel.now = lambda: 1_795_341_600_123
    with trio.fail_after(PATIENCE_S):
        while list(service.kernel.hub):
            await service.accounts.devices(alice.identity)
    await all_committed(service)
    (device,) = await service.accounts.devices(alice.identity)
    assert device.last_seen_at == rfc3339(1_795_341_600_123)
