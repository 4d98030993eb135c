"""What every store keeps: transactions and accounts, over all implementations of `storage.base`."""

from __future__ import annotations

import pytest

from reference_server.core import log
from reference_server.core.model import Identity, TextBody, User
from reference_server.core.receipts import Marks
from reference_server.core.times import rfc3339
from reference_server.storage.base import Backlog, Store

from .conftest import Open
from .making import ALICE, NOW, committed, pair, people, say

# transactions


def test_what_is_committed_is_there_after_reopening(reopen: Open) -> None:
    """Users, sessions, conversations, entries, marks, keys, the secret."""
    store = reopen()
    with committed(store) as commands:
        people(commands, "alice", "bob")
        commands.add_device("alice", "phone", "Phone", NOW)
        commands.set_session(b"digest", Identity("alice", "phone", NOW + 5))
        conversation = say(commands, pair(commands), ALICE, "one", "two")
        stay = commands.stay("c1", "bob")
        assert stay is not None
        commands.set_marks("c1", stay, Marks(2, 1))
        commands.set_idempotency_key("alice", "key", b"print", "c1", NOW)
    with store.reading() as queries:
        secret = queries.secret()
    store = reopen()
    with store.reading() as queries:
        assert queries.secret() == secret
        assert queries.user("alice") == User("alice", "Alice", rfc3339(NOW))
        assert queries.password_hash("alice") == b"hash"
        assert queries.identity(b"digest") == Identity("alice", "phone", NOW + 5)
        assert queries.conversation("c1") == conversation
        assert [e.body for e in queries.entries_after("c1", 0, 9, 9)] == [
            TextBody("one"),
            TextBody("two"),
        ]
        assert (kept := queries.stay("c1", "bob")) is not None
        assert (kept.delivered_seq, kept.read_seq) == (2, 1)
        assert (key := queries.idempotency_key("alice", "key")) is not None
        assert (key.fingerprint, key.conversation_id, key.created_at) == (b"print", "c1", NOW)


def test_the_secret_is_long_and_another_one_in_each_store(store: Store) -> None:
    """Nobody can guess it."""
    with store.reading() as queries:
        assert len(queries.secret()) >= 32


def test_a_rollback_forgets_everything_of_the_transaction(store: Store) -> None:
    """Also what the store had remembered of a conversation."""
    with committed(store) as commands:
        people(commands, "alice", "bob")
        before = say(commands, pair(commands), ALICE, "one")
    store.begin()
    people(store.commands, "carol")
    say(store.commands, before, ALICE, "two", "three")
    pair_of_nobody = log.new_direct("c2", ("alice", "carol"), NOW)
    store.commands.add_conversation(pair_of_nobody, ("alice", "carol"))
    store.rollback()
    with committed(store) as commands:
        assert commands.user("carol") is None
        assert commands.conversation("c1") == before
        assert commands.conversation("c2") is None
        assert commands.direct_conversation(("alice", "carol")) is None
        assert say(commands, before, ALICE, "two").head_seq == 2


def test_a_rollback_without_a_transaction_does_nothing(store: Store) -> None:
    """The writer rolls back whatever broke, also a `begin` that failed."""
    store.rollback()
    with committed(store) as commands:
        people(commands, "alice")


def test_a_transaction_sees_its_own_changes_and_a_reader_its_own_moment(store: Store) -> None:
    """A snapshot stays as it is, whatever is committed meanwhile."""
    with committed(store) as commands:
        people(commands, "alice", "bob")
        conversation = say(commands, pair(commands), ALICE, "one")
    with store.reading() as before:
        assert before.entry("c1", 2) is None
        store.begin()
        conversation = say(store.commands, conversation, ALICE, "two")
        assert store.commands.entry("c1", 2) is not None
        assert store.commands.conversation("c1") == conversation
        with store.reading() as meanwhile:
            assert meanwhile.entry("c1", 2) is None
        store.commit()
        assert before.entry("c1", 2) is None
        assert (seen := before.conversation("c1")) is not None
        assert seen.head_seq == 1
        with store.reading() as after:
            assert after.entry("c1", 2) is not None


def test_a_reader_that_fails_does_not_spoil_the_next(store: Store) -> None:
    """An error of whoever reads passes through."""
    with pytest.raises(ZeroDivisionError), store.reading():
        raise ZeroDivisionError
    with store.reading() as queries:
        assert queries.user("alice") is None


# accounts


def test_a_stranger_is_nowhere(store: Store) -> None:
    """Every query about what does not exist answers that there is nothing."""
    with store.reading() as queries:
        assert queries.user("mallory") is None
        assert queries.password_hash("mallory") is None
        assert queries.identity(b"digest") is None
        assert queries.devices("mallory") == []
        assert queries.conversation("c9") is None
        assert queries.direct_conversation(("alice", "mallory")) is None
        assert queries.idempotency_key("mallory", "key") is None
        assert queries.stay("c9", "mallory") is None
        assert queries.stays("c9") == queries.current_stays("c9") == []
        assert queries.departure("c9", "mallory") is None
        assert queries.entry("c9", 1) is None
        assert queries.entries_after("c9", 0, 9, 9) == queries.entries_before("c9", 9, 0, 9) == []
        assert queries.earlier_send("c9", "mallory", "m") is None
        assert queries.unread("c9", "mallory", 0, 9) == 0
        assert queries.senders_between("c9", 0, 9) == []
        assert queries.risen_at("c9", "mallory", "read", 1) is None
        assert queries.chats("mallory", None, 9) == []
        assert queries.backlog("mallory", "phone") == []


def test_unknown_users_are_told_in_their_order(store: Store) -> None:
    """The known ones are left out."""
    with committed(store) as commands:
        people(commands, "bob")
        assert commands.unknown_users(["zoe", "bob", "adam"]) == ["zoe", "adam"]
        assert commands.unknown_users([]) == []


def test_a_display_name_can_change(store: Store) -> None:
    """For this user alone."""
    with committed(store) as commands:
        people(commands, "alice", "bob")
        commands.set_display_name("alice", "Älice 😀\x00")
        assert (alice := commands.user("alice")) is not None
        assert (bob := commands.user("bob")) is not None
        assert (alice.display_name, bob.display_name) == ("Älice 😀\x00", "Bob")


def test_devices_are_kept_by_user(store: Store) -> None:
    """The oldest first; a name and a last sign of life are optional."""
    with committed(store) as commands:
        people(commands, "alice", "bob")
        commands.add_device("alice", "laptop", None, NOW + 1)
        commands.add_device("alice", "phone", "Phone", NOW)
        commands.add_device("bob", "phone", "Bob's", NOW)
        commands.set_device_name("alice", "laptop", "Laptop")
        commands.touch_device("alice", "laptop", NOW + 7)
        phone, laptop = commands.devices("alice")
    assert (phone.device_id, phone.name, phone.last_seen_at) == ("phone", "Phone", None)
    assert (laptop.name, laptop.last_seen_at) == ("Laptop", rfc3339(NOW + 7))


def test_a_device_has_one_session(store: Store) -> None:
    """A new one replaces it; other devices keep theirs."""
    with committed(store) as commands:
        people(commands, "alice")
        for device_id in ("phone", "laptop"):
            commands.add_device("alice", device_id, None, NOW)
            commands.set_session(device_id.encode(), Identity("alice", device_id, NOW))
        commands.set_session(b"phone again", Identity("alice", "phone", NOW + 1))
        assert commands.identity(b"phone") is None
        assert commands.identity(b"phone again") == Identity("alice", "phone", NOW + 1)
        assert not commands.is_current(Identity("alice", "phone", NOW))
        assert commands.is_current(Identity("alice", "phone", NOW + 1))
        commands.end_session("alice", "phone")
        assert commands.identity(b"phone again") is None
        assert not commands.is_current(Identity("alice", "phone", NOW + 1))
        assert commands.identity(b"laptop") is not None


def test_a_removed_device_is_gone_with_its_session_and_marks(store: Store) -> None:
    """One that comes under its id later is a new one."""
    with committed(store) as commands:
        people(commands, "alice", "bob")
        commands.add_device("bob", "phone", None, NOW)
        commands.add_device("alice", "phone", None, NOW)
        commands.set_session(b"digest", Identity("bob", "phone", NOW))
        conversation = say(commands, pair(commands), ALICE, "one", "two")
        commands.raise_device_mark("bob", "phone", "c1", 1)
        commands.remove_device("bob", "phone")
        assert commands.devices("bob") == []
        assert commands.identity(b"digest") is None
        assert len(commands.devices("alice")) == 1
        commands.add_device("bob", "phone", None, NOW)
        say(commands, conversation, ALICE, "three")
        assert commands.backlog("bob", "phone") == [Backlog("c1", 2, 3)]
