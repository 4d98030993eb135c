"""The search for the highest rate that keeps the budget."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.capacity import NEAR, Search
from reports.load_model import Capacity, Check

from .records import record

BROKEN = Check(name="send_to_sent p99", limit=1, measured=2, unit="ms", passed=False)


def search(
    first: float, limit: float, *, highest: float = 50_000, invalid_from: float = 1e9
) -> Capacity:
    """The answer for a server that keeps its budget up to a limit."""
    looking = Search(first, highest, [])
    while (rate := looking.next_rate()) is not None:
        run = record([[1.0, 2.0, 3.0]], rate=rate)
        if rate >= invalid_from:
            run = msgspec.structs.replace(run, verdict="invalid", reasons=["late"])
        elif rate > limit:
            run = msgspec.structs.replace(
                run, verdict="budget broken", checks=[BROKEN], reasons=["slow"]
            )
        looking.note(run)
    return looking.answer()


@given(st.floats(10, 5_000), st.floats(10, 40_000))
def test_the_limit_is_in_the_range(first: float, limit: float) -> None:
    """Wherever the search begins, and within a tenth."""
    found = search(first, limit)
    assert found.kept is not None
    assert found.broken is not None
    assert found.kept <= limit < found.broken
    assert found.broken / found.kept <= NEAR
    assert found.broke_first == "send_to_sent p99"
    assert len(found.steps) <= 16


def test_a_server_that_never_breaks_has_a_lower_bound_alone() -> None:
    """The plan's own limit ends the search."""
    found = search(100, 1e9, highest=1_000)
    assert (found.kept, found.broken) == (1_000, None)


def test_a_server_that_keeps_nothing_has_an_upper_bound_alone() -> None:
    """Below one message a second nothing is left to try."""
    found = search(100, 0)
    assert found.kept is None
    assert found.broken == pytest.approx(100 / 64)


def test_the_generators_own_limit_ends_the_search() -> None:
    """What it cannot generate it does not know; it tries twice, and tells why it ended."""
    found = search(100, 1e9, invalid_from=300)
    assert (found.kept, found.broken) == (200, None)
    assert [step.rate for step in found.steps] == [100, 200, 400, 400]
    assert found.ended_by == "late"


def test_a_machine_that_was_busy_for_a_moment_does_not_end_the_search() -> None:
    """The same rate is tried again, and the search goes on."""
    looking = Search(100, 1_000, [])
    good = record([[1.0, 2.0, 3.0]], rate=100.0)
    looking.note(msgspec.structs.replace(good, verdict="invalid", reasons=["late"]))
    assert looking.next_rate() == 100
    looking.note(good)
    assert looking.next_rate() == 200
    assert looking.answer().ended_by is None
