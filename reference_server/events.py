"""What connected devices are told, in the shape that it has on the wire (§6).

The service makes these, the hub hands each to whom it concerns, a session writes it. They are frames
already (`type` is their tag), because an event that reaches a thousand devices is encoded once.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Literal

from msgspec import Struct

from .core.model import ConversationView, Message
from .core.receipts import Acknowledged


class MessageEvent(Struct, frozen=True, tag_field="type", tag="message"):
    """A log entry."""

    message: Message


class ConversationEvent(Struct, frozen=True, tag_field="type", tag="conversation"):
    """A conversation that one has become a member of."""

    conversation: ConversationView


class StatusEvent(Struct, frozen=True, tag_field="type", tag="status"):
    """A user's watermark rose."""

    conversation_id: str
    user_id: str
    status: Acknowledged
    up_to_seq: int
    at: str


class ExpiredEvent(Struct, frozen=True, tag_field="type", tag="status"):
    """A message of one's own expired before any of a recipient's devices had it (STA-9)."""

    conversation_id: str
    user_id: str
    message_id: str
    at: str
    status: Literal["failed"] = "failed"
    reason: Literal["expired"] = "expired"


class TypingEvent(Struct, frozen=True, tag_field="type", tag="typing"):
    """A member is writing, or is no more."""

    conversation_id: str
    user_id: str
    active: bool


Presence = Literal["online", "offline"]
"""Online is who has a device connected, whichever and however many."""


class PresenceEvent(Struct, frozen=True, tag_field="type", tag="presence"):
    """A user came online or went offline; `last_seen_at` is when a device of theirs last came or went."""

    user_id: str
    state: Presence
    last_seen_at: str


class DevicesEvent(Struct, frozen=True, tag_field="type", tag="devices"):
    """The published keys of one of a user's devices came, changed or went (ENC-8)."""

    user_id: str


class KeysLowEvent(Struct, frozen=True, tag_field="type", tag="keys_low"):
    """So few one-time keys of this device are left."""

    one_time_keys: int


class ToDeviceEvent(Struct, frozen=True, tag_field="type", tag="to_device"):
    """A payload from another device, at its place in this one's queue; any JSON value (ENC-7)."""

    position: int
    sender_id: str
    sender_device_id: str
    payload: Any


Ephemeral = TypingEvent | PresenceEvent
"""Of the moment: stored nowhere, never replayed."""

ForDevice = KeysLowEvent | ToDeviceEvent | DevicesEvent
"""What may concern one device alone."""

Event = MessageEvent | ConversationEvent | StatusEvent | ExpiredEvent | ForDevice | Ephemeral


class Post(Struct, frozen=True):
    """An event and the users to whose connections it goes; `but` is the connection that caused it.

    `but_device` names a device, by its user and its id, that is not told on another connection either.
    """

    event: Event
    to: Collection[str]
    but: Any = None
    but_device: tuple[str, str] | None = None


class SealedPost(Struct, frozen=True):
    """An entry that is encrypted for each device by itself; as `Post`, but each is shown its own."""

    entry: Message
    to: Collection[str]
    but: Any = None


class DevicePost(Struct, frozen=True):
    """An event for one device."""

    event: ForDevice
    user_id: str
    device_id: str


class Due(Struct, frozen=True):
    """Something is to be done at a moment (milliseconds); see `service.expiry`."""

    at: int


class Revoked(Struct, frozen=True):
    """A device's session is over: its connection is closed."""

    user_id: str
    device_id: str
    reason: str
