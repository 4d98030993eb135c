"""Who is online, over every lane: told to those who share a direct conversation (EPH-2)."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest
import trio

from reference_server.core import errors
from reference_server.core.limits import Limits
from reference_server.core.model import Identity
from reference_server.core.times import rfc3339
from reference_server.service import Service

from ..people import Person, direct, group, login
from .peers import Frame, Lane, Peer, hears, live, online, rest


@pytest.fixture
def limits() -> Limits:
    """A small buffer for each connection."""
    return Limits(max_connection_buffer_bytes=400_000)


def presence(who: str, state: str, at: int) -> Frame:
    """A `presence` frame."""
    return {"type": "presence", "user_id": who, "state": state, "last_seen_at": rfc3339(at)}


async def told(service: Service, *peers: Peer) -> list[list[tuple[str, str]]]:
    """Who came and went, as far as it has happened."""
    await rest(service, *peers)
    return [
        [(frame["user_id"], frame["state"]) for frame in peer.presence_so_far()] for peer in peers
    ]


async def offline(service: Service, user_id: str) -> None:
    """Return when the server has seen a user go."""
    while any(each.identity.user_id == user_id for each in service.kernel.hub):
        await trio.lowlevel.checkpoint()


async def test_presence_follows_connecting_and_disconnecting(
    lane: Lane, service: Service, alice: Person, bob: Person
) -> None:
    """With the times that the list of devices shows."""
    await direct(service, alice, bob)
    async with lane.connect(alice) as phone:
        await online(phone)
        service.kernel.now = lambda: 1_795_341_600_001
        async with lane.connect(bob):
            assert await phone.presence() == presence("bob", "online", 1_795_341_600_001)
            service.kernel.now = lambda: 1_795_341_600_002
        assert await phone.presence() == presence("bob", "offline", 1_795_341_600_002)
        (device,) = await service.accounts.devices(bob.identity)
        assert device.last_seen_at == rfc3339(1_795_341_600_002)


async def test_who_is_online_is_told_after_the_backlog(
    lane: Lane, service: Service, alice: Person, bob: Person, carol: Person
) -> None:
    """One frame for each, none for those who are away, none for oneself."""
    await direct(service, alice, bob)
    await direct(service, alice, carol)
    service.kernel.now = lambda: 1_795_341_600_001
    async with lane.connect(bob) as bobs:
        await online(bobs)
        service.kernel.now = lambda: 1_795_341_600_002
        async with lane.connect(alice) as phone:
            await online(phone)
            assert phone.presence_so_far() == []
            assert await phone.presence() == presence("bob", "online", 1_795_341_600_001)
            assert await told(service, phone) == [[]]


async def test_devices_beyond_the_first_change_nothing(
    lane: Lane, service: Service, alice: Person, bob: Person
) -> None:
    """Neither coming nor going, as long as another is there; nor does a connection that is replaced."""
    await direct(service, alice, bob)
    laptop = await login(service, "bob", "laptop")
    async with AsyncExitStack() as stack:
        alices, phone = await live(lane, stack, alice, bob)
        assert await told(service, alices) == [[("bob", "online")]]
        (again,) = await live(lane, stack, bob)
        assert await phone.ended() == 4409
        async with lane.connect(laptop) as beside:
            await online(beside)
            assert await told(service, beside, again, alices) == [
                [("alice", "online")],
                [("alice", "online")],
                [],
            ]
        assert await told(service, alices) == [[]]
    async with lane.connect(alice) as alices:
        await online(alices)
        await offline(service, "bob")


async def test_only_direct_conversations_tell(
    lane: Lane, service: Service, alice: Person, bob: Person, carol: Person
) -> None:
    """Neither strangers nor those who merely share a group."""
    await group(service, alice, bob)
    async with AsyncExitStack() as stack:
        alices, carols = await live(lane, stack, alice, carol)
        async with lane.connect(bob) as bobs:
            await online(bobs)
            assert await told(service, bobs, alices, carols) == [[], [], []]
        await offline(service, "bob")
        assert await told(service, alices, carols) == [[], []]


async def test_a_removed_device_takes_its_user_offline(
    lane: Lane, service: Service, alice: Person, bob: Person
) -> None:
    """As any end of the last connection does."""
    await direct(service, alice, bob)
    async with AsyncExitStack() as stack:
        alices, bobs = await live(lane, stack, alice, bob)
        assert (await alices.presence())["state"] == "online"
        await service.accounts.remove_device(bob.identity, "phone")
        assert await bobs.ended() == 4401
        assert (await alices.presence())["state"] == "offline"


async def test_a_change_during_the_replay_is_in_the_picture_at_its_end(
    lane: Lane, service: Service, alice: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told once, and not before the backlog is through."""
    await direct(service, alice, bob)
    partners = service.presence.partners
    waiting, go_on = trio.Event(), trio.Event()

    async def slowly(me: object) -> list[str]:
        if me == alice.identity:
            waiting.set()
            await go_on.wait()
            return ["bob"]
        return await partners(bob.identity)

    monkeypatch.setattr(service.presence, "partners", slowly)
    async with AsyncExitStack() as stack:
        alices = await stack.enter_async_context(lane.connect(alice))
        await hears(alices, "welcome")
        await waiting.wait()
        await live(lane, stack, bob)
        go_on.set()
        await hears(alices, "replay_complete")
        assert alices.presence_so_far() == []
        assert await told(service, alices) == [[("bob", "online")]]


async def test_many_partners_online_do_not_overflow_an_outbox(
    lane: Lane, service: Service, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are told no faster than they are read."""
    many = [f"user-{number:05}" for number in range(5_000)]
    service.presence._online = dict.fromkeys(many, 1_795_341_600_001)

    async def everybody(me: Identity) -> list[str]:
        return many

    monkeypatch.setattr(service.presence, "partners", everybody)
    async with lane.connect(alice) as phone:
        await online(phone)
        heard = [(await phone.presence())["user_id"] for _ in many]
        assert heard == many


async def test_a_store_in_trouble_ends_the_connection_before_it_is_live(
    lane: Lane, service: Service, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1012: as for a backlog that cannot be read."""

    async def broken(_: object) -> list[str]:
        raise errors.Unavailable

    monkeypatch.setattr(service.presence, "partners", broken)
    async with lane.connect(alice) as phone:
        assert await phone.ended() == 1012
