"""Payloads from device to device, and what is told of keys, over every lane (ENC-7, ENC-8)."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

import pytest

from reference_server.core import parcels
from reference_server.service import Service
from reference_server.service.keys import ClaimRequest

from ..chests import encrypted_direct, encrypted_group, equip
from ..people import Person, all_committed, direct, login, say
from .peers import Frame, Lane, Peer, hears, live, online, rest


def to_device(frame_id: str, **messages: Any) -> Frame:
    """A `to_device` frame."""
    return {"type": "to_device", "id": frame_id, "messages": messages}


async def waiting(peer: Peer) -> list[Frame]:
    """What comes as `to_device` between `welcome` and the backlog, which is read to its end."""
    await hears(peer, "welcome")
    frames: list[Frame] = []
    while (frame := await peer.next())["type"] != "replay_complete":
        frames.append(frame)
    kinds = [frame["type"] for frame in frames]
    assert kinds == sorted(kinds, reverse=True), "a message came before a payload"
    return [frame for frame in frames if frame["type"] == "to_device"]


async def test_a_payload_reaches_exactly_the_named_device(
    lane: Lane, service: Service, alice: Person, bob: Person
) -> None:
    """In order, with its position; nobody else hears of it."""
    laptop, tablet = await login(service, "bob", "laptop"), await login(service, "alice", "tablet")
    await direct(service, alice, bob)
    async with AsyncExitStack() as stack:
        alices, bobs, other, own = await live(lane, stack, alice, bob, laptop, tablet)
        payloads: list[Any] = [{"a": None, "b": []}, None, 2**64 - 1, "Zoë ✓", 0.1]
        for number, payload in enumerate(payloads):
            await alices.says(to_device(f"t{number}", bob={"phone": payload}))
            assert await hears(alices, "accepted") == {
                "type": "accepted",
                "id": f"t{number}",
                "unknown": [],
            }
        for position, payload in enumerate(payloads, start=1):
            assert await hears(bobs, "to_device") == {
                "type": "to_device",
                "position": position,
                "sender_id": "alice",
                "sender_device_id": "phone",
                "payload": payload,
            }
        assert await rest(service, alices, bobs, other, own) == [[]] * 4


async def test_a_payload_waits_for_a_device_until_it_is_acknowledged(
    lane: Lane, service: Service, alice: Person, bob: Person
) -> None:
    """Before the backlog, at every connection; what is acknowledged does not come again."""
    chat = await direct(service, alice, bob)
    await say(service, alice, chat, "hello")
    async with lane.connect(alice) as alices:
        await online(alices)
        for number in range(1, 71):
            await alices.says(to_device(f"t{number}", bob={"phone": number}))
            await hears(alices, "accepted")
    for _ in range(2):
        async with lane.connect(bob, "msgpack") as bobs:
            got = await waiting(bobs)
            assert [frame["position"] for frame in got] == [*range(1, 71)]
            assert [frame["payload"] for frame in got] == [*range(1, 71)]
    async with lane.connect(bob) as bobs:
        await waiting(bobs)
        await bobs.says(
            {"type": "to_device_ack", "up_to": 69}, {"type": "to_device_ack", "up_to": 2}
        )
        assert await rest(service, bobs) == [[]]
    async with lane.connect(bob) as bobs:
        assert [frame["position"] for frame in await waiting(bobs)] == [70]


async def test_a_retried_frame_is_not_delivered_twice(
    lane: Lane, service: Service, alice: Person, bob: Person
) -> None:
    """By its id and its device; with other messages it is a conflict, and delivers nothing."""
    await direct(service, alice, bob)
    first = to_device("t1", bob={"phone": {"a": 1, "b": None}, "old": 1})
    async with AsyncExitStack() as stack:
        alices, bobs = await live(lane, stack, alice, bob)
        for _ in range(2):
            await alices.says(first)
            assert (await hears(alices, "accepted"))["unknown"] == [["bob", "old"]]
        await alices.says(to_device("t1", bob={"phone": {"a": 1}, "old": 1}))
        refused = await hears(alices, "error")
        assert (refused["id"], refused["error"]["code"]) == ("t1", "idempotency_conflict")
        (heard,) = (await rest(service, bobs))[0]
        assert heard["payload"] == {"a": 1, "b": None}
        await bobs.says(to_device("t1", alice={"phone": "mine"}))
        assert (await hears(alices, "to_device"))["payload"] == "mine"


async def test_devices_out_of_reach_are_unknown(
    lane: Lane, service: Service, alice: Person, bob: Person, carol: Person
) -> None:
    """They get nothing; one's own devices are always in reach."""
    await direct(service, alice, bob)
    tablet = await login(service, "alice", "tablet")
    async with AsyncExitStack() as stack:
        alices, bobs, carols, own = await live(lane, stack, alice, bob, carol, tablet)
        await alices.says(
            to_device(
                "t1",
                bob={"phone": 1, "nothing": 2},
                carol={"phone": 3},
                nobody={"phone": 4},
                alice={"tablet": 5},
            )
        )
        answer = await hears(alices, "accepted")
        assert sorted(answer["unknown"]) == [
            ["bob", "nothing"],
            ["carol", "phone"],
            ["nobody", "phone"],
        ]
        assert (await hears(bobs, "to_device"))["payload"] == 1
        assert (await hears(own, "to_device"))["payload"] == 5
        assert await rest(service, carols) == [[]]


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "to_device", "id": "t1"},
        {"type": "to_device", "messages": {}},
        {"type": "to_device", "id": "a b", "messages": {}},
        to_device("t1", bob=[]),
        to_device("t1", bob={"phone": "x" * 32_767}),
        to_device("t1", bob={"phone": 2**70}),
        to_device("t1", bob={f"d{number}": 1 for number in range(101)}),
        {"type": "to_device_ack"},
        {"type": "to_device_ack", "up_to": -1},
        {"type": "to_device_ack", "up_to": "1"},
    ],
)
async def test_a_wrong_frame_is_an_error_and_delivers_nothing(
    lane: Lane, service: Service, alice: Person, bob: Person, frame: Frame
) -> None:
    """The connection stays open, and the id is free for a right one."""
    await direct(service, alice, bob)
    async with AsyncExitStack() as stack:
        alices, bobs = await live(lane, stack, alice, bob)
        await alices.says(frame)
        assert (await hears(alices, "error"))["error"]["code"] == "invalid_request"
        await alices.says(to_device("t1", bob={"phone": "right"}))
        await hears(alices, "accepted")
        assert [each["payload"] for each in (await rest(service, bobs))[0]] == ["right"]


async def test_what_was_never_sent_cannot_be_acknowledged(lane: Lane, alice: Person) -> None:
    """`out_of_range`, as with watermarks; else what comes next would be lost."""
    async with lane.connect(alice) as alices:
        await online(alices)
        await alices.says({"type": "to_device_ack", "up_to": 0})
        await alices.says({"type": "to_device_ack", "up_to": 1, "id": "a1"})
        refused = await hears(alices, "error")
        assert (refused["id"], refused["error"]["code"]) == ("a1", "out_of_range")


async def test_a_full_queue_refuses_and_drops_nothing(
    lane: Lane, service: Service, alice: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`unavailable`, for all devices of the frame; when the owner has caught up it works again."""
    monkeypatch.setattr(parcels, "MAX_QUEUED", 2)
    await direct(service, alice, bob)
    async with lane.connect(alice) as alices:
        await online(alices)
        for number in (1, 2):
            await alices.says(to_device(f"t{number}", bob={"phone": number}))
            await hears(alices, "accepted")
        third = to_device("t3", alice={"phone": 3}, bob={"phone": 3})
        await alices.says(third)
        assert (await hears(alices, "error"))["error"]["code"] == "unavailable"
        async with lane.connect(bob) as bobs:
            assert [frame["payload"] for frame in await waiting(bobs)] == [1, 2]
            await bobs.says({"type": "to_device_ack", "up_to": 2})
            await rest(service, bobs)
            await alices.says(third)
            assert (await hears(bobs, "to_device"))["position"] == 3
            assert {(await alices.next())["type"], (await alices.next())["type"]} == {
                "to_device",
                "accepted",
            }


async def test_a_queue_goes_with_its_device(
    lane: Lane, service: Service, alice: Person, bob: Person
) -> None:
    """One that logs in under its id begins anew; one that only logged out has its own."""
    await direct(service, alice, bob)
    laptop = await login(service, "bob", "laptop")
    async with lane.connect(alice) as alices:
        await online(alices)
        await service.accounts.logout(bob.identity)
        await alices.says(to_device("t1", bob={"phone": 1, "laptop": 1}))
        assert (await hears(alices, "accepted"))["unknown"] == []
    back = await login(service, "bob", "phone")
    async with lane.connect(back) as phones:
        assert len(await waiting(phones)) == 1
    await service.accounts.remove_device(back.identity, laptop.identity.device_id)
    async with lane.connect(await login(service, "bob", "laptop")) as laptops:
        assert await waiting(laptops) == []


async def told_of(service: Service, *peers: Peer) -> list[list[str]]:
    """Of whose `devices` each peer is told, given what was done."""
    await all_committed(service)
    return [
        [frame["user_id"] for frame in frames if frame["type"] == "devices"]
        for frames in await rest(service, *peers)
    ]


async def test_peers_are_told_when_keys_come_change_and_go(
    lane: Lane, service: Service, alice: Person, bob: Person, carol: Person
) -> None:
    """Those who share an encrypted conversation, and the user's own other devices; nobody else."""
    await encrypted_direct(service, alice, bob)
    await encrypted_group(service, alice, bob)
    await direct(service, alice, carol)
    tablet = await login(service, "alice", "tablet")
    async with AsyncExitStack() as stack:
        peers = await live(lane, stack, alice, tablet, bob, carol)
        everybody = [[], ["alice"], ["alice"], []]
        await equip(service, alice)
        assert await told_of(service, *peers) == everybody
        await equip(service, alice, "k1", fallback="f1")
        assert await told_of(service, *peers) == [[], [], [], []]
        await equip(service, alice, seed="new")
        assert await told_of(service, *peers) == everybody
        await login(service, "alice", "keyless")
        await service.accounts.remove_device(tablet.identity, "keyless")
        assert await told_of(service, *peers) == [[], [], [], []]
        await service.accounts.remove_device(tablet.identity, "phone")
        assert await told_of(service, *peers[1:]) == everybody[1:]


async def test_a_device_is_told_when_its_keys_run_low(
    lane: Lane, service: Service, alice: Person, bob: Person
) -> None:
    """By the claim that leaves fewer than ten, and at connecting; no other device is."""
    await direct(service, alice, bob)
    tablet = await login(service, "alice", "tablet")
    await equip(service, alice, *(f"k{number}" for number in range(11)))
    claim = ClaimRequest({"alice": ["phone"]})
    async with AsyncExitStack() as stack:
        alices, own, bobs = await live(lane, stack, alice, tablet, bob)
        for _ in range(2):
            await service.keys.claim(bob.identity, claim)
        assert await hears(alices, "keys_low") == {"type": "keys_low", "one_time_keys": 9}
        assert await rest(service, alices, own, bobs) == [[], [], []]
    async with lane.connect(alice) as alices:
        await hears(alices, "welcome")
        assert (await hears(alices, "keys_low"))["one_time_keys"] == 9
        await hears(alices, "replay_complete")


async def test_a_device_without_keys_is_never_short_of_them(lane: Lane, alice: Person) -> None:
    """One that has published none does not take part."""
    async with lane.connect(alice) as alices:
        await hears(alices, "welcome")
        await hears(alices, "replay_complete")
