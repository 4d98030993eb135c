"""Right values of the Messenger API, and what spoils one part of a value."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

Json = Any
Path = tuple[str | int, ...]

GONE = object()
"""In place of a value: there is none."""

ENTRY = {
    "conversation_id": "c", "seq": 1, "message_id": "m", "sender_id": "bob",
    "sender_device_id": "phone", "client_message_id": "k", "created_at": "2026-11-22T10:00:00Z",
    "body": {"kind": "text", "text": "hello"},
}  # fmt: skip
MEMBER = {
    "user_id": "bob", "role": "member", "joined_seq": 1, "delivered_seq": 0, "read_seq": 0,
}  # fmt: skip
CONVERSATION = {
    "conversation_id": "c", "kind": "group", "head_seq": 1, "members": [MEMBER], "encrypted": True,
}  # fmt: skip


def places(value: Json, path: Path = ()) -> Iterator[Path]:
    """Every place in a value, itself first."""
    yield path
    if isinstance(value, dict | list):
        for name, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(each, (*path, name))


def spoilt(value: Json, path: Path, by: Json) -> Json:
    """A copy with another value at a place, or with nothing there."""
    if not path:
        return None if by is GONE else by
    copied = copy.deepcopy(value)
    around = copied
    for part in path[:-1]:
        around = around[part]
    if by is GONE:
        del around[path[-1]]
    else:
        around[path[-1]] = by
    return copied
