"""Whether one load run is slower than another, and how sure that is. Pure.

A percentile of a whole run is one number and says nothing of how much it would differ the next time. So each
run is cut into batches of consecutive seconds; the percentiles of the batches scatter as the run itself did,
bursts and pauses included, and Welch's interval on the difference of their means tells what is beyond that
scatter. The level is shared among all the comparisons made (Bonferroni), so that looking at ten figures does
not find a difference in one of them by chance; and a difference under `WORTH` is not worth a word, however
certain it is. Everything else is noise, and is called so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import NormalDist, fmean, variance
from typing import Final

from reports.differences import Difference, DifferenceVerdict
from reports.load_model import LoadResults, Second

BATCHES: Final = 12
FEWEST: Final = 5
"""Fewer batches than this say nothing about their scatter."""
LEVEL: Final = 0.95
"""Of all comparisons together."""
WORTH: Final = 0.05
"""The smallest relative difference of which is spoken."""
_FIGURES: Final = (("p50", 0), ("p99", 1))


class Incomparable(ValueError):
    """The two runs did not measure the same; the text says in what they differ."""


def compare(before: LoadResults, after: LoadResults) -> list[Difference]:
    """Every hop that both have. Raises `Incomparable`."""
    _check(before, after)
    pairs = list(_pairs(before, after))
    if not pairs:
        raise Incomparable(f"a run is too short: it needs {FEWEST} measured seconds")
    alpha = (1 - LEVEL) / len(pairs)
    return [_difference(hop, name, first, second, alpha) for hop, name, first, second in pairs]


def _check(before: LoadResults, after: LoadResults) -> None:
    for run, name in ((before, "first"), (after, "second")):
        if run.verdict == "invalid":
            raise Incomparable(f"the {name} run is invalid: {'; '.join(run.reasons)}")
    for name in ("budget", "rate", "users", "devices", "arrivals", "shape"):
        first, second = getattr(before.run, name), getattr(after.run, name)
        if first != second:
            raise Incomparable(f"the runs had different loads: {name} {first} and {second}")


def _pairs(
    before: LoadResults, after: LoadResults
) -> Iterator[tuple[str, str, list[float], list[float]]]:
    for hop in (each.hop for each in before.hops):
        for name, index in _FIGURES:
            first = batches(before.seconds, hop, index)
            second = batches(after.seconds, hop, index)
            if min(len(first), len(second)) >= FEWEST:
                yield hop, name, first, second


def batches(seconds: Sequence[Second], hop: str, index: int) -> list[float]:
    """Means of a figure over batches of consecutive seconds; the last few may be left over."""
    figures = [second.hops[hop][index] for second in seconds if hop in second.hops]
    size = max(1, len(figures) // BATCHES)
    return [
        fmean(figures[first : first + size]) for first in range(0, len(figures) - size + 1, size)
    ]


def _difference(
    hop: str, name: str, before: list[float], after: list[float], alpha: float
) -> Difference:
    first, second = fmean(before), fmean(after)
    low, high = welch(before, after, alpha)
    worth = WORTH * first
    verdict: DifferenceVerdict = "no difference shown"
    if low > 0 and second - first > worth:
        verdict = "slower"
    elif high < 0 and first - second > worth:
        verdict = "faster"
    return Difference(
        hop=hop,
        percentile=name,
        before=round(first, 3),
        after=round(second, 3),
        low=round(low, 3),
        high=round(high, 3),
        verdict=verdict,
    )


def welch(before: Sequence[float], after: Sequence[float], alpha: float) -> tuple[float, float]:
    """The interval of the difference of two means, of unequal variances, at level ``1 - alpha``."""
    parts = [(variance(values) / len(values), len(values)) for values in (before, after)]
    total = sum(part for part, _ in parts)
    middle = fmean(after) - fmean(before)
    if not total:
        return middle, middle
    freedom = total**2 / sum(part**2 / (size - 1) for part, size in parts)
    half = t_quantile(1 - alpha / 2, freedom) * total**0.5
    return middle - half, middle + half


def t_quantile(probability: float, freedom: float) -> float:
    """Student's t by the expansion in its degrees of freedom (Abramowitz and Stegun, 26.7.5)."""
    z = NormalDist().inv_cdf(probability)
    return (
        z
        + (z**3 + z) / (4 * freedom)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3)
        + (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / (92160 * freedom**4)
    )
