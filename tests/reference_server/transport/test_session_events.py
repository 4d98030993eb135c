"""What a connected device is told of conversations and statuses, over every lane."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest

from reference_server.core.times import rfc3339
from reference_server.service import Service

from ..people import Person, acknowledge, direct, group, login, say
from .peers import (
    Lane,
    hears,
    live,
    rest,
    texts,
)

# conversations


async def test_a_new_conversation_is_announced_before_its_first_entry(
    lane: Lane, service: Service, alice: Person, bob: Person, carol: Person
) -> None:
    """To all at creation, to a new member at joining, and to nobody else."""
    async with AsyncExitStack() as stack:
        alices, bobs, carols = await live(lane, stack, alice, bob, carol)
        chat = await group(service, alice, bob, title="Friends")
        for peer in (alices, bobs):
            created = (await hears(peer, "conversation"))["conversation"]
            assert (created["conversation_id"], created["title"]) == (chat, "Friends")
            assert (await hears(peer, "message"))["message"]["body"] == {
                "kind": "system",
                "event": "created",
                "user_ids": ["alice", "bob"],
            }
        await service.conversations.set_member(alice.identity, chat, "carol", None)
        joined = (await hears(carols, "conversation"))["conversation"]
        assert joined["conversation_id"] == chat
        assert (await hears(carols, "message"))["message"]["body"]["event"] == "joined"
        assert texts((await rest(service, bobs))[0]) == ["joined"]


# statuses


async def test_a_rise_is_told_to_the_senders_whom_it_newly_covers(
    lane: Lane, service: Service, alice: Person, bob: Person, carol: Person
) -> None:
    """STA-2, STA-7: on all their connections, and to nobody else in the group."""
    chat = await group(service, alice, bob, carol)
    laptop = await login(service, "alice", "laptop")
    await say(service, alice, chat, "hello")
    lane.service.kernel.now = lambda: 1_795_341_600_123
    async with AsyncExitStack() as stack:
        here, there, bobs, carols = await live(lane, stack, alice, laptop, bob, carol)
        await bobs.says({"type": "delivered", "conversation_id": chat, "up_to_seq": 2})
        told = {
            "type": "status",
            "conversation_id": chat,
            "user_id": "bob",
            "status": "delivered",
            "up_to_seq": 2,
            "at": rfc3339(1_795_341_600_123),
        }
        assert await rest(service, bobs, here, there, carols) == [[], [told], [told], []]


async def test_reading_is_told_to_the_readers_other_devices_too(
    lane: Lane, service: Service, alice: Person, bob: Person
) -> None:
    """`delivered` is not; the device that read has nothing to learn."""
    chat = await direct(service, alice, bob)
    laptop = await login(service, "bob", "laptop")
    await say(service, alice, chat, "hello")
    async with AsyncExitStack() as stack:
        alices, here, there = await live(lane, stack, alice, bob, laptop)
        await here.says({"type": "delivered", "conversation_id": chat, "up_to_seq": 1})
        heard = await rest(service, here, alices, there)
        assert [[frame["status"] for frame in each] for each in heard] == [[], ["delivered"], []]
        await here.says({"type": "read", "conversation_id": chat, "up_to_seq": 1})
        heard = await rest(service, here, alices, there)
        assert [[frame["status"] for frame in each] for each in heard] == [[], ["read"], ["read"]]


async def test_a_former_member_is_told_nothing_and_may_acknowledge_what_it_saw(
    lane: Lane, service: Service, alice: Person, bob: Person
) -> None:
    """§3: up to the entry of its removal, no further; the senders who stayed are told."""
    chat = await group(service, alice, bob)
    await say(service, alice, chat, "from alice")
    await say(service, bob, chat, "from bob")
    await service.conversations.remove_member(alice.identity, chat, "bob")
    await say(service, alice, chat, "secret")
    async with AsyncExitStack() as stack:
        alices, bobs = await live(lane, stack, alice, bob)
        await alices.says({"type": "read", "conversation_id": chat, "up_to_seq": 5})
        assert await rest(service, alices, bobs) == [[], []]
        await bobs.says({"type": "read", "conversation_id": chat, "up_to_seq": 5})
        await bobs.says({"type": "read", "conversation_id": chat, "up_to_seq": 4})
        (error,), (told,) = await rest(service, bobs, alices)
        assert error["error"]["code"] == "out_of_range"
        assert (told["user_id"], told["status"], told["up_to_seq"]) == ("bob", "read", 4)


async def test_acknowledgements_that_come_together_are_a_rise_to_the_highest(
    lane: Lane, service: Service, alice: Person, bob: Person
) -> None:
    """What is out of range among them is refused by its own id and spoils no other."""
    chat = await direct(service, alice, bob)
    for text in "abc":
        await say(service, alice, chat, text)
    async with AsyncExitStack() as stack:
        alices, bobs = await live(lane, stack, alice, bob)
        acknowledgements = [
            {"type": "delivered", "conversation_id": chat, "up_to_seq": seq, "id": f"w{seq}"}
            for seq in (1, 4, 3, 2, 99)
        ]
        await bobs.says(*acknowledgements)
        own, told = await rest(service, bobs, alices)
        assert [(each["id"], each["error"]["code"]) for each in own] == [
            ("w4", "out_of_range"),
            ("w99", "out_of_range"),
        ]
        levels = [each["up_to_seq"] for each in told]
        assert levels[-1] == 3
        assert levels == sorted(set(levels))


async def test_repeats_and_lower_watermarks_tell_nobody(
    lane: Lane, service: Service, alice: Person, bob: Person
) -> None:
    """STA-3: also from another device, which moves only its own."""
    chat = await direct(service, alice, bob)
    laptop = await login(service, "bob", "laptop")
    for text in "abc":
        await say(service, alice, chat, text)
    await acknowledge(service, bob, chat, "read", 2)
    async with AsyncExitStack() as stack:
        alices, here, there = await live(lane, stack, alice, bob, laptop)
        for kind, up_to in (("read", 2), ("read", 1), ("delivered", 2), ("delivered", 0)):
            await here.says({"type": kind, "conversation_id": chat, "up_to_seq": up_to})
            await there.says({"type": kind, "conversation_id": chat, "up_to_seq": up_to})
        assert await rest(service, here, there, alices) == [[], [], []]


async def test_acknowledging_own_entries_tells_nobody(
    lane: Lane, service: Service, alice: Person, bob: Person
) -> None:
    """No sender but oneself is covered."""
    chat = await direct(service, alice, bob)
    await say(service, alice, chat, "hello")
    async with AsyncExitStack() as stack:
        alices, bobs = await live(lane, stack, alice, bob)
        await alices.says({"type": "delivered", "conversation_id": chat, "up_to_seq": 1})
        assert await rest(service, alices, bobs) == [[], []]


@pytest.mark.parametrize("kind", ["delivered", "read"])
async def test_a_watermark_above_the_head_is_out_of_range(
    kind: str, lane: Lane, service: Service, alice: Person, bob: Person
) -> None:
    """STA-8: an `error`, with the frame's id if it has one; nothing has changed."""
    chat = await direct(service, alice, bob)
    await say(service, alice, chat, "hello")
    async with AsyncExitStack() as stack:
        alices, bobs = await live(lane, stack, alice, bob)
        for up_to in (2, 2**63, 10**30):
            frame = {"type": kind, "conversation_id": chat, "up_to_seq": up_to, "id": "w"}
            await bobs.says(frame)
            error = await hears(bobs, "error")
            assert (error["id"], error["error"]["code"]) == ("w", "out_of_range")
        assert await rest(service, bobs, alices) == [[], []]


async def test_a_stranger_acknowledges_nothing(
    lane: Lane, service: Service, alice: Person, bob: Person, carol: Person
) -> None:
    """CONV-5: there is no such conversation."""
    chat = await direct(service, alice, bob)
    await say(service, alice, chat, "hello")
    async with AsyncExitStack() as stack:
        alices, carols = await live(lane, stack, alice, carol)
        await carols.says({"type": "read", "conversation_id": chat, "up_to_seq": 1})
        assert (await hears(carols, "error"))["error"]["code"] == "unknown_conversation"
        assert await rest(service, carols, alices) == [[], []]
