"""What several processes measured becomes one run: held against the raw values, by another calculation."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from fractions import Fraction
from itertools import chain
from math import ceil
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.causes import MOST, OTHERS, Causes
from loadgen.gathering import Gathering
from loadgen.histograms import Histogram
from loadgen.hops import LAG, Counts
from loadgen.wire import Interval, packed, unpacked

PROCESSES = 3
SECONDS = 8
PRECISION = 0.001
"""Three significant digits."""


def at(values: Sequence[int], percentile: str) -> float:
    """The value that so many percent are not above, in milliseconds, in exact arithmetic."""
    rank = ceil(Fraction(percentile) / 100 * len(values))
    return sorted(values)[max(1, rank) - 1] / 1000


def measured(seed: int) -> list[list[list[int]]]:
    """Microseconds by process and second: a heavy tail, uneven processes, one of which stalls."""
    draw = Random(seed)  # noqa: S311
    return [
        [
            [
                int(draw.lognormvariate(8, 1.2)) + (700_000 if (process, second) == (2, 5) else 0)
                for _ in range(draw.randrange(20, 150) * (process + 1))
            ]
            for second in range(SECONDS)
        ]
        for process in range(PROCESSES)
    ]


def told(second: int, values: list[int]) -> Interval:
    """An interval as it comes out of the pipe."""
    raw = array("Q", values).tobytes()
    sent = Interval(
        second=second + 1,
        counts=Counts(planned=len(values), verified=len(values)),
        samples={"send_to_sent/corrected": raw, LAG: raw},
        in_flight=1,
        cpu=0.5,
        causes={"rate_limited": second},
    )
    read = unpacked(packed(sent))
    assert isinstance(read, Interval)
    return read


def test_percentiles_of_all_processes_are_those_of_all_values_together() -> None:
    """Of the run within the histogram's precision, of each second exactly; nothing is lost or counted twice."""
    by_process = measured(seed=11)
    gathered = Gathering()
    for second in range(SECONDS):
        for process in by_process[:: 1 if second % 2 else -1]:
            gathered.take(told(second, process[second]))
    everything = [value for process in by_process for second in process for value in second]
    merged = gathered.corrected["send_to_sent"]
    again = Histogram.decoded(merged.encoded())
    assert merged.count == again.count == gathered.counts.planned == len(everything)
    for percentile in ("0.1", "25", "50", "90", "99", "99.9", "100"):
        expected = pytest.approx(at(everything, percentile), rel=PRECISION)
        assert merged.ms(float(percentile)) == again.ms(float(percentile)) == expected
    mean = sum(everything) / len(everything) / 1000
    assert merged.percentiles().mean == pytest.approx(mean, rel=PRECISION)
    averaged = sum(at([*chain(*process)], "99") for process in by_process) / PROCESSES
    assert averaged != pytest.approx(at(everything, "99"), rel=0.05)  # what must never be done
    for second, shown in enumerate(gathered.series()):
        values = [value for process in by_process for value in process[second]]
        assert shown.hops["send_to_sent"] == [at(values, each) for each in ("50", "99", "100")]
        assert (shown.planned, shown.in_flight) == (len(values), PROCESSES)
    assert gathered.causes.counts == {"rate_limited": PROCESSES * sum(range(SECONDS))}


@given(st.lists(st.text(max_size=100), max_size=100))
def test_causes_are_bounded_and_none_is_forgotten(met: list[str]) -> None:
    """A server may make up as many codes as it likes, and as long ones."""
    causes = Causes()
    for each in met:
        causes.note(each)
    assert sum(causes.counts.values()) == len(met)
    assert set(causes.counts) <= {each[:60] for each in met} | {OTHERS}
    assert len(causes.counts) <= MOST + 1
    assert causes.take() == dict(causes.counts) or causes.counts == {}
