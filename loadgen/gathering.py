"""What all processes of a run have told so far, added up without loss.

Intervals of several processes that end in the same second of the plan become one second of the series;
their percentiles are those of all values together.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from msgspec import Struct

from reports.load_model import Second

from .causes import Causes
from .histograms import Histogram, nearest_rank
from .hops import HOPS, LAG, Counts, Hop
from .samples import TYPECODE, values
from .wire import Interval

SEALED_AFTER = 5
"""Seconds after which nobody reports on a second any more, and its values become three numbers."""


class Tick(Struct):
    """One second of all processes."""

    counts: Counts
    in_flight: int = 0
    cpu: float = 0.0
    """Seconds of processor time."""
    raw: dict[str, array[int]] = {}
    """Microseconds by hop, and of the lag, until the second is sealed."""
    sealed: dict[str, list[float]] = {}
    """By the same names: p50, p99 and the maximum, in milliseconds."""

    def latencies(self) -> dict[str, list[float]]:
        """p50, p99 and the maximum of everything so far, in milliseconds."""
        return self.sealed | {name: _few(measured) for name, measured in self.raw.items()}

    def seal(self) -> None:
        """Keep the numbers and forget the values."""
        self.sealed = self.latencies()
        self.raw = {}


class Gathering:
    """The measurements of a run."""

    def __init__(self) -> None:
        self.corrected: dict[Hop, Histogram] = {hop: Histogram() for hop in HOPS}
        self.waiting: dict[Hop, Histogram] = {hop: Histogram() for hop in HOPS}
        self.lag = Histogram()
        self.counts = Counts()
        self.causes = Causes()
        self.cpu = 0.0
        """Seconds of processor time from the beginning of the warm-up to the last answer."""
        self.reading_back_cpu = 0.0
        """The same of what came then: reading the history back."""
        self.ticks: dict[int, Tick] = {}

    def take(self, interval: Interval) -> Tick:
        """Add what a process measured; the second that it belongs to, as it stands now."""
        self.counts.add(interval.counts)
        self.causes.add(interval.causes)
        self.cpu += interval.cpu
        arrays = {name: values(data) for name, data in interval.samples.items()}
        nothing = array(TYPECODE)
        for hop in HOPS:
            self.corrected[hop].record(arrays.get(f"{hop}/corrected", nothing))
            self.waiting[hop].record(arrays.get(f"{hop}/waiting", nothing))
        self.lag.record(arrays.get(LAG, nothing))
        tick = self._tick(interval.second)
        tick.counts.add(interval.counts)
        tick.in_flight += interval.in_flight
        tick.cpu += interval.cpu
        for name in (*HOPS, LAG):
            measured = arrays.get(LAG if name == LAG else f"{name}/corrected")
            if measured:
                tick.raw.setdefault(name, array(TYPECODE)).extend(measured)
        return tick

    def _tick(self, second: int) -> Tick:
        if second not in self.ticks:
            self.ticks[second] = Tick(Counts())
            old = self.ticks.get(second - SEALED_AFTER)
            if old is not None:
                old.seal()
        return self.ticks[second]

    def cost(self, begin: float, end: float) -> float:
        """Seconds of processor time for each message verified, in the whole seconds between two of the plan."""
        ticks = [tick for second, tick in self.ticks.items() if begin < second <= end]
        return sum(tick.cpu for tick in ticks) / max(1, sum(tick.counts.verified for tick in ticks))

    def series(self) -> list[Second]:
        """Every second, in order."""
        return [_second(second, tick) for second, tick in sorted(self.ticks.items())]


def _second(second: int, tick: Tick) -> Second:
    latencies = tick.latencies()
    return Second(
        t=second,
        planned=tick.counts.planned,
        sent=tick.counts.sent,
        verified=tick.counts.verified,
        failed=tick.counts.failed,
        in_flight=tick.in_flight,
        lag_p99=latencies[LAG][1] if LAG in latencies else None,
        hops={hop: latencies[hop] for hop in HOPS if hop in latencies},
    )


def _few(microseconds: Sequence[int]) -> list[float]:
    """p50, p99 and the maximum of a second, in milliseconds, by the nearest rank."""
    ordered = sorted(microseconds)
    return [ordered[nearest_rank(each, len(ordered)) - 1] / 1000 for each in (50, 99, 100)]
