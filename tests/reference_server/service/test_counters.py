"""The counters of rate limits: what has expired counts no more, and is not kept."""

from __future__ import annotations

import pytest

from reference_server.service import counters
from reference_server.service.counters import FEWEST, Counters

from ..clock import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """What the counters take for the time."""
    clock = Clock()
    monkeypatch.setattr(counters, "time", clock)
    return clock


def test_a_window_begins_with_its_first_count_and_ends_by_itself(clock: Clock) -> None:
    """Later counts do not make it longer; the next one begins anew."""
    kept = Counters()
    assert [kept.incr("alice", 2), kept.incr("alice", 2, amount=3)] == [1, 4]
    clock.now += 1.5
    assert kept.incr("alice", 2) == 5
    assert kept.get_expiry("alice") == pytest.approx(clock.now + 0.5)
    clock.now += 0.5
    assert kept.get("alice") == 0
    assert kept.incr("alice", 2) == 1


def test_keys_are_counted_apart(clock: Clock) -> None:
    """One user's excess is no other's."""
    kept = Counters()
    kept.incr("alice", 2)
    assert kept.get("bob") == 0
    assert kept.get_expiry("bob") == clock.now


def test_counters_that_have_expired_are_not_kept(clock: Clock) -> None:
    """However many come by, at most twice as many are held as count at the moment."""
    kept = Counters()
    for visitor in range(10 * FEWEST):
        clock.now += 0.001
        kept.incr(f"visitor-{visitor}", 0.5)
        assert len(kept) <= 2 * FEWEST
    assert kept.reset() > 0
    assert len(kept) == 0


def test_one_counter_can_be_forgotten(clock: Clock) -> None:
    """The others stay."""
    kept = Counters()
    kept.incr("alice", 2)
    kept.incr("bob", 2)
    kept.clear("alice")
    assert (kept.get("alice"), kept.get("bob"), kept.check()) == (0, 1, True)
