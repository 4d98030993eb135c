"""What every store keeps of conversations: their members and their entries."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from reference_server.core import log
from reference_server.core.limits import Limits
from reference_server.core.model import Member, TextBody
from reference_server.storage.base import Departure, Store

from .conftest import Open
from .making import ALICE, BOB, NOW, committed, group, join, pair, people, remove, say

# conversations


def test_a_pair_has_one_direct_conversation(store: Store) -> None:
    """It is found by the pair, and cannot be added twice (CONV-1)."""
    with committed(store) as commands:
        people(commands, "alice", "bob")
        pair(commands)
        assert commands.direct_conversation(("alice", "bob")) == "c1"
    store.begin()
    with pytest.raises(Exception, match=r"(?i)unique"):
        pair(store.commands, "c2")
    store.rollback()
    with store.reading() as queries:
        assert queries.direct_conversation(("alice", "bob")) == "c1"


def test_direct_partners_are_those_of_direct_conversations(store: Store) -> None:
    """Whoever created them; groups make no partners, and neither do the conversations of others."""
    with committed(store) as commands:
        people(commands, "alice", "bob", "carol", "dave")
        pair(commands)
        other = log.new_direct("c2", ("alice", "carol"), NOW)
        commands.add_conversation(other, ("alice", "carol"))
        group(commands, "g1", "bob", "dave")
    with store.reading() as queries:
        assert sorted(queries.direct_partners("alice")) == ["bob", "carol"]
        assert queries.direct_partners("bob") == queries.direct_partners("carol") == ["alice"]
        assert queries.direct_partners("dave") == queries.direct_partners("nobody") == []


def test_a_conversation_reads_as_it_was_written(reopen: Open) -> None:
    """By the writer that remembers it, by a reader, and by the next process."""
    store = reopen()
    with committed(store) as commands:
        people(commands, "alice", "bob", "carol")
        conversation = group(commands, "g1", "bob")
        conversation = join(commands, conversation, "carol")
        conversation = remove(commands, conversation, "bob")
        conversation = say(commands, conversation, ALICE, "hello")
        assert commands.conversation("g1") == conversation
    with store.reading() as queries:
        assert queries.conversation("g1") == conversation
    store = reopen()
    with committed(store) as commands:
        assert commands.conversation("g1") == conversation


def test_title_and_roles_can_change(reopen: Open) -> None:
    """A role changes for the stay that it is of."""
    store = reopen()
    with committed(store) as commands:
        people(commands, "alice", "bob")
        conversation = group(commands, "g1", "bob")
        commands.set_title("g1", "Foes")
        commands.set_role("g1", "bob", 1, "admin")
    with reopen().reading() as queries:
        changed = queries.conversation("g1")
    members = conversation.members | {"bob": Member("admin", 1)}
    assert changed == replace(conversation, title="Foes", members=members)


def test_a_stay_begins_below_its_first_entry_and_ends_with_its_last(store: Store) -> None:
    """CONV-4; every stay of a user is kept, and the latest one answers."""
    with committed(store) as commands:
        people(commands, "alice", "bob")
        conversation = join(commands, group(commands, "g1"), "bob")
        conversation = remove(commands, conversation, "bob")
        conversation = join(commands, conversation, "bob")
        stays = [stay for stay in commands.stays("g1") if stay.user_id == "bob"]
        assert [(s.joined_seq, s.left_seq) for s in stays] == [(2, 3), (4, None)]
        assert [(s.delivered_seq, s.read_seq) for s in stays] == [(1, 1), (3, 3)]
        assert commands.stay("g1", "bob") == stays[1]
        assert {s.user_id for s in commands.current_stays("g1")} == {"alice", "bob"}
        assert commands.departure("g1", "bob") is None


def test_a_departure_keeps_how_the_conversation_stood(store: Store) -> None:
    """A later title or member is none of a former member's business."""
    with committed(store) as commands:
        people(commands, "alice", "bob", "carol")
        conversation = remove(commands, group(commands, "g1", "bob"), "bob")
        commands.set_title("g1", "Without Bob")
        join(commands, conversation, "carol")
        assert commands.departure("g1", "bob") == Departure("Friends", 1)


def test_idempotency_keys_are_a_users_own_and_can_be_used_anew(store: Store) -> None:
    """After their day, the newer use counts."""
    with committed(store) as commands:
        commands.set_idempotency_key("alice", "key", b"one", "c1", NOW)
        assert commands.idempotency_key("bob", "key") is None
        commands.set_idempotency_key("alice", "key", b"two", "c2", NOW + 1)
        assert (key := commands.idempotency_key("alice", "key")) is not None
        assert (key.fingerprint, key.conversation_id, key.created_at) == (b"two", "c2", NOW + 1)


# entries


def test_an_entry_is_what_was_appended(store: Store) -> None:
    """All of it, system entries of the server's own included."""
    with committed(store) as commands:
        people(commands, "alice", "bob")
        change = log.new_group("g1", ALICE, ["bob"], None, NOW, Limits())
        commands.add_conversation(change.conversation, None)
        commands.append(change.conversation, change.entries[0], None)
        said = log.append(change.conversation, BOB, TextBody("é😀\x00"), NOW + 5, "m1")
        commands.append(said.conversation, said.entries[0], b"print")
        gone = log.remove_member(said.conversation, ALICE, "alice", NOW + 6)
        for entry in gone.entries:
            commands.append(gone.conversation, entry, None)
    everything = (*change.entries, *said.entries, *gone.entries)
    with store.reading() as queries:
        assert tuple(queries.entries_after("g1", 0, 9, 9)) == everything
        assert [queries.entry("g1", entry.seq) for entry in everything] == list(everything)


@pytest.mark.parametrize(
    ("after", "up_to", "limit", "seqs"),
    [
        (0, 9, 9, [1, 2, 3, 4, 5]),
        (0, 9, 2, [1, 2]),
        (2, 9, 9, [3, 4, 5]),
        (2, 4, 9, [3, 4]),
        (2, 4, 1, [3]),
        (5, 9, 9, []),
        (4, 2, 9, []),
    ],
)
def test_entries_after_are_the_lowest_of_the_window(
    after: int, up_to: int, limit: int, seqs: list[int], store: Store
) -> None:
    """``after < seq <= up_to``, ascending."""
    with committed(store) as commands:
        people(commands, "alice", "bob")
        say(commands, pair(commands), ALICE, *"abcde")
        other = log.new_direct("c0", ("alice", "alice"), NOW)
        commands.add_conversation(other, None)
        say(commands, other, ALICE, *"xyz")
    with store.reading() as queries:
        assert [e.seq for e in queries.entries_after("c1", after, up_to, limit)] == seqs


@pytest.mark.parametrize(
    ("before", "down_to", "limit", "seqs"),
    [
        (9, 0, 9, [1, 2, 3, 4, 5]),
        (9, 0, 2, [4, 5]),
        (4, 0, 9, [1, 2, 3]),
        (4, 2, 9, [2, 3]),
        (4, 2, 1, [3]),
        (1, 0, 9, []),
        (2, 4, 9, []),
    ],
)
def test_entries_before_are_the_highest_of_the_window(
    before: int, down_to: int, limit: int, seqs: list[int], store: Store
) -> None:
    """``down_to <= seq < before``, ascending as well."""
    with committed(store) as commands:
        people(commands, "alice", "bob")
        say(commands, pair(commands), ALICE, *"abcde")
    with store.reading() as queries:
        assert [e.seq for e in queries.entries_before("c1", before, down_to, limit)] == seqs


def test_an_earlier_send_is_found_by_sender_and_conversation(store: Store) -> None:
    """The same client_message_id of another sender or elsewhere is another (DLV-4)."""
    with committed(store) as commands:
        people(commands, "alice", "bob")
        conversation = say(commands, pair(commands), ALICE, "m")
        change = log.append(conversation, BOB, TextBody("bob's"), NOW, "m")
        commands.append(change.conversation, change.entries[0], b"other")
        assert (alices := commands.earlier_send("c1", "alice", "m")) is not None
        assert (bobs := commands.earlier_send("c1", "bob", "m")) is not None
        assert (alices.message.seq, alices.fingerprint) == (1, b"m")
        assert (bobs.message, bobs.fingerprint) == (change.entries[0], b"other")
        assert commands.earlier_send("c2", "alice", "m") is None


def test_a_client_message_id_cannot_be_stored_twice(store: Store) -> None:
    """Whatever the caller overlooked (DLV-4); it is found out when it is to be kept."""
    with committed(store) as commands:
        people(commands, "alice", "bob")
        conversation = say(commands, pair(commands), ALICE, "m")
    store.begin()
    say(store.commands, conversation, ALICE, "m")
    with pytest.raises(Exception, match=r"(?i)unique"):
        store.commit()
    store.rollback()


def test_unread_counts_messages_of_others_and_no_system_entries(store: Store) -> None:
    """Above the own watermark, up to what is visible."""
    with committed(store) as commands:
        people(commands, "alice", "bob", "carol")
        conversation = group(commands, "g1", "bob")  # 1
        conversation = say(commands, conversation, ALICE, "a", "b")  # 2, 3
        conversation = say(commands, conversation, BOB, "c")  # 4
        conversation = join(commands, conversation, "carol")  # 5
        say(commands, conversation, ALICE, "d")  # 6
        assert commands.unread("g1", "bob", 0, 6) == 3
        assert commands.unread("g1", "bob", 2, 6) == 2
        assert commands.unread("g1", "bob", 2, 5) == 1
        assert commands.unread("g1", "alice", 0, 6) == 1
        assert commands.senders_between("g1", 4, 5) == []
        assert sorted(commands.senders_between("g1", 0, 6)) == ["alice", "bob"]
        assert commands.senders_between("g1", 3, 4) == ["bob"]
        assert commands.senders_between("g1", 4, 6) == ["alice"]
