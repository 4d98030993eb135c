"""What the messenger adapter's raw escapes take: a request, a WebSocket message, as written."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType

from .nodes import Node, Value


class Request(Node, frozen=True, kw_only=True):
    """One HTTP request, as written. With ``as`` it carries that device's token, else none."""

    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    path: Value
    """The path and query, below the target's address: ``/v1.0/…``."""
    headers: dict[str, Value] = {}
    body: Value | UnsetType = UNSET
    """Sent as JSON."""
    text: Value | UnsetType = UNSET
    """Sent as these UTF-8 bytes, as ``application/json`` unless a header says otherwise."""
    base64: str | UnsetType = UNSET
    """Sent as these bytes."""
    size: Value | UnsetType = UNSET
    """Sent as one JSON string of this many bytes, quotes included, for limits."""


class Bytes(Node, frozen=True):
    """One WebSocket message, as written, valid or not."""

    text: Value | UnsetType = UNSET
    binary: str | UnsetType = UNSET
    """Base64 of a binary message."""
    invalid_utf8: str | UnsetType = UNSET
    """Base64 of what is sent as a *text* message although it is not UTF-8."""
    size: Value | UnsetType = UNSET
    """A text message that is one JSON string of this many bytes, quotes included, for limits."""
