"""What the generator reads in the answers to its HTTP calls, and nothing besides.

A server that answers otherwise than the API says is told so by name; it must never look as if the generator
had failed.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from .host import GiveUp

Answer = TypeVar("Answer")


class Session(Struct, frozen=True):
    """Of a login."""

    token: str


class Created(Struct, frozen=True):
    """A conversation."""

    conversation_id: str
    head_seq: int


class Stored(Struct, frozen=True):
    """A file."""

    asset_id: str


class Item(Struct, frozen=True):
    """An entry in a history."""

    seq: int
    client_message_id: str | None = None
    body: Any = None
    sender_id: str | None = None
    message_id: str = ""


class Page(Struct, frozen=True):
    """A page of a history, and the cursor of the one before it."""

    items: list[Item]
    before: str | None = None


class Devices(Struct, frozen=True):
    """Of a user, with their keys."""

    devices: list[dict[str, Any]]


class Claimed(Struct, frozen=True):
    """One-time keys by user and device."""

    keys: dict[str, dict[str, Any]]


class Member(Struct, frozen=True):
    """How far a member is."""

    user_id: str
    delivered_seq: int
    read_seq: int


class Standing(Struct, frozen=True):
    """A conversation's members."""

    members: list[Member]


def understood(answer: Any, kind: type[Answer], call: str) -> Answer:
    """The answer to a call in its shape. Raises `GiveUp`."""
    try:
        return msgspec.convert(answer, kind)
    except msgspec.ValidationError as error:
        raise GiveUp(
            "refused", f"the answer to {call} is not what the API says: {error}", "malformed answer"
        ) from None
