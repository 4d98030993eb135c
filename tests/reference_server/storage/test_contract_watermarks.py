"""What every store keeps of watermarks and activity: backlogs, rises, the list of chats."""

from __future__ import annotations

from reference_server.core.receipts import Acknowledged, Marks
from reference_server.storage.base import Backlog, Commands, Store

from .conftest import Open
from .making import ALICE, NOW, committed, group, join, pair, people, remove, say

# acknowledgements


def test_a_rise_answers_when_a_seq_was_first_covered(store: Store) -> None:
    """Each status by itself."""
    with committed(store) as commands:
        commands.add_rise("c1", "bob", "delivered", 3, NOW)
        commands.add_rise("c1", "bob", "delivered", 7, NOW + 5)
        commands.add_rise("c1", "bob", "read", 5, NOW + 9)

        def at(status: Acknowledged, seq: int) -> int | None:
            return commands.risen_at("c1", "bob", status, seq)

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
