"""The frames of the realtime channel (§6) that are not events: what clients send and what answers it.

Members of a client's frame are loosely typed where a wrong one must be answered by name: a `send` with
a usable `id` fails by that id, whatever else is wrong with it.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from ..core.errors import ApiError
from ..core.model import Message

Seq = Annotated[int, Meta(ge=0)]


class SendFrame(Struct, frozen=True):
    """`send`; everything is checked by the session and the service."""

    id: Any = None
    conversation_id: Any = None
    client_message_id: Any = None
    body: Any = None
    relates_to: Any = None
    expires_in_s: Any = None


class WatermarkFrame(Struct, frozen=True):
    """`delivered` or `read`."""

    conversation_id: str
    up_to_seq: Seq


class TypingFrame(Struct, frozen=True):
    """`typing`."""

    conversation_id: str
    active: bool


class ToDeviceFrame(Struct, frozen=True):
    """`to_device`: payloads by user and device."""

    id: str
    messages: dict[str, dict[str, Any]]


class ToDeviceAckFrame(Struct, frozen=True):
    """`to_device_ack`."""

    up_to: Seq


class PingFrame(Struct, frozen=True):
    """`ping`."""

    id: str


class Failure(Struct, frozen=True, omit_defaults=True):
    """The `error` of a `failed` or `error` frame."""

    code: str
    detail: str
    retryable: bool | UnsetType = UNSET
    retry_after_ms: int | UnsetType = UNSET
    missing: list[tuple[str, str]] | UnsetType = UNSET
    extra: list[tuple[str, str]] | UnsetType = UNSET


class WelcomeFrame(Struct, frozen=True, tag_field="type", tag="welcome"):
    """The first frame of a connection."""

    user_id: str
    device_id: str
    server_time: str
    heartbeat_interval_ms: int


class ReplayCompleteFrame(Struct, frozen=True, tag_field="type", tag="replay_complete"):
    """The backlog is through; `count` messages were replayed."""

    count: int


class Timing(Struct, frozen=True):
    """Where a send's time went, in microseconds: waiting for the writer, and its transaction."""

    queue_us: int
    commit_us: int


class SentFrame(Struct, frozen=True, tag_field="type", tag="sent"):
    """A send is durable."""

    id: str
    client_message_id: str
    message_id: str
    conversation_id: str
    seq: int
    created_at: str
    duplicate: bool
    timing: Timing


class AcceptedFrame(Struct, frozen=True, tag_field="type", tag="accepted"):
    """A `to_device` is durable; `unknown` are the devices that it could not be for."""

    id: str
    unknown: list[tuple[str, str]]


class FailedFrame(Struct, frozen=True, tag_field="type", tag="failed"):
    """A send was refused and changed nothing."""

    id: str
    client_message_id: Any
    error: Failure


class ErrorFrame(Struct, frozen=True, tag_field="type", tag="error", omit_defaults=True):
    """Anything else was refused."""

    error: Failure
    id: str | UnsetType = UNSET


class PongFrame(Struct, frozen=True, tag_field="type", tag="pong"):
    """The answer to a `ping`."""

    id: str
    server_time: str


def sent(frame_id: str, message: Message, timing: Timing, *, duplicate: bool) -> SentFrame:
    """The answer to an accepted send."""
    return SentFrame(
        frame_id,
        message.client_message_id or "",
        message.message_id,
        message.conversation_id,
        message.seq,
        message.created_at,
        duplicate,
        timing,
    )


def refusal(error: ApiError) -> Failure:
    """The `error` of anything but a send."""
    return Failure(
        error.code, error.detail, retry_after_ms=error.extra.get("retry_after_ms", UNSET)
    )


def failed(frame_id: str, client_message_id: Any, error: ApiError) -> FailedFrame:
    """The answer to a refused send."""
    failure = Failure(
        error.code,
        error.detail,
        retryable=error.retryable,
        retry_after_ms=error.extra.get("retry_after_ms", UNSET),
        missing=error.extra.get("missing", UNSET),
        extra=error.extra.get("extra", UNSET),
    )
    return FailedFrame(frame_id, client_message_id, failure)
