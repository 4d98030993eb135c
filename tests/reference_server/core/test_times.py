"""Times on the wire."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_server.core.times import rfc3339

LAST = 253_402_300_799_999  # the last millisecond of the year 9999


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1, "1970-01-01T00:00:00.001Z"),
        (1_795_341_600_123, "2026-11-22T10:00:00.123Z"),
        (LAST, "9999-12-31T23:59:59.999Z"),
    ],
)
def test_a_time_is_rfc_3339_in_utc_with_milliseconds(ms: int, text: str) -> None:
    """Always three digits, always Z."""
    assert rfc3339(ms) == text


@given(st.integers(0, LAST))
def test_a_time_reads_back_to_its_millisecond(ms: int) -> None:
    """Nothing is rounded."""
    moment = datetime.fromisoformat(rfc3339(ms))
    whole_seconds = int(moment.replace(microsecond=0).timestamp())
    assert whole_seconds * 1000 + moment.microsecond // 1000 == ms


@given(st.integers(0, LAST), st.integers(0, LAST))
def test_the_texts_sort_as_the_times_do(one: int, other: int) -> None:
    """So clients may compare them as they are."""
    assert (rfc3339(one) < rfc3339(other)) == (one < other)
