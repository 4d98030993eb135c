"""Replies, edits, deletes and reactions: their shape, who may make them, and to what (§4, REL-1).

A relation is an entry of the log like any other; what it does to its target is in `standing`::

              body     by whom                        target
    reply     yes      every member                   shows nothing of it
    edit      yes      the target's sender            shows the new body
    delete    no       its sender, owners, admins     becomes a tombstone, and so do its edits
    reaction  no       every member                   counts users by key

A target is a message that the author can see as it was sent: neither a system entry nor an edit, delete
or reaction itself, not deleted, and not expired for the author.
"""

from __future__ import annotations

from typing import Any, get_args

from . import errors, inputs
from .limits import Limits
from .log import MANAGERS
from .model import Body, Conversation, Message, RelatesTo, Relation, SystemBody, place_of
from .standing import Standing

BODILESS: frozenset[Relation] = frozenset(("delete", "reaction"))
CHANGING: frozenset[Relation] = frozenset(("edit", "delete", "reaction"))
"""Relations that change how their target stands, and are no messages of their own."""

MAX_REACTION_KEYS = 64
"""Different reactions on one message, so that it fits into a frame with them, whatever they are."""

_RELATIONS: tuple[Relation, ...] = get_args(Relation)
_KEY_LENGTH = range(1, 65)


def changes_its_target(entry: Message) -> bool:
    """Whether the entry is an edit, delete or reaction."""
    return entry.relates_to is not None and entry.relates_to.relation in CHANGING


def edited_place(entry: Message) -> int | None:
    """The seq of what the entry edits; None if it is no edit."""
    if entry.relates_to is None or entry.relates_to.relation != "edit":
        return None
    place = place_of(entry.relates_to.message_id)
    return None if place is None else place[1]


def relates_to(value: Any) -> RelatesTo | None:
    """`relates_to` of a send; its shape wrong, it is `InvalidRequest` with the place."""
    if value is None:
        return None
    if not isinstance(value, dict):
        raise _wrong("", "Expected an object.")
    relation = value.get("relation")
    if relation not in _RELATIONS:
        raise _wrong("/relation", f"Expected one of {', '.join(_RELATIONS)}.")
    message_id = inputs.check_id(value.get("message_id"), "/relates_to/message_id")
    if relation != "reaction":
        return RelatesTo(relation=relation, message_id=message_id)
    key, remove = value.get("key"), value.get("remove")
    if not isinstance(key, str) or len(key) not in _KEY_LENGTH:
        raise _wrong("/key", "Expected a text of 1 to 64 characters.")
    if remove is not None and not isinstance(remove, bool):
        raise _wrong("/remove", "Expected true or false.")
    return RelatesTo(relation=relation, message_id=message_id, key=key, remove=bool(remove))


def body(relation: RelatesTo | None, value: Any, limits: Limits) -> Body | None:
    """The body of a send: none with a delete or a reaction, else as `inputs.message_body`."""
    if relation is None or relation.relation not in BODILESS:
        return inputs.message_body(value, limits)
    if value is not None:
        raise errors.pointed(
            errors.InvalidBody, "/body", f"A {relation.relation} comes without a body."
        )
    return None


def lifetime(relation: RelatesTo | None, expires_in_s: Any) -> int | None:
    """`expires_in_s` of a send; an edit, delete or reaction lives as long as its target."""
    seconds = inputs.check_lifetime(expires_in_s)
    if seconds is not None and relation is not None and relation.relation in CHANGING:
        raise errors.pointed(
            errors.InvalidRequest, "/expires_in_s", f"A {relation.relation} does not expire itself."
        )
    return seconds


def target_place(conversation: Conversation, user_id: str, relation: RelatesTo) -> int:
    """The seq that the relation names, if it can be in what the member sees; else `UnknownTarget`."""
    place = place_of(relation.message_id)
    if place is None or place[0] != conversation.conversation_id:
        raise errors.UnknownTarget
    if not conversation.members[user_id].joined_seq <= place[1] <= conversation.head_seq:
        raise errors.UnknownTarget
    return place[1]


def check_target(
    conversation: Conversation,
    user_id: str,
    relation: RelatesTo,
    target: Message,
    standing: Standing,
) -> None:
    """Whether the member may relate so to an entry that it sees: `UnknownTarget`, `NotPermitted`."""
    if isinstance(target.body, SystemBody) or changes_its_target(target) or standing.deleted:
        raise errors.UnknownTarget
    own = target.sender_id == user_id
    if relation.relation == "edit" and not own:
        raise errors.NotPermitted("Only its sender edits a message.")
    may_delete = own or conversation.members[user_id].role in MANAGERS
    if relation.relation == "delete" and not may_delete:
        raise errors.NotPermitted("Its sender, owners and admins delete a message.")
    if relation.relation == "reaction" and not relation.remove:
        keys = standing.reactions
        if relation.key not in keys and len(keys) >= MAX_REACTION_KEYS:
            raise _wrong("/key", f"A message has at most {MAX_REACTION_KEYS} different reactions.")


def _wrong(place: str, detail: str) -> errors.ApiError:
    return errors.pointed(errors.InvalidRequest, f"/relates_to{place}", detail)
