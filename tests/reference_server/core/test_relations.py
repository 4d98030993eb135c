"""Relations: their shape, who may make them, and to what."""

from __future__ import annotations

from typing import Any

import pytest

from reference_server.core import errors, log, relations
from reference_server.core.limits import Limits
from reference_server.core.log import Author
from reference_server.core.model import (
    Conversation,
    Message,
    RelatesTo,
    Relation,
    SystemBody,
    TextBody,
)
from reference_server.core.standing import AS_SENT, Standing

from .groups import NOW

LIMITS = Limits()
TEXT = {"kind": "text", "text": "hello"}
ALL: tuple[Relation, ...] = ("reply", "edit", "delete", "reaction")


def group() -> Conversation:
    """Olive owns it, adam is admin, mia and max are members."""
    conversation = log.new_group("g", Author("olive"), ("adam", "mia", "max"), None, NOW, LIMITS)
    change = log.set_member(
        conversation.conversation, Author("olive"), "adam", "admin", NOW, LIMITS
    )
    return change.conversation


def message(sender_id: str = "mia", relates_to: RelatesTo | None = None) -> Message:
    """A message of the group."""
    change = log.append(group(), Author(sender_id), TextBody("hello"), NOW, "m", relates_to)
    return change.entries[0]


def to(relation: Relation, message_id: str = "g.3", key: str = "x") -> RelatesTo:
    """A relation to a message."""
    if relation == "reaction":
        return RelatesTo(relation=relation, message_id=message_id, key=key)
    return RelatesTo(relation=relation, message_id=message_id)


def test_no_relation_is_none() -> None:
    """Absent and null are a message by itself."""
    assert relations.relates_to(None) is None


def test_what_belongs_to_reactions_is_theirs_alone() -> None:
    """`key` and `remove` of another relation are unknown members, and ignored."""
    value = {"relation": "reply", "message_id": "g.3", "key": 5, "remove": 6, "other": 7}
    assert relations.relates_to(value) == to("reply")
    value = {"relation": "reaction", "message_id": "g.3", "key": "x", "remove": None}
    assert relations.relates_to(value) == to("reaction")


@pytest.mark.parametrize(
    ("value", "pointer"),
    [
        ("reply", ""),
        ([], ""),
        ({}, "/relation"),
        ({"relation": "forward", "message_id": "g.3"}, "/relation"),
        ({"relation": ["reply"], "message_id": "g.3"}, "/relation"),
        ({"relation": "reply"}, "/message_id"),
        ({"relation": "reply", "message_id": "no id!"}, "/message_id"),
        ({"relation": "reaction", "message_id": "g.3"}, "/key"),
        ({"relation": "reaction", "message_id": "g.3", "key": ""}, "/key"),
        ({"relation": "reaction", "message_id": "g.3", "key": "x" * 65}, "/key"),
        ({"relation": "reaction", "message_id": "g.3", "key": "x", "remove": 1}, "/remove"),
    ],
    ids=repr,
)
def test_a_wrong_shape_is_refused_with_its_place(value: object, pointer: str) -> None:
    """`invalid_request`."""
    with pytest.raises(errors.InvalidRequest) as error:
        relations.relates_to(value)
    assert [place.pointer for place in error.value.errors] == [f"/relates_to{pointer}"]


@pytest.mark.parametrize("relation", ALL)
def test_replies_and_edits_have_a_body_deletes_and_reactions_none(relation: Relation) -> None:
    """The wrong way round it is `invalid_body`."""
    bodiless = relation in ("delete", "reaction")
    right, wrong = (None, TEXT) if bodiless else (TEXT, None)
    expected = None if bodiless else TextBody("hello")
    assert relations.body(to(relation), right, LIMITS) == expected
    with pytest.raises(errors.InvalidBody):
        relations.body(to(relation), wrong, LIMITS)


@pytest.mark.parametrize("relation", ["edit", "delete", "reaction"])
def test_only_messages_expire(relation: Relation) -> None:
    """What changes a message lives as long as it does."""
    with pytest.raises(errors.InvalidRequest):
        relations.lifetime(to(relation), 5)
    assert relations.lifetime(to(relation), None) is None
    assert relations.lifetime(to("reply"), 5) == 5


@pytest.mark.parametrize("message_id", ["x", "other.1", "g.0", "g.01", "g.4", "g."])
def test_a_target_lies_in_what_the_member_sees(message_id: str) -> None:
    """Another conversation, beyond the head, or no id of ours: `unknown_target`."""
    assert relations.target_place(group(), "mia", to("reply", "g.2")) == 2
    with pytest.raises(errors.UnknownTarget):
        relations.target_place(group(), "mia", to("reply", message_id))


def test_a_target_lies_not_before_the_joining() -> None:
    """CONV-4: who came later relates to nothing before."""
    later = log.set_member(group(), Author("olive"), "nora", None, NOW, LIMITS).conversation
    assert relations.target_place(later, "nora", to("reply", "g.3")) == 3
    with pytest.raises(errors.UnknownTarget):
        relations.target_place(later, "nora", to("reply", "g.2"))


@pytest.mark.parametrize("relation", ALL)
@pytest.mark.parametrize("target", ["system", "edit", "delete", "reaction", "deleted"])
def test_only_messages_that_stand_are_targets(relation: Relation, target: Any) -> None:
    """System entries, edits, deletes, reactions and tombstones are `unknown_target`."""
    standing = Standing(seq=9, deleted=True) if target == "deleted" else AS_SENT
    entry = message(relates_to=to(target) if target in ALL else None)
    if target == "system":
        body = SystemBody(event="title", user_id="mia", title="t")
        entry = log.append(group(), Author("mia"), body, NOW).entries[0]
    with pytest.raises(errors.UnknownTarget):
        relations.check_target(group(), "mia", to(relation), entry, standing)
    relations.check_target(group(), "mia", to(relation), message(), AS_SENT)


@pytest.mark.parametrize(
    ("user_id", "permitted"),
    [
        ("mia", {"reply", "edit", "delete", "reaction"}),
        ("max", {"reply", "reaction"}),
        ("adam", {"reply", "delete", "reaction"}),
        ("olive", {"reply", "delete", "reaction"}),
    ],
)
def test_who_may_do_what_with_mias_message(user_id: str, permitted: set[Relation]) -> None:
    """Its sender edits; its sender, owners and admins delete; everybody else may do the rest."""
    for relation in ALL:
        if relation in permitted:
            relations.check_target(group(), user_id, to(relation), message(), AS_SENT)
        else:
            with pytest.raises(errors.NotPermitted):
                relations.check_target(group(), user_id, to(relation), message(), AS_SENT)


def test_a_message_has_room_for_so_many_different_reactions() -> None:
    """Those that are there are still counted, and may be taken back."""
    full = Standing(seq=9, reactions={str(n): 1 for n in range(relations.MAX_REACTION_KEYS)})
    relations.check_target(group(), "max", to("reaction", key="0"), message(), full)
    with pytest.raises(errors.InvalidRequest):
        relations.check_target(group(), "max", to("reaction", key="new"), message(), full)
