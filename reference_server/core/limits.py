"""Limits and capabilities as discovery tells them (Messenger API §1)."""

from __future__ import annotations

from msgspec import Struct

CAPABILITIES = (
    "blocking",
    "e2ee",
    "encoding.msgpack",
    "expiry",
    "groups",
    "media",
    "presence",
    "relations",
    "server_timing",
    "typing",
    "uploads.tus",
)
"""What this server offers beyond the mandatory parts."""

MAX_DEPTH = 32
"""Nesting of JSON, the outermost value included (§1)."""


class Limits(Struct, frozen=True, kw_only=True):
    """The limits in discovery; sizes in bytes unless the name says otherwise."""

    max_frame_bytes: int = 131_072
    max_text_length: int = 16_384
    max_group_members: int = 1_000
    max_devices: int = 10
    max_asset_bytes: int = 104_857_600
    max_page_limit: int = 200
    max_one_time_keys: int = 100
    max_connection_buffer_bytes: int = 4_194_304
    heartbeat_interval_ms: int = 30_000
    token_ttl_s: int = 2_592_000


DEFAULT_PAGE_LIMIT = 50
IDEMPOTENCY_KEY_TTL_MS = 24 * 3600 * 1000
