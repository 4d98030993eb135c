"""What is drawn and shrunk: a cast, the conversations that it begins with, and its moves.

Plans are plain data. Everything is spoken of by name, so that taking a move away changes nothing about the
meaning of the others.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Lane = Literal["realtime", "http"]


class Move(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that a device does. What its other members mean is up to its kind."""

    kind: str
    label: str
    """What it makes is known by this name: a message, a conversation, an answer."""
    by: str
    """The device, ``alice.phone``."""
    chat: str = ""
    target: str = ""
    """The label of a message or answer, a user, or a device."""
    how: str = ""
    """The kind's own variant; the simplest one is the empty word."""
    via: Lane = "realtime"
    """The lane that it takes if it can; HTTP is always there."""
    count: int = 1


class Beginning(Struct, frozen=True, kw_only=True):
    """A conversation that is there from the start."""

    kind: Literal["direct", "group"]
    members: tuple[str, ...]
    encrypted: bool = False


class Plan(Struct, frozen=True, kw_only=True):
    """Everything that a scenario is written from."""

    cast: dict[str, tuple[str, ...]]
    """The devices of each user."""
    chats: dict[str, Beginning]
    moves: tuple[Move, ...]


def user_of(device: str) -> str:
    """``alice`` of ``alice.phone``."""
    return device.partition(".")[0]
