"""Wire times: RFC 3339 in UTC with milliseconds (Messenger API §1), from integer milliseconds."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache


@lru_cache(maxsize=256)
def rfc3339(ms: int) -> str:
    """Milliseconds since the epoch as ``2026-11-22T10:00:00.123Z``.

    Cached, because everything that is committed together carries the same few instants, and all that
    happens in a second the same date.
    """
    return f"{_to_the_second(ms // 1000)}.{ms % 1000:03d}Z"


@lru_cache(maxsize=256)
def _to_the_second(s: int) -> str:
    return f"{datetime.fromtimestamp(s, UTC):%Y-%m-%dT%H:%M:%S}"
