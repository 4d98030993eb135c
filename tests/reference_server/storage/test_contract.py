"""What every store keeps: the contract of `storage.base`, over all implementations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256

import pytest
from msgspec.structs import replace

from reference_server.core import log
from reference_server.core.limits import Limits
from reference_server.core.log import Author
from reference_server.core.model import (
    Asset,
    Conversation,
    Identity,
    MediaBody,
    Member,
    TextBody,
    Upload,
    User,
)
from reference_server.core.receipts import Marks
from reference_server.core.times import rfc3339
from reference_server.storage.base import Backlog, Commands, Departure, Store

from .conftest import Open

NOW = 1_763_000_000_000
ALICE = Author("alice", "phone")
BOB = Author("bob", "phone")


@contextmanager
def committed(store: Store) -> Iterator[Commands]:
    """A transaction that is kept."""
    store.begin()
    yield store.commands
    store.commit()


def people(commands: Commands, *user_ids: str) -> None:
    """Users without devices."""
    for user_id in user_ids:
        commands.add_user(User(user_id, user_id.title(), rfc3339(NOW)), b"hash", NOW)


def pair(commands: Commands, conversation_id: str = "c1") -> Conversation:
    """Alice and Bob's direct conversation."""
    conversation = log.new_direct(conversation_id, ("alice", "bob"), NOW)
    commands.add_conversation(conversation, ("alice", "bob"))
    return conversation


def group(commands: Commands, conversation_id: str, *others: str) -> Conversation:
    """Alice's group with its `created` entry."""
    change = log.new_group(conversation_id, ALICE, others, "Friends", NOW, Limits())
    commands.add_conversation(change.conversation, None)
    commands.append(change.conversation, change.entries[0], None)
    return change.conversation


def say(
    commands: Commands, conversation: Conversation, author: Author, *texts: str
) -> Conversation:
    """Append texts, each under itself as client_message_id and fingerprint."""
    for text in texts:
        change = log.append(conversation, author, TextBody(text), NOW, text)
        conversation = change.conversation
        commands.append(conversation, change.entries[0], text.encode())
    return conversation


def join(commands: Commands, conversation: Conversation, user_id: str) -> Conversation:
    """Alice adds someone."""
    change = log.set_member(conversation, ALICE, user_id, None, NOW, Limits())
    commands.append(change.conversation, change.entries[0], None)
    commands.begin_stay(
        conversation.conversation_id, user_id, "member", change.conversation.head_seq
    )
    return change.conversation


def remove(commands: Commands, conversation: Conversation, user_id: str) -> Conversation:
    """Alice removes someone."""
    change = log.remove_member(conversation, ALICE, user_id, NOW)
    commands.append(change.conversation, change.entries[0], None)
    joined_seq = conversation.members[user_id].joined_seq
    commands.end_stay(change.conversation, user_id, change.conversation.head_seq, joined_seq)
    return change.conversation


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
        commands.end_session("alice", "phone")
        assert commands.identity(b"phone again") is None
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
    """Whatever the caller overlooked (DLV-4)."""
    with committed(store) as commands:
        people(commands, "alice", "bob")
        conversation = say(commands, pair(commands), ALICE, "m")
    store.begin()
    with pytest.raises(Exception, match=r"(?i)unique"):
        say(store.commands, conversation, ALICE, "m")
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


# acknowledgements


def test_a_rise_answers_when_a_seq_was_first_covered(store: Store) -> None:
    """Each status by itself."""
    with committed(store) as commands:
        commands.add_rise("c1", "bob", "delivered", 3, NOW)
        commands.add_rise("c1", "bob", "delivered", 7, NOW + 5)
        commands.add_rise("c1", "bob", "read", 5, NOW + 9)

        def at(status: str, seq: int) -> int | None:
            return commands.risen_at("c1", "bob", status, seq)  # type: ignore[arg-type]

        assert [at("delivered", seq) for seq in (1, 3, 4, 7, 8)] == [
            NOW,
            NOW,
            NOW + 5,
            NOW + 5,
            None,
        ]
        assert [at("read", seq) for seq in (5, 6)] == [NOW + 9, None]
        assert commands.risen_at("c1", "alice", "delivered", 1) is None


def test_marks_are_set_for_the_stay_that_they_are_of(store: Store) -> None:
    """An earlier stay keeps its own."""
    with committed(store) as commands:
        people(commands, "alice", "bob")
        conversation = remove(commands, join(commands, group(commands, "g1"), "bob"), "bob")
        join(commands, conversation, "bob")
        stay = commands.stay("g1", "bob")
        assert stay is not None
        commands.set_marks("g1", stay, Marks(4, 4))
        marks = [(s.delivered_seq, s.read_seq) for s in commands.stays("g1") if s.user_id == "bob"]
        assert marks == [(1, 1), (4, 4)]


def test_a_devices_mark_only_rises(store: Store) -> None:
    """And is its own."""
    with committed(store) as commands:
        people(commands, "alice", "bob")
        conversation = pair(commands)
        for device_id in ("phone", "laptop"):
            commands.add_device("bob", device_id, None, NOW)
        say(commands, conversation, ALICE, *"abcde")
        commands.raise_device_mark("bob", "phone", "c1", 3)
        commands.raise_device_mark("bob", "phone", "c1", 2)
        assert commands.backlog("bob", "phone") == [Backlog("c1", 3, 5)]
        assert commands.backlog("bob", "laptop") == [Backlog("c1", 0, 5)]
        commands.raise_device_mark("bob", "phone", "c1", 5)
        assert commands.backlog("bob", "phone") == []


def test_a_new_device_begins_at_the_heads_of_its_first_login(store: Store) -> None:
    """What is older, it reads from the history; conversations to come begin at their beginning."""
    with committed(store) as commands:
        people(commands, "alice", "bob")
        conversation = say(commands, pair(commands), ALICE, "one", "two")
        commands.add_device("bob", "laptop", None, NOW)
        assert commands.backlog("bob", "laptop") == []
        say(commands, conversation, ALICE, "three")
        group(commands, "g1", "bob")
        assert sorted(commands.backlog("bob", "laptop"), key=lambda part: part.up_to) == [
            Backlog("g1", 0, 1),
            Backlog("c1", 2, 3),
        ]


def test_a_removed_members_backlog_ends_with_its_removal(store: Store) -> None:
    """CONV-4: also for a device that logs in afterwards."""
    with committed(store) as commands:
        people(commands, "alice", "bob")
        commands.add_device("bob", "phone", None, NOW)
        conversation = say(commands, group(commands, "g1", "bob"), ALICE, "one")
        conversation = remove(commands, conversation, "bob")
        say(commands, conversation, ALICE, "secret")
        assert commands.backlog("bob", "phone") == [Backlog("g1", 0, 3)]
        commands.add_device("bob", "late", None, NOW)
        assert commands.backlog("bob", "late") == []


def test_one_who_joins_again_has_a_backlog_from_the_new_joining_on(store: Store) -> None:
    """Also if its device had acknowledged nothing before."""
    with committed(store) as commands:
        people(commands, "alice", "bob")
        commands.add_device("bob", "phone", None, NOW)
        conversation = remove(commands, group(commands, "g1", "bob"), "bob")
        conversation = say(commands, conversation, ALICE, "secret")
        conversation = join(commands, conversation, "bob")
        say(commands, conversation, ALICE, "welcome back")
        assert commands.backlog("bob", "phone") == [Backlog("g1", 3, 5)]


# the list of chats


def chat_ids(commands: Commands, user_id: str) -> list[str]:
    """The list of chats, read in pages of two."""
    found: list[str] = []
    below: int | None = None
    while page := commands.chats(user_id, below, 2):
        found += [chat.conversation_id for chat in page]
        below = page[-1].activity
    return found


def test_chats_are_listed_by_latest_activity(reopen: Open) -> None:
    """CONV-6: a creation and any new entry are activity; a page goes on below the last one."""
    store = reopen()
    with committed(store) as commands:
        people(commands, "alice", "bob")
        chats = {name: group(commands, name) for name in ("g1", "g2", "g3")}
        chats["c1"] = pair(commands)
        assert chat_ids(commands, "alice") == ["c1", "g3", "g2", "g1"]
        say(commands, chats["g2"], ALICE, "hello")
        assert chat_ids(commands, "alice") == ["g2", "c1", "g3", "g1"]
        assert chat_ids(commands, "bob") == ["c1"]
    with committed(reopen()) as commands:
        say(commands, chats["g1"], ALICE, "hello")
        assert chat_ids(commands, "alice") == ["g1", "g2", "c1", "g3"]


def test_a_former_members_chat_stays_at_the_place_of_its_removal(reopen: Open) -> None:
    """What happens there afterwards does not move it, also after reopening."""
    store = reopen()
    with committed(store) as commands:
        people(commands, "alice", "bob")
        left = remove(commands, group(commands, "g1", "bob"), "bob")
        group(commands, "g2", "bob")
        say(commands, left, ALICE, "without bob")
        assert chat_ids(commands, "bob") == ["g2", "g1"]
        assert chat_ids(commands, "alice") == ["g1", "g2"]
    with committed(reopen()) as commands:
        assert chat_ids(commands, "bob") == ["g2", "g1"]
        group(commands, "g3", "bob")
        assert chat_ids(commands, "bob") == ["g3", "g2", "g1"]


def test_one_who_joins_again_has_the_chat_once(store: Store) -> None:
    """The latest stay alone counts."""
    with committed(store) as commands:
        people(commands, "alice", "bob")
        conversation = remove(commands, group(commands, "g1", "bob"), "bob")
        group(commands, "g2", "bob")
        join(commands, conversation, "bob")
        assert chat_ids(commands, "bob") == ["g1", "g2"]


# media


def asset(asset_id: str, owner_id: str = "alice", created_at: int = NOW) -> Asset:
    """An asset whose bytes are its name."""
    return Asset(
        asset_id=asset_id,
        owner_id=owner_id,
        media_type="image/png",
        size=3,
        sha256=sha256(asset_id.encode()).digest(),
        created_at=created_at,
    )


def show(commands: Commands, conversation: Conversation, asset_id: str) -> Conversation:
    """Alice sends an asset."""
    change = log.append(conversation, ALICE, MediaBody(asset_id), NOW)
    commands.append(change.conversation, change.entries[0], None)
    return change.conversation


def test_an_asset_is_kept_as_it_is(store: Store) -> None:
    """And its blob counts as needed."""
    with committed(store) as commands:
        commands.add_asset(asset("a1"))
    with store.reading() as queries:
        assert queries.asset("a1") == asset("a1")
        assert queries.asset("a2") is None
        assert queries.keeps_blob(asset("a1").sha256)
        assert not queries.keeps_blob(asset("a2").sha256)


def test_who_sees_an_entry_sees_its_asset(store: Store) -> None:
    """Members from their joining to their leaving; nobody else, and nobody before it is sent."""
    with committed(store) as commands:
        people(commands, "alice", "bob", "carol", "dave")
        for name in ("early", "late", "unsent"):
            commands.add_asset(asset(name))
        team = show(commands, group(commands, "team", "bob"), "early")
        team = remove(commands, team, "bob")
        team = join(commands, team, "carol")
        show(commands, team, "late")
    with store.reading() as queries:
        seen = {
            user_id: [
                name for name in ("early", "late", "unsent") if queries.sees_asset(name, user_id)
            ]
            for user_id in ("alice", "bob", "carol", "dave")
        }
    assert seen == {"alice": ["early", "late"], "bob": ["early"], "carol": ["late"], "dave": []}


def test_an_asset_may_be_sent_many_times(store: Store) -> None:
    """In one conversation and in several."""
    with committed(store) as commands:
        people(commands, "alice", "bob", "carol")
        commands.add_asset(asset("a1"))
        team = show(commands, group(commands, "team", "bob"), "a1")
        show(commands, team, "a1")
        show(commands, group(commands, "other", "carol"), "a1")
    with store.reading() as queries:
        assert all(queries.sees_asset("a1", user_id) for user_id in ("bob", "carol"))


def test_orphans_are_old_and_were_never_sent(store: Store) -> None:
    """No more of them than asked for at once."""
    with committed(store) as commands:
        people(commands, "alice", "bob")
        for name in ("sent", "orphan", "other"):
            commands.add_asset(asset(name))
        commands.add_asset(asset("fresh", created_at=NOW + 1))
        show(commands, group(commands, "team", "bob"), "sent")
    with committed(store) as commands:
        assert [commands.remove_orphans(NOW + 1, 1) for _ in range(3)] == [1, 1, 0]
    with store.reading() as queries:
        kept = [name for name in ("sent", "orphan", "other", "fresh") if queries.asset(name)]
    assert kept == ["sent", "fresh"]


def resumable(upload_id: str, expires_at: int = NOW + 5) -> Upload:
    """An upload of alice's."""
    return Upload(
        upload_id=upload_id,
        owner_id="alice",
        media_type="video/mp4",
        metadata="filetype dmlkZW8vbXA0",
        size=5,
        expires_at=expires_at,
        asset_id=None,
    )


def test_an_upload_is_kept_until_it_is_removed(store: Store) -> None:
    """With the asset that it becomes."""
    with committed(store) as commands:
        for name in ("u1", "u2"):
            commands.add_upload(resumable(name))
        commands.finish_upload("u1", "a1")
        commands.remove_upload("u2")
    with store.reading() as queries:
        assert queries.upload("u1") == replace(resumable("u1"), asset_id="a1")
        assert queries.upload("u2") is None


def test_uploads_that_expired_are_removed(store: Store) -> None:
    """Those up to the moment asked for."""
    with committed(store) as commands:
        for age in (1, 2, 3):
            commands.add_upload(resumable(f"u{age}", expires_at=NOW + age))
        commands.remove_uploads(NOW + 2)
    with store.reading() as queries:
        assert [name for name in ("u1", "u2", "u3") if queries.upload(name)] == ["u3"]
