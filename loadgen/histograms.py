"""Distributions of latencies: HDR histograms of microseconds, three significant digits, up to an hour.

Added up they are what one histogram of everything would have been; percentiles are never averaged.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter
from itertools import accumulate
from math import ceil
from typing import Any, Final

from hdrh.histogram import HdrHistogram

from reports.load_model import Percentiles, Point

HIGHEST: Final = 3_600_000_000
DIGITS: Final = 3
ROUNDING: Final = 1e-9
"""Of a rank; so 99 percent of 100 values are 99, whatever floating point makes of it."""
_TICKS: Final = 5
"""Points of a curve for each halving of the distance to 100 percent."""


def nearest_rank(percentile: float, count: int) -> int:
    """Which of so many values in order, from 1, so many percent of them are not above."""
    return max(1, ceil(percentile / 100 * count - ROUNDING))


class Histogram:
    """One distribution."""

    def __init__(self) -> None:
        self._hdr: Any = HdrHistogram(1, HIGHEST, DIGITS)
        self._ranks: list[int] | None = None

    @classmethod
    def decoded(cls, text: str) -> Histogram:
        """From the form of :meth:`encoded`. Raises `ValueError` if it is none."""
        made = cls()
        try:
            made._hdr.decode_and_add(text)
        except Exception as error:  # zlib's, base64's, ctypes' and the library's own
            raise ValueError(f"no histogram: {error}") from error
        return made

    @property
    def count(self) -> int:
        """How many values there are."""
        return int(self._hdr.get_total_count())

    def record(self, microseconds: array[int]) -> None:
        """Add values; longer ones than an hour count as an hour."""
        for value, count in Counter(microseconds).items():
            self._hdr.record_value(min(value, HIGHEST), count)
        self._ranks = None

    def ms(self, percentile: float) -> float:
        """The value at a percentile (0 to 100) by its nearest rank, in milliseconds; 0 if there is none.

        So many percent of the values are not higher. (The library's own rounds the rank instead.)
        """
        if not self.count:
            return 0.0
        if self._ranks is None:
            self._ranks = list(accumulate(self._hdr.counts))
        index = bisect_left(self._ranks, nearest_rank(percentile, self.count))
        value = self._hdr.get_value_from_index(index)
        return float(min(self._hdr.get_highest_equivalent_value(value), self._highest)) / 1000

    @property
    def max_ms(self) -> float:
        """The highest value, in milliseconds."""
        return self._highest / 1000

    @property
    def _highest(self) -> float:
        return float(self._hdr.get_max_value()) if self.count else 0.0

    def percentiles(self) -> Percentiles:
        """The usual ones."""
        return Percentiles(
            mean=round(float(self._hdr.get_mean_value()) / 1000, 3) if self.count else 0.0,
            p50=self.ms(50),
            p90=self.ms(90),
            p99=self.ms(99),
            p999=self.ms(99.9),
            max=self.max_ms,
        )

    def curve(self) -> list[Point]:
        """Percentiles ever denser towards 100, for a logarithmic axis."""
        if not self.count:
            return []
        return [
            Point(
                round(float(step.percentile_level_iterated_to), 6),
                float(step.value_iterated_to) / 1000,
            )
            for step in self._hdr.get_percentile_iterator(_TICKS)
        ]

    def encoded(self) -> str:
        """The whole distribution as text."""
        return bytes(self._hdr.encode()).decode("ascii")
