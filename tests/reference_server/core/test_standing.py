"""How entries stand after what was done to them."""

from __future__ import annotations

from msgspec import UNSET

from reference_server.core import standing
from reference_server.core.model import (
    Body,
    DeletedBody,
    ExpiredBody,
    Message,
    RelatesTo,
    Relation,
    TextBody,
)
from reference_server.core.standing import AS_SENT, Standing, as_it_stands


def entry(
    seq: int,
    relation: Relation | None = None,
    *,
    body: Body | None = None,
    key: str | None = None,
    remove: bool = False,
) -> Message:
    """An entry, by default a message; else it relates to the entry 1."""
    relates_to = None
    if relation is not None:
        relates_to = RelatesTo(relation=relation, message_id="c.1", key=key or UNSET, remove=remove)
    return Message(
        message_id=f"c.{seq}",
        conversation_id="c",
        seq=seq,
        sender_id="alice",
        created_at=f"at {seq}",
        body=body,
        relates_to=relates_to,
    )


HELLO = entry(1, body=TextBody("hello"))


def shown(
    message: Message,
    stands: Standing = AS_SENT,
    *,
    target_deleted: bool = False,
    expired: bool = False,
) -> Message:
    """As a reader sees it."""
    return as_it_stands(message, stands, target_deleted=target_deleted, expired=expired)


def test_an_edit_shows_the_new_body_and_when() -> None:
    """The last edit counts."""
    once = standing.after(AS_SENT, entry(2, "edit", body=TextBody("one")), reacted=False)
    twice = standing.after(once, entry(3, "edit", body=TextBody("two")), reacted=False)
    assert (shown(HELLO, once).body, shown(HELLO, once).edited_at) == (TextBody("one"), "at 2")
    assert (shown(HELLO, twice).body, shown(HELLO, twice).edited_at) == (TextBody("two"), "at 3")
    assert twice.seq == 3


def test_a_delete_leaves_a_tombstone_in_its_place() -> None:
    """Edited before or not; the rest of the entry stays."""
    edited = standing.after(AS_SENT, entry(2, "edit", body=TextBody("one")), reacted=False)
    for before in (AS_SENT, edited):
        deleted = standing.after(before, entry(3, "delete"), reacted=False)
        tombstone = shown(HELLO, deleted)
        assert tombstone.body == DeletedBody()
        assert (tombstone.seq, tombstone.message_id) == (1, "c.1")


def test_the_bodies_of_edits_go_with_their_target() -> None:
    """Deleted beats expired: it is the same for everybody."""
    edit = entry(2, "edit", body=TextBody("one"))
    assert shown(edit).body == TextBody("one")
    assert shown(edit, expired=True).body == ExpiredBody()
    assert shown(edit, target_deleted=True, expired=True).body == DeletedBody()


def test_what_expired_stays_so_though_it_was_edited() -> None:
    """STA-9."""
    edited = standing.after(AS_SENT, entry(2, "edit", body=TextBody("one")), reacted=False)
    assert shown(HELLO, edited, expired=True).body == ExpiredBody()


def test_reactions_count_users_by_key() -> None:
    """Given by two, taken back by one, then by the other."""
    stands = AS_SENT
    for seq, key, remove, counts in (
        (2, "x", False, {"x": 1}),
        (3, "x", False, {"x": 2}),
        (4, "y", False, {"x": 2, "y": 1}),
        (5, "x", True, {"x": 1, "y": 1}),
        (6, "x", True, {"y": 1}),
    ):
        reaction = entry(seq, "reaction", key=key, remove=remove)
        stands = standing.after(stands, reaction, reacted=remove)
        assert (stands.reactions, stands.seq) == (counts, seq)
    assert shown(HELLO, stands).reactions == {"y": 1}
    assert shown(HELLO, stands).body == TextBody("hello")


def test_what_changes_nothing_leaves_the_standing_as_it_is() -> None:
    """A reply, a reaction once more, and the removal of one that is not there."""
    stands = Standing(seq=2, reactions={"x": 1})
    assert standing.after(stands, entry(3, "reply"), reacted=False) is stands
    assert standing.after(stands, entry(3, "reaction", key="x"), reacted=True) is stands
    taken = entry(3, "reaction", key="y", remove=True)
    assert standing.after(stands, taken, reacted=False) is stands
