"""What the contract leaves to a server, chosen twice, and both times not as the reference server has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Nature:
    """One way to be a messenger server."""

    capabilities: tuple[str, ...]
    limits: dict[str, int]
    is_lean: bool
    """Leaves out every member that is null or empty, and each status that a later one covers; otherwise
    the toss of a coin decides on members, and `delivered` is told beside `read`."""
    compresses: bool
    """Its HTTP answers come compressed; otherwise in chunks."""
    ids: Literal["long", "short"]
    """As long and odd as ids may be; or counted for each kind of thing, so that the first conversation, the
    first message and the first asset have the same id, of one character."""


PLAIN = Nature(
    capabilities=(),
    limits={
        "max_frame_bytes": 65_000,
        "max_text_length": 5_000,
        "max_group_members": 40,
        "max_devices": 4,
        "max_asset_bytes": 700_001,
        "max_page_limit": 50,
        "max_one_time_keys": 7,
        "max_connection_buffer_bytes": 999_999,
        "heartbeat_interval_ms": 7_000,
        "token_ttl_s": 3_600,
    },
    is_lean=True,
    compresses=False,
    ids="short",
)
RICH = Nature(
    capabilities=(
        "groups", "relations", "blocking", "expiry", "typing", "presence", "encoding.msgpack",
        "media", "server_timing", "moods",
    ),
    limits={
        "max_frame_bytes": 400_000,
        "max_text_length": 30_000,
        "max_group_members": 9,
        "max_devices": 13,
        "max_asset_bytes": 700_001,
        "max_page_limit": 321,
        "max_one_time_keys": 7,
        "max_connection_buffer_bytes": 5_000_000,
        "heartbeat_interval_ms": 11_000,
        "token_ttl_s": 9_000_000,
        "max_moods": 7,
    },
    is_lean=False,
    compresses=True,
    ids="long",
)  # fmt: skip
