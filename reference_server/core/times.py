"""Wire times: RFC 3339 in UTC with milliseconds (Messenger API §1), from integer milliseconds."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache


@lru_cache(maxsize=256)
def rfc3339(ms: int) -> str:
    """Milliseconds since the epoch as ``2026-11-22T10:00:00.123Z``.

    Cached, because everything that is committed together carries the same few instants.
    """
    moment = datetime.fromtimestamp(ms // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"
