"""What every store keeps for end-to-end encryption: keys, and the queues between devices."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from reference_server.core import log
from reference_server.core.keys import DeviceKeys
from reference_server.core.model import Conversation
from reference_server.core.parcels import EMPTY, Parcel, Queue, Queued
from reference_server.storage.base import Commands, EarlierToDevice, Store

from ..chests import Chest
from .conftest import Open
from .making import NOW, committed, group, join, pair, people, remove

PHONE = Chest("alice", "phone")
DEVICE = ("alice", "phone")


def keys_of(commands: Commands, chest: Chest, *key_ids: str) -> None:
    """A device that has published its keys."""
    commands.add_device(chest.user_id, chest.device_id, None, NOW)
    commands.set_identity_keys(chest.user_id, chest.device_id, chest.identity())
    for key_id in key_ids:
        commands.add_one_time_key(chest.user_id, chest.device_id, chest.key(key_id))


def test_identity_keys_are_kept_as_they_are(store: Store, reopen: Open) -> None:
    """And replaced; the fallback key stays until it is replaced itself."""
    newer = Chest("alice", "phone", "newer")
    with committed(store) as commands:
        people(commands, "alice")
        assert commands.identity_keys(*DEVICE) is None
        keys_of(commands, PHONE)
        assert commands.fallback_key(*DEVICE) is None
        commands.set_fallback_key(*DEVICE, PHONE.key("f1"))
        commands.set_identity_keys(*DEVICE, newer.identity())
    with reopen().reading() as queries:
        assert queries.identity_keys(*DEVICE) == newer.identity()
        assert queries.fallback_key(*DEVICE) == PHONE.key("f1")


def test_a_fallback_key_can_be_dropped(store: Store) -> None:
    """Nothing else goes with it."""
    with committed(store) as commands:
        people(commands, "alice")
        keys_of(commands, PHONE)
        commands.set_fallback_key(*DEVICE, PHONE.key("f1"))
        commands.set_fallback_key(*DEVICE, None)
        assert commands.fallback_key(*DEVICE) is None
        assert commands.identity_keys(*DEVICE) == PHONE.identity()


def test_one_time_keys_go_in_their_order_and_once(store: Store, reopen: Open) -> None:
    """Whether or not the server was restarted between."""
    with committed(store) as commands:
        people(commands, "alice")
        keys_of(commands, PHONE, "c", "a", "b")
        assert commands.count_one_time_keys(*DEVICE) == 3
        assert commands.take_one_time_key(*DEVICE) == PHONE.key("c")
    with committed(reopen()) as commands:
        assert commands.count_one_time_keys(*DEVICE) == 2
        commands.add_one_time_key(*DEVICE, PHONE.key("d"))
        taken = [commands.take_one_time_key(*DEVICE) for _ in range(4)]
        assert taken == [PHONE.key("a"), PHONE.key("b"), PHONE.key("d"), None]
        assert commands.used_key_ids(*DEVICE, ["a", "c", "d", "e"]) == {"a", "c", "d"}


def test_the_ids_of_dropped_keys_are_remembered(store: Store) -> None:
    """Others of the same device, and devices of the same name, have nothing to do with it."""
    with committed(store) as commands:
        people(commands, "alice", "bob")
        keys_of(commands, PHONE, "a")
        keys_of(commands, Chest("alice", "laptop"), "b")
        keys_of(commands, Chest("bob", "phone"), "c")
        commands.drop_one_time_keys(*DEVICE)
        assert commands.take_one_time_key(*DEVICE) is None
        assert commands.used_key_ids(*DEVICE, ["a", "b", "c"]) == {"a"}
        assert commands.count_one_time_keys("alice", "laptop") == 1
        assert commands.count_one_time_keys("bob", "phone") == 1


def test_all_devices_of_a_user_are_listed(store: Store) -> None:
    """Those without keys as well."""
    own = PHONE.identity()
    with committed(store) as commands:
        people(commands, "alice", "bob")
        keys_of(commands, PHONE)
        commands.add_device("alice", "tablet", "Tablet", NOW + 1)
        keys_of(commands, Chest("bob", "phone"))
        assert commands.device_keys("alice") == [
            DeviceKeys("phone", None, own.curve25519, own.ed25519, own.signature),
            DeviceKeys("tablet", "Tablet", None, None, None),
        ]
        assert commands.device_keys("nobody") == []
        assert commands.has_device("alice", "tablet")
        assert not commands.has_device("bob", "tablet")


def test_the_devices_of_a_conversation_are_those_of_its_members_now(store: Store) -> None:
    """With published keys; those who left are not among them, those who came back are once."""
    with committed(store) as commands:
        people(commands, "alice", "bob", "carol")
        keys_of(commands, PHONE)
        for chest in (Chest("bob", "phone"), Chest("bob", "laptop"), Chest("carol", "phone")):
            keys_of(commands, chest)
        commands.add_device("bob", "tablet", None, NOW)
        team = group(commands, "team", "bob")
        bobs = [("bob", "phone"), ("bob", "laptop")]
        assert sorted(commands.devices_with_keys("team")) == sorted([DEVICE, *bobs])
        team = remove(commands, team, "bob")
        assert commands.devices_with_keys("team") == [DEVICE]
        join(commands, team, "bob")
        assert sorted(commands.devices_with_keys("team")) == sorted([DEVICE, *bobs])


def test_who_shares_a_conversation_is_a_member_as_well(store: Store) -> None:
    """Both at present, whatever the conversation is."""
    with committed(store) as commands:
        people(commands, "alice", "bob", "carol", "dave")
        pair(commands)
        team = group(commands, "team", "carol")
        assert commands.shares_conversation("alice", "bob")
        assert commands.shares_conversation("carol", "alice")
        assert not commands.shares_conversation("bob", "carol")
        assert not commands.shares_conversation("alice", "dave")
        remove(commands, team, "carol")
        assert not commands.shares_conversation("alice", "carol")


def encrypted(commands: Commands, conversation_id: str, *members: str) -> Conversation:
    """Alice's encrypted group."""
    plain = group(commands, f"{conversation_id}-plain", *members)
    sealed = replace(plain, conversation_id=conversation_id, encrypted=True)
    commands.add_conversation(sealed, None)
    return sealed


def test_partners_in_encryption_are_named_once(store: Store) -> None:
    """Not those of other conversations, and nobody who left."""
    with committed(store) as commands:
        people(commands, "alice", "bob", "carol", "dave")
        pair(commands)
        assert commands.encrypted_partners("alice") == []
        one = encrypted(commands, "e1", "carol", "dave")
        encrypted(commands, "e2", "carol")
        assert sorted(commands.encrypted_partners("alice")) == ["carol", "dave"]
        change = log.remove_member(one, log.Author("alice"), "dave", NOW)
        commands.end_stay(change.conversation, "dave", change.conversation.head_seq, 1)
        assert commands.encrypted_partners("alice") == ["carol"]
        assert commands.encrypted_partners("dave") == []


def post(commands: Commands, position: int, payload: object, size: int = 10) -> Queued:
    """Something from bob's phone into the queue of alice's."""
    queued = Queued(position, "bob", "phone", payload)
    commands.enqueue(Parcel("alice", "phone", payload, size), queued)
    return queued


def test_a_queue_keeps_payloads_until_they_are_acknowledged(store: Store, reopen: Open) -> None:
    """In order, unchanged, across a restart; positions go on where they were."""
    with committed(store) as commands:
        people(commands, "alice")
        commands.add_device(*DEVICE, None, NOW)
        assert commands.queue(*DEVICE) == EMPTY
        payloads: list[Any] = [None, {"a": None, "b": []}, 2**64 - 1, -0.5, "Zoë ✓", []]
        sent = [
            post(commands, position, payload, len(repr(payload)))
            for position, payload in enumerate(payloads, start=1)
        ]
    with committed(reopen()) as commands:
        assert commands.queued(*DEVICE, 0, 100) == sent
        assert commands.queued(*DEVICE, 2, 2) == sent[2:4]
        commands.dequeue(*DEVICE, 4)
        assert commands.queued(*DEVICE, 0, 100) == sent[4:]
        assert commands.queue(*DEVICE).head == 6
        assert commands.queue(*DEVICE).acknowledged == 4
        commands.dequeue(*DEVICE, 6)
        assert commands.queued(*DEVICE, 0, 100) == []
        assert commands.queue(*DEVICE).head == 6


def test_a_queue_knows_how_much_waits_in_it(store: Store) -> None:
    """In bytes of JSON."""
    with committed(store) as commands:
        people(commands, "alice")
        commands.add_device(*DEVICE, None, NOW)
        post(commands, 1, "12345678")
        post(commands, 2, "12345678")
        assert commands.queue(*DEVICE) == Queue(head=2, acknowledged=0, size=20)
        commands.dequeue(*DEVICE, 1)
        assert commands.queue(*DEVICE) == Queue(head=2, acknowledged=1, size=10)


def test_what_a_frame_said_is_remembered_for_a_while(store: Store) -> None:
    """By the device that sent it and its id."""
    first = EarlierToDevice(b"print", [("bob", "old")], NOW)
    with committed(store) as commands:
        commands.add_to_device(*DEVICE, "t1", first)
        commands.add_to_device(*DEVICE, "t2", EarlierToDevice(b"print", [], NOW + 1))
        assert commands.earlier_to_device(*DEVICE, "t1") == first
        assert commands.earlier_to_device("alice", "laptop", "t1") is None
        assert [commands.forget_to_device(NOW + 1, 1) for _ in range(2)] == [1, 0]
        assert commands.earlier_to_device(*DEVICE, "t1") is None
        assert commands.earlier_to_device(*DEVICE, "t2") is not None


def test_what_a_device_had_goes_with_it(store: Store) -> None:
    """One that comes under its id is new: with no keys, an empty queue, no ids used."""
    with committed(store) as commands:
        people(commands, "alice")
        keys_of(commands, PHONE, "a")
        commands.set_fallback_key(*DEVICE, PHONE.key("f1"))
        post(commands, 1, "x")
        commands.add_to_device(*DEVICE, "t1", EarlierToDevice(b"print", [], NOW))
        commands.remove_device(*DEVICE)
        commands.add_device(*DEVICE, None, NOW)
        assert commands.identity_keys(*DEVICE) is None
        assert commands.fallback_key(*DEVICE) is None
        assert commands.take_one_time_key(*DEVICE) is None
        assert commands.used_key_ids(*DEVICE, ["a"]) == set()
        assert commands.queue(*DEVICE) == EMPTY
        assert commands.queued(*DEVICE, 0, 10) == []
        assert commands.earlier_to_device(*DEVICE, "t1") is None
