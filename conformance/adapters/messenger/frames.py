"""Frames for people: what scenarios match on, and one line about each for a timeline."""

from __future__ import annotations

import base64
from collections.abc import Callable

import msgspec

from ..base import Json, RawMessage

_LONG = 40
_WRAPPERS = frozenset({"message", "conversation"})


def content(frame: dict[str, Json]) -> dict[str, Json]:
    """What scenarios match on: the frame, or the thing that it only wraps."""
    wrapped = frame.get(frame["type"]) if frame["type"] in _WRAPPERS else None
    return wrapped if isinstance(wrapped, dict) else frame


def evidence(data: str | bytes) -> Json:
    """A message that is no frame, for the record."""
    if isinstance(data, bytes):
        return {"binary": base64.b64encode(data[:256]).decode(), "size": len(data)}
    return {"text": data[:256], "size": len(data)}


def shown(message: RawMessage) -> Json:
    """A raw message for the record."""
    return {
        message.kind: base64.b64encode(message.payload[:256]).decode(),
        "size": len(message.payload),
    }


def label(frame: dict[str, Json]) -> str:
    """One line about a frame: its type and what tells it apart from its neighbours."""
    kind = str(frame.get("type"))
    try:
        told = _TOLD[kind](frame) if kind in _TOLD else ""
    except (KeyError, TypeError, AttributeError):
        told = "(malformed)"
    return f"{kind} {told}".rstrip()


def shorten(value: Json) -> str:
    """`value` in at most about forty characters."""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= _LONG else f"{text[: _LONG - 1]}…"


def _body(body: Json) -> str:
    if body["kind"] == "text":
        return f'"{shorten(body["text"])}"'
    if body["kind"] == "system":
        return f"system {body['event']} {body.get('user_id') or ''}".rstrip()
    return str(body["kind"])


def _message(frame: dict[str, Json]) -> str:
    entry = frame["message"]
    return f"#{entry['seq']} {entry.get('sender_id') or 'server'}: {_body(entry['body'])}"


def _sent(frame: dict[str, Json]) -> str:
    return f"#{frame['seq']} {frame['id']}{' duplicate' if frame['duplicate'] else ''}"


def _error(frame: dict[str, Json]) -> str:
    return f"{frame.get('id') or ''} {frame['error']['code']}".lstrip()


def _status(frame: dict[str, Json]) -> str:
    what = f"≤ #{frame['up_to_seq']}" if "up_to_seq" in frame else frame.get("message_id")
    return f"{frame['user_id']} {frame['status']} {what}"


_TOLD: dict[str, Callable[[dict[str, Json]], str]] = {
    "message": _message,
    "send": lambda frame: f"{frame['id']} {_body(frame['body'])}",
    "sent": _sent,
    "failed": _error,
    "error": _error,
    "delivered": lambda frame: f"≤ #{frame['up_to_seq']}",
    "read": lambda frame: f"≤ #{frame['up_to_seq']}",
    "status": _status,
    "welcome": lambda frame: f"{frame['user_id']} {frame['device_id']}",
    "replay_complete": lambda frame: f"{frame['count']} replayed",
    "conversation": lambda frame: shorten(frame["conversation"]["conversation_id"]),
    "typing": lambda frame: f"{frame.get('user_id', '')} {frame['active']}".lstrip(),
    "to_device": lambda frame: (
        f"#{frame['position']} from {frame['sender_id']}" if "position" in frame else frame["id"]
    ),
    "to_device_ack": lambda frame: f"≤ #{frame['up_to']}",
    "accepted": lambda frame: f"{frame['id']}",
    "devices": lambda frame: str(frame["user_id"]),
    "keys_low": lambda frame: str(frame["one_time_keys"]),
    "presence": lambda frame: f"{frame['user_id']} {frame['state']}",
    "ping": lambda frame: str(frame["id"]),
    "pong": lambda frame: str(frame["id"]),
}
