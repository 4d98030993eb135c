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


Event = MessageEvent | ConversationEvent | StatusEvent | ExpiredEvent


class Post(Struct, frozen=True):
    """An event and the users to whose connections it goes; `but` is the connection that caused it."""

    event: Event
    to: Collection[str]
    but: Any = None


class Due(Struct, frozen=True):
    """Something is to be done at a moment (milliseconds); see `service.expiry`."""

    at: int


class Revoked(Struct, frozen=True):
    """A device's session is over: its connection is closed."""

    user_id: str
    device_id: str
    reason: str
