"""Who is typing, over every lane: told to the other members as it happens, and kept nowhere (EPH-1)."""

from __future__ import annotations

from contextlib import AsyncExitStack

from reference_server.service import Service

from ..people import Person, direct, group, login, say
from .peers import Frame, Lane, hears, live, online, rest, send


def typing(conversation_id: object, active: object = True, **others: object) -> Frame:
    """A `typing` frame."""
    return {"type": "typing", "conversation_id": conversation_id, "active": active} | others


async def test_typing_reaches_every_connection_of_the_other_members(
    lane: Lane, service: Service, alice: Person, bob: Person, carol: Person
) -> None:
    """Not one's own, and nobody else's."""
    team = await group(service, alice, bob)
    tablet = await login(service, "alice", "tablet")
    laptop = await login(service, "bob", "laptop")
    async with AsyncExitStack() as stack:
        here, own, bobs, others, carols = await live(lane, stack, alice, tablet, bob, laptop, carol)
        await here.says(typing(team, True), typing(team, False))
        for peer in (bobs, others):
            for active in (True, False):
                assert await hears(peer, "typing") == {
                    "type": "typing",
                    "conversation_id": team,
                    "user_id": "alice",
                    "active": active,
                }
        assert await rest(service, here, own, bobs, others, carols) == [[]] * 5


async def test_typing_keeps_its_place_among_the_messages(
    lane: Lane, service: Service, alice: Person, bob: Person
) -> None:
    """It ends before the message comes that was typed, if its sender said so."""
    chat = await direct(service, alice, bob)
    async with AsyncExitStack() as stack:
        alices, bobs = await live(lane, stack, alice, bob)
        await alices.says(typing(chat), typing(chat, False), send(chat, "hello"))
        heard = [await bobs.next() for _ in range(3)]
        assert [frame["type"] for frame in heard] == ["typing", "typing", "message"]


async def test_typing_is_not_stored(
    lane: Lane, service: Service, alice: Person, bob: Person
) -> None:
    """Who connects later is told what was sent, not what was typed."""
    chat = await direct(service, alice, bob)
    async with lane.connect(alice) as alices:
        await online(alices)
        await alices.says(typing(chat), send(chat, "hello"))
        await hears(alices, "sent")
        async with lane.connect(bob) as bobs:
            await hears(bobs, "welcome")
            await hears(bobs, "message")
            await hears(bobs, "replay_complete")
            assert await rest(service, alices, bobs) == [[], []]


async def test_a_stranger_tells_nobody(
    lane: Lane, service: Service, alice: Person, bob: Person, carol: Person
) -> None:
    """CONV-5: there is no such conversation."""
    chat = await direct(service, alice, bob)
    async with AsyncExitStack() as stack:
        alices, carols = await live(lane, stack, alice, carol)
        for conversation_id in (chat, "nonsense", ""):
            await carols.says(typing(conversation_id, id="t"))
            error = await hears(carols, "error")
            assert (error["id"], error["error"]["code"]) == ("t", "unknown_conversation")
        assert await rest(service, carols, alices) == [[], []]


async def test_a_former_member_neither_tells_nor_is_told(
    lane: Lane, service: Service, alice: Person, bob: Person, carol: Person
) -> None:
    """From its removal on."""
    team = await group(service, alice, bob, carol)
    await service.conversations.remove_member(alice.identity, team, "bob")
    async with AsyncExitStack() as stack:
        alices, bobs, carols = await live(lane, stack, alice, bob, carol)
        await bobs.says(typing(team))
        assert (await hears(bobs, "error"))["error"]["code"] == "not_a_member"
        await alices.says(typing(team))
        assert await hears(carols, "typing")
        assert await rest(service, bobs, alices, carols) == [[], [], []]


WRONG_SHAPES: list[Frame] = [
    {"type": "typing"},
    {"type": "typing", "conversation_id": "c"},
    {"type": "typing", "active": True},
    typing(5),
    typing(None),
    typing("c", None),
    typing("c", 1),
    typing("c", "true"),
    typing(["c"]),
]


async def test_a_wrong_shape_is_an_error(lane: Lane, alice: Person) -> None:
    """RT-3: `invalid_request`, and the connection goes on."""
    async with lane.connect(alice) as phone:
        await online(phone)
        for frame in WRONG_SHAPES:
            await phone.says(frame | {"id": "t"})
            error = await hears(phone, "error")
            assert (frame, error["error"]["code"]) == (frame, "invalid_request")
            assert error["id"] == "t"


async def test_a_flood_of_typing_is_answered_in_full_and_loses_nothing(
    lane: Lane, service: Service, alice: Person, bob: Person
) -> None:
    """More than may be under way at once."""
    chat = await direct(service, alice, bob)
    async with AsyncExitStack() as stack:
        alices, bobs = await live(lane, stack, alice, bob)
        await alices.says(*[typing("nonsense") for _ in range(600)], send(chat, "hello"))
        heard = [await alices.next() for _ in range(601)]
        assert [frame["type"] for frame in heard] == ["error"] * 600 + ["sent"]
        assert (await hears(bobs, "message"))["message"]["seq"] == 1
        entry = await say(service, alice, chat, "and on")
        assert entry.seq == 2
