"""When two showings of one entry are the same message.

Servers may add members of their own to any object and may leave out empty ones, so bodies are compared
by the members that the contract gives each kind. Bodies that it lets change or differ between readers
(edited, deleted, expired, encrypted for one device) are not compared at all.
"""

from __future__ import annotations

from typing import Any

from ..history import Entry

_MEMBERS: dict[Any, tuple[str, ...]] = {
    "text": ("text",),
    "media": ("asset_id", "caption"),
    "system": ("event", "user_id", "user_ids", "role", "title"),
}
"""The members that make a body of each kind; a kind that is not here is not compared."""

_MAY_BECOME = ("deleted", "expired", "encrypted")
"""Kinds that an entry's body may have for one reader and not, or not yet, for another."""


def is_system(entry: Entry) -> bool:
    """Whether the server itself wrote this entry."""
    return isinstance(entry.body, dict) and entry.body.get("kind") == "system"


def system_event(entry: Entry) -> str | None:
    """The event of a system entry (``created``, ``joined`` …), else None."""
    if not is_system(entry):
        return None
    event = entry.body.get("event")
    return event if isinstance(event, str) else None


def begins_membership(entry: Entry, user_id: str) -> bool:
    """Whether this entry is the user's own joining, to which a view may jump."""
    return system_event(entry) == "joined" and entry.body.get("user_id") == user_id


def same_body(one: Any, other: Any) -> bool:
    """Whether two bodies carry the same content, as far as they may be compared."""
    if one == other:
        return True
    if not isinstance(one, dict) or not isinstance(other, dict):
        return True  # a body that is not told
    kind, other_kind = one.get("kind"), other.get("kind")
    if kind != other_kind:
        return kind in _MAY_BECOME or other_kind in _MAY_BECOME
    return all(
        _plain(one.get(member)) == _plain(other.get(member)) for member in _MEMBERS.get(kind, ())
    )


def same_entry_body(one: Entry, other: Entry) -> bool:
    """Whether two showings of one entry agree in their body, where neither was edited."""
    if one.body == other.body or one.edited_at is not None or other.edited_at is not None:
        return True
    return same_body(one.body, other.body)


def _plain(value: Any) -> Any:
    """A member's value; empty equals absent, and a list here (of users) has no order."""
    return sorted(map(str, value)) if isinstance(value, list) else value or None
