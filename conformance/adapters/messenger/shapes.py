"""What the Messenger API puts on the wire, as far as the suite draws conclusions from it.

Each struct names the members that a history event is made of, and no others: unknown members are
ignored, members that are null, ``[]`` or ``{}`` may be missing (api.md §1), everything else must be
there with its type. :func:`read` raises `Malformed` with the place of the first deviation.
"""

from __future__ import annotations

from typing import Any, Literal, TypeVar

import msgspec
from msgspec import Struct

from ...history import ConversationSeen, Entry, RecipientStatus, StatusName, Watermarks
from ..base import Malformed

Json = Any
Shape = TypeVar("Shape")


class Sent(Struct, frozen=True):
    """``sent``: the answer to a ``send`` frame."""

    id: str
    message_id: str
    conversation_id: str
    seq: int
    duplicate: bool
    created_at: str


class Error(Struct, frozen=True):
    """``error`` inside a frame."""

    code: str


class Failed(Struct, frozen=True):
    """``failed``: the refusal of a ``send`` frame."""

    id: str
    error: Error


class ErrorFrame(Struct, frozen=True):
    """``error``: the refusal of any other frame."""

    error: Error
    id: str | None = None


class Message(Struct, frozen=True):
    """``message``: a log entry."""

    message: Entry


class Status(Struct, frozen=True):
    """``status``: a watermark that rose, or one message that failed."""

    conversation_id: str
    user_id: str
    status: StatusName
    up_to_seq: int | None = None
    message_id: str | None = None
    reason: str | None = None


class ReplayComplete(Struct, frozen=True):
    """``replay_complete``."""

    count: int


class Member(Watermarks, frozen=True, kw_only=True):
    """A member as a conversation lists it."""

    user_id: str


class Conversation(Struct, frozen=True):
    """A conversation, in answers and in ``conversation`` frames."""

    conversation_id: str
    kind: Literal["direct", "group"]
    head_seq: int
    members: list[Member] | None = None
    left: bool = False
    encrypted: bool = False

    def seen(self, *, user_id: str, conn: int | None, asked: int, raw: int) -> ConversationSeen:
        """The conversation as a history event, read off the raw event at position `raw`."""
        members: dict[str, Watermarks] | None = None
        if self.left:
            members = {}
        elif self.members:
            members = {member.user_id: member for member in self.members}
        return ConversationSeen(
            user_id=user_id,
            conn=conn,
            conversation_id=self.conversation_id,
            kind=self.kind,
            head_seq=self.head_seq,
            members=members,
            asked=asked,
            encrypted=self.encrypted,
            raw=raw,
        )


class ConversationFrame(Struct, frozen=True):
    """``conversation``: a conversation came into being, or the user into it."""

    conversation: Conversation


class ConversationPage(Struct, frozen=True):
    """One page of the list of conversations."""

    items: list[Conversation] = []
    next_cursor: str | None = None


class Posted(Struct, frozen=True):
    """The answer to a message sent over HTTP."""

    message: Entry
    duplicate: bool


class HistoryPage(Struct, frozen=True):
    """One page of a conversation's history."""

    after: str
    has_older: bool
    has_newer: bool
    items: list[Entry] = []
    before: str | None = None


class MessageStatus(Struct, frozen=True):
    """The answer to a question for a message's status."""

    message_id: str
    status: StatusName
    recipients: tuple[RecipientStatus, ...] = ()


class Asset(Struct, frozen=True):
    """The answer to an upload."""

    asset_id: str
    media_type: str
    size: int
    sha256: str


class PublishedDevice(Struct, frozen=True):
    """A device as others see it; without keys before it has published them."""

    device_id: str
    curve25519: str | None = None
    ed25519: str | None = None
    signature: str | None = None


class PublishedDevices(Struct, frozen=True):
    """The devices of a user."""

    devices: list[PublishedDevice] = []


class KeyCount(Struct, frozen=True):
    """The answer to one-time keys: how many of the device's are there now."""

    count: int


class ClaimedKey(Struct, frozen=True):
    """A key to begin a session with."""

    key_id: str
    key: str
    signature: str
    fallback: bool


class Claimed(Struct, frozen=True):
    """The answer to a claim, by user and device."""

    keys: dict[str, dict[str, ClaimedKey]] = {}
    missing: dict[str, list[str]] = {}


class Accepted(Struct, frozen=True):
    """``accepted``: the answer to a ``to_device`` frame."""

    id: str
    unknown: list[tuple[str, str]] = []


class Session(Struct, frozen=True):
    """The answer to a login."""

    token: str
    user_id: str
    device_id: str


class Discovery(Struct, frozen=True):
    """``/.well-known/messenger``."""

    versions: list[str]
    limits: dict[str, Json]
    capabilities: list[str] = []


def read(value: Json, shape: type[Shape], what: str) -> Shape:
    """`value` as a `shape`; `what` names it in the complaint. Raises `Malformed`."""
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        raise Malformed(f"{what} is not as the Messenger API says: {error}") from None
