"""The figures are right: against a server whose delays are known to the microsecond."""

from __future__ import annotations

from array import array
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadgen.histograms import Histogram
from loadgen.schedule import Load

from .simulation import Simulation

PRECISION = 0.001
"""Three significant digits."""
LOAD = Load(rate=500, warmup=1, duration=10)


def test_a_constant_delay_is_every_percentile() -> None:
    """Corrected and as a waiting tester, at the sender and at the recipient."""
    gathered = Simulation(LOAD, 100, lambda _, now: now + 25_000).run()
    for hop in ("send_to_sent", "send_to_delivered"):
        for histogram in (gathered.corrected[hop], gathered.waiting[hop]):
            assert histogram.count == gathered.lag.count > 4000
    for percentile in (1, 50, 99, 99.9, 100):
        assert gathered.corrected["send_to_sent"].ms(percentile) == pytest.approx(25, rel=PRECISION)
        assert gathered.corrected["send_to_delivered"].ms(percentile) == pytest.approx(
            25, rel=PRECISION
        )


def test_two_modes_are_both_there_with_their_weights() -> None:
    """Every tenth answer takes 400 ms, the others 4 ms."""

    def bimodal(number: int, now: int) -> int:
        return now + (400_000 if number % 10 == 0 else 4_000)

    sent = Simulation(LOAD, 2000, bimodal).run().corrected["send_to_sent"]
    assert sent.ms(50) == pytest.approx(4, rel=PRECISION)
    assert sent.ms(88) == pytest.approx(4, rel=PRECISION)
    assert sent.ms(92) == pytest.approx(400, rel=PRECISION)
    assert sent.max_ms == pytest.approx(400, rel=PRECISION)


def test_a_stall_of_a_second_is_seen_by_users_and_not_by_a_waiting_tester() -> None:
    """While nothing is answered, messages are still planned: corrected latency holds each of them.

    Ten people send fifty messages a second each. In a second that stalls, five hundred messages wait, on
    average for half a second: one in ten of all. A tester that waits for its answers notes ten.
    """
    begin, end = 5_000_000, 6_000_000

    def stalling(_number: int, now: int) -> int:
        return max(now + 1_000, end) if begin <= now < end else now + 1_000

    gathered = Simulation(LOAD, 10, stalling).run()
    corrected, waiting = gathered.corrected["send_to_sent"], gathered.waiting["send_to_sent"]
    assert corrected.ms(50) == pytest.approx(1, rel=PRECISION)
    assert 850 < corrected.ms(99) < 1000
    assert 400 < corrected.ms(95) < 600
    assert waiting.ms(99) == pytest.approx(1, rel=PRECISION)
    assert waiting.max_ms > 850
    assert gathered.counts.lost == 0


def test_the_warm_up_is_not_measured_and_is_counted() -> None:
    """A server that is slow while it warms up is not slow; but it must be right from the first on."""
    slow_at_first = Simulation(LOAD, 20, lambda _, now: now + (900_000 if now < 1e6 else 2_000))
    gathered = slow_at_first.run()
    assert gathered.corrected["send_to_sent"].max_ms == pytest.approx(2, rel=PRECISION)
    assert gathered.counts.planned > gathered.lag.count
    assert gathered.counts.verified == gathered.counts.planned


@pytest.mark.parametrize(
    ("times", "wrong"), [(0, "lost"), (2, "duplicated")], ids=["lost", "duplicated"]
)
def test_a_wrong_delivery_is_counted(times: int, wrong: str) -> None:
    """One entry of each conversation that does not come, or comes twice."""
    gathered = Simulation(
        LOAD, 20, lambda _, now: now + 1000, lambda seq: times if seq == 7 else 1
    ).run()
    found = {name: getattr(gathered.counts, name) for name in ("lost", "duplicated", "reordered")}
    assert found == {"lost": 0, "duplicated": 0, "reordered": 0} | {wrong: 10}


@settings(max_examples=50)
@given(
    st.lists(st.integers(0, 10_000_000), min_size=1, max_size=300),
    st.integers(1, 5),
    st.integers(0, 1000),
)
def test_parts_merge_into_what_the_whole_would_be(
    latencies: list[int], parts: int, seed: int
) -> None:
    """However the values are spread over processes, and through the text form as well."""
    whole, merged = Histogram(), Histogram()
    whole.record(array("Q", latencies))
    draw = Random(seed)  # noqa: S311
    held: list[list[int]] = [[] for _ in range(parts)]
    for value in latencies:
        draw.choice(held).append(value)
    for part in held:
        merged.record(array("Q", part))
    again = Histogram.decoded(merged.encoded())
    for percentile in (0, 10, 50, 90, 99, 99.9, 100):
        assert merged.ms(percentile) == whole.ms(percentile) == again.ms(percentile)
    ordered = sorted(latencies)
    rank = max(0, -(-len(ordered) * 90 // 100) - 1)
    assert whole.ms(90) == pytest.approx(ordered[rank] / 1000, rel=PRECISION, abs=0.001)
