"""What every store keeps of what became of entries: standings, reactions, deadlines, blocks."""

from __future__ import annotations

from reference_server.core import log
from reference_server.core.model import Conversation, DeletedBody, RelatesTo, TextBody
from reference_server.core.standing import Standing
from reference_server.storage.base import Commands, Deadline, Store

from .conftest import Open
from .making import ALICE, BOB, NOW, committed, group, join, pair, people, remove, say


def edited(seq: int, text: str) -> Standing:
    """After an edit."""
    return Standing(seq=seq, body=TextBody(text), edited_at="then")


def relate(
    commands: Commands, conversation: Conversation, relates_to: RelatesTo, text: str | None = None
) -> Conversation:
    """Alice appends a relation."""
    body = None if text is None else TextBody(text)
    change = log.append(conversation, ALICE, body, NOW, None, relates_to)
    commands.append(change.conversation, change.entries[0], None)
    return change.conversation


def test_a_relation_and_a_deadline_come_back_with_their_entry(reopen: Open) -> None:
    """Bodiless entries too, and after reopening."""
    reaction = RelatesTo(relation="reaction", message_id="c1.1", key="👍", remove=True)
    reply = RelatesTo(relation="reply", message_id="c1.1")
    with committed(reopen()) as commands:
        people(commands, "alice", "bob")
        conversation = say(commands, pair(commands), ALICE, "one")
        change = log.append(conversation, ALICE, TextBody("two"), NOW, "m", reply, 60)
        commands.append(change.conversation, change.entries[0], b"print")
        relate(commands, change.conversation, reaction)
    with reopen().reading() as queries:
        second, third = queries.entries_after("c1", 1, 3, 9)
        assert (second.relates_to, second.expires_at) == (reply, change.entries[0].expires_at)
        assert (third.relates_to, third.body, third.expires_at) == (reaction, None, None)
        found = queries.conversation("c1")
        assert found is not None
        assert (found.head_seq, found.last_message_seq) == (3, 2)


def test_a_standing_is_the_newest_one(reopen: Open) -> None:
    """By range; entries that nothing was done to are left out."""
    with committed(reopen()) as commands:
        people(commands, "alice", "bob")
        say(commands, pair(commands), ALICE, "one", "two", "three")
        commands.set_standing("c1", 1, edited(4, "uno"))
        commands.set_standing("c1", 1, edited(5, "eins"))
        gone = Standing(seq=6, deleted=True, reactions={"👍": 2})
        commands.set_standing("c1", 3, gone)
    with reopen().reading() as queries:
        assert queries.standings("c1", 1, 3, None) == {1: edited(5, "eins"), 3: gone}
        assert queries.standings("c1", 2, 2, None) == {}
        assert queries.standings("c2", 1, 3, None) == {}
        assert queries.tombstones("c1", [1, 2, 3, 4], None) == {3}
        assert queries.tombstones("c1", [1, 2], None) == set()


def test_a_body_that_was_deleted_is_none_of_the_edits(reopen: Open) -> None:
    """Every body that a message can come to have is kept as it is."""
    with committed(reopen()) as commands:
        commands.set_standing("c1", 1, Standing(seq=2, body=DeletedBody()))
    with reopen().reading() as queries:
        assert queries.standings("c1", 1, 1, None)[1].body == DeletedBody()


def test_who_left_finds_the_standings_of_its_last_entry(store: Store) -> None:
    """However often things change later, and for each who left its own."""
    with committed(store) as commands:
        people(commands, "alice", "bob", "carol")
        conversation = say(commands, group(commands, "g", "bob", "carol"), ALICE, "one", "two")
        commands.set_standing("g", 2, edited(4, "before"))
        conversation = relate(
            commands, conversation, RelatesTo(relation="edit", message_id="g.2"), "before"
        )
        conversation = remove(commands, conversation, "bob")
        assert conversation.head_seq == 5
        commands.set_standing("g", 2, edited(6, "between"))
        commands.set_standing("g", 2, edited(7, "also between"))
        conversation = say(commands, conversation, ALICE, "six", "seven")
        conversation = remove(commands, conversation, "carol")
        assert conversation.head_seq == 8
        commands.set_standing("g", 2, Standing(seq=9, deleted=True))
        commands.set_standing("g", 3, edited(10, "late"))
    with store.reading() as queries:
        assert queries.standings("g", 1, 3, 5) == {2: edited(4, "before")}
        assert queries.standings("g", 1, 3, 8) == {2: edited(7, "also between")}
        assert queries.tombstones("g", [2, 3], 8) == set()
        assert queries.tombstones("g", [2, 3], None) == {2}
        assert queries.standings("g", 3, 3, None) == {3: edited(10, "late")}


def test_versions_are_kept_for_former_members_alone(store: Store) -> None:
    """An edit a minute for a year is one row."""
    with committed(store) as commands:
        people(commands, "alice", "bob")
        say(commands, pair(commands), ALICE, "one")
        for seq in range(2, 50):
            commands.set_standing("c1", 1, edited(seq, str(seq)))
        assert commands.standings("c1", 1, 1, 48) == {}
        assert commands.standings("c1", 1, 1, 49) == {1: edited(49, "49")}


def test_reactions_are_of_a_user_and_a_key(store: Store) -> None:
    """Given and taken back."""
    with committed(store) as commands:
        commands.add_reaction("c1", 1, "👍", "alice")
        assert commands.reacted("c1", 1, "👍", "alice")
        assert not commands.reacted("c1", 1, "👍", "bob")
        assert not commands.reacted("c1", 1, "👎", "alice")
        assert not commands.reacted("c1", 2, "👍", "alice")
        commands.remove_reaction("c1", 1, "👍", "alice")
        assert not commands.reacted("c1", 1, "👍", "alice")


def test_unread_are_the_messages_of_others_that_can_be_read(store: Store) -> None:
    """No edits, deletes, reactions; nothing deleted, expired for the user, or both."""
    with committed(store) as commands:
        people(commands, "alice", "bob")
        conversation = say(commands, pair(commands), ALICE, "1", "2", "3", "4", "5")
        conversation = say(commands, conversation, BOB, "6")
        conversation = relate(
            commands, conversation, RelatesTo(relation="edit", message_id="c1.1"), "7"
        )
        reaction = RelatesTo(relation="reaction", message_id="c1.1", key="x")
        conversation = relate(commands, conversation, reaction)
        for target in (2, 3):
            deletion = RelatesTo(relation="delete", message_id=f"c1.{target}")
            conversation = relate(commands, conversation, deletion)
            commands.set_standing("c1", target, Standing(seq=conversation.head_seq, deleted=True))
        for seq in (3, 4):
            commands.add_failure("c1", seq, "bob", NOW)
    with store.reading() as queries:
        assert queries.unread("c1", "bob", 0, 10) == 2  # 1 and 5
        assert queries.unread("c1", "bob", 0, 9) == 2  # 3 has expired anyway
        assert queries.unread("c1", "bob", 0, 8) == 3  # 2 was still there
        assert queries.unread("c1", "bob", 1, 10) == 1
        assert queries.unread("c1", "alice", 0, 10) == 1


def test_deadlines_come_in_their_order(reopen: Open) -> None:
    """The earliest first, and each until it is removed."""
    late, early = Deadline(NOW + 2, "c1", 1), Deadline(NOW + 1, "c2", 9)
    with committed(reopen()) as commands:
        assert commands.next_deadline() is None
        commands.add_deadline(late)
        commands.add_deadline(early)
    with reopen().reading() as queries:
        assert queries.next_deadline() == NOW + 1
        assert queries.deadlines(NOW, 9) == []
        assert queries.deadlines(NOW + 1, 9) == [early]
        assert queries.deadlines(NOW + 2, 9) == [early, late]
        assert queries.deadlines(NOW + 2, 1) == [early]
        assert queries.deadlines_in("c1", NOW + 2) == [late]
        assert queries.deadlines_in("c1", NOW + 1) == []
    with committed(reopen()) as commands:
        commands.remove_deadline(early)
        assert commands.next_deadline() == NOW + 2


def test_failures_are_of_a_user_and_an_entry(reopen: Open) -> None:
    """With the moment."""
    with committed(reopen()) as commands:
        commands.add_failure("c1", 1, "bob", NOW)
        commands.add_failure("c1", 1, "carol", NOW + 1)
    with reopen().reading() as queries:
        assert queries.failures("c1", 1) == {"bob": NOW, "carol": NOW + 1}
        assert queries.failures("c1", 2) == {}
        assert queries.expired("c1", "bob", [1, 2]) == {1}
        assert queries.expired("c1", "bob", [2]) == set()
        assert queries.expired("c1", "dave", [1]) == set()


def test_a_block_works_both_ways_until_it_is_taken_back(reopen: Open) -> None:
    """Repeating is no error; what was rolled back never was."""
    store = reopen()
    with committed(store) as commands:
        people(commands, "alice", "bob")
        assert not commands.blocked("alice", "bob")
        commands.add_block("bob", "alice")
        commands.add_block("bob", "alice")
        assert commands.blocked("alice", "bob")
        assert commands.blocked("bob", "alice")
        assert not commands.blocked("alice", "carol")
    store.begin()
    store.commands.remove_block("bob", "alice")
    assert not store.commands.blocked("alice", "bob")
    store.rollback()
    with reopen().reading() as queries:
        assert queries.blocked("alice", "bob")
    with committed(reopen()) as commands:
        commands.remove_block("alice", "bob")
        assert commands.blocked("alice", "bob")
        commands.remove_block("bob", "alice")
        assert not commands.blocked("alice", "bob")


def test_who_joins_again_is_no_former_member(store: Store) -> None:
    """The newest standing is there, whatever was kept."""
    with committed(store) as commands:
        people(commands, "alice", "bob")
        conversation = say(commands, group(commands, "g", "bob"), ALICE, "two")
        commands.set_standing("g", 2, edited(2, "before"))
        conversation = remove(commands, conversation, "bob")
        commands.set_standing("g", 2, edited(4, "after"))
        join(commands, conversation, "bob")
        assert commands.standings("g", 2, 2, None) == {2: edited(4, "after")}
