"""A load run as a page: verdict by budget line first, then where the time went, then everything.

Charts are uPlot's, which is carried in `assets/uPlot`; the numbers behind them stand on the page as
tables too. A long run has more seconds than a screen has pixels: they are gathered into stretches, of
which each latency shows its worst second, so that no peak is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from markupsafe import Markup
from msgspec import Struct

from ..load_model import Check, HopResult, LoadResults, Percentiles, Point, Second
from . import page
from .hops import LOOKS, Look, look, title

STRETCHES: Final = 1200
"""Points of a chart over time at most."""


class Line(Struct, frozen=True):
    """A line of the budget; `used` is the measured part of the limit in percent, None without a limit."""

    check: Check
    title: str
    used: float | None


class Bar(Struct, frozen=True, kw_only=True):
    """A hop in the waterfall: where it starts and how long it takes, in percent of the picture."""

    look: Look
    start: float
    median: float
    tail: float
    """From the median on to p99."""
    limits: list[tuple[str, float]]
    """The budget's marks within the picture."""
    result: HopResult
    lines: list[Line]


def render(results: LoadResults) -> bytes:
    """The page."""
    lines = [_line(check) for check in results.checks]
    scale = _scale(results.hops)
    return page.render(
        "load.html.j2",
        {
            "results": results,
            "run": results.run,
            "lines": lines,
            "bars": _waterfall(results.hops, lines, scale),
            "scale": scale,
            "rows": list(_rows(results.hops)),
            "data": embedded(charts(results)),
        },
        styles=("uPlot/uPlot.min.css", "load.css"),
        scripts=("uPlot/uPlot.iife.min.js", "load.js"),
    )


def _line(check: Check) -> Line:
    hop, _, percentile = check.name.partition(" ")
    name = title(hop) if hop in LOOKS else hop.replace("_", " ")
    return Line(
        check,
        f"{name} {percentile}".strip(),
        100 * check.measured / check.limit if check.limit else None,
    )


def _rows(hops: Sequence[HopResult]) -> Iterator[tuple[str, str, Percentiles, int]]:
    """The table of percentiles: each hop corrected, and as a waiting tester would have seen it."""
    for hop in hops:
        name = title(hop.hop)
        yield name, "from the planned moment", hop.corrected, hop.count
        yield name, "as a waiting tester", hop.waiting, hop.count


def _starts(hops: Sequence[HopResult]) -> dict[str, float]:
    """When each hop begins, in milliseconds from the planned moment."""
    medians = {hop.hop: hop.corrected.p50 for hop in hops}
    return {
        hop.hop: sum(medians.get(before, 0.0) for before in look(hop.hop).after) for hop in hops
    }


def _scale(hops: Sequence[HopResult]) -> float:
    """How many milliseconds the waterfall is wide."""
    starts = _starts(hops)
    return max((starts[hop.hop] + hop.corrected.p99 for hop in hops), default=0.0) * 1.08 or 1.0


def _waterfall(hops: Sequence[HopResult], lines: Sequence[Line], width: float) -> list[Bar]:
    starts = _starts(hops)
    bars = []
    for hop in hops:
        own = [line for line in lines if line.check.name.startswith(f"{hop.hop} ")]
        ends = [
            (line.check.name.partition(" ")[2], starts[hop.hop] + line.check.limit) for line in own
        ]
        bars.append(
            Bar(
                look=look(hop.hop),
                start=100 * starts[hop.hop] / width,
                median=100 * hop.corrected.p50 / width,
                tail=100 * (hop.corrected.p99 - hop.corrected.p50) / width,
                limits=[(name, 100 * end / width) for name, end in ends if end <= width],
                result=hop,
                lines=own,
            )
        )
    return bars


# ── charts ────────────────────────────────────────────────────────────────────────────────────


def charts(results: LoadResults) -> dict[str, Any]:
    """The numbers that the page's script draws: of each hop but the parts of another."""
    stretches = list(_stretches(results.seconds))
    hops = [(look(hop.hop), hop) for hop in results.hops if not look(hop.hop).is_part]
    return {
        "t": [stretch[-1].t for stretch in stretches],
        "warmup": results.run.warmup,
        "names": {"through": "p99", "dotted": "p50", "other": "waiting"},
        "latency": [
            {
                "hop": each.name,
                "number": each.number,
                "through": [_worst(stretch, _latency(hop.hop, 1)) for stretch in stretches],
                "dotted": [_worst(stretch, _latency(hop.hop, 0)) for stretch in stretches],
            }
            for each, hop in hops
        ],
        "curves": [
            {
                "hop": each.name,
                "number": each.number,
                "corrected": _curve(hop.curve, hop.count),
                "waiting": _curve(hop.waiting_curve, hop.count),
            }
            for each, hop in hops
        ],
        "planned": [_mean(stretch, lambda second: second.planned) for stretch in stretches],
        "verified": [_mean(stretch, lambda second: second.verified) for stretch in stretches],
        "failed": [_mean(stretch, lambda second: second.failed) for stretch in stretches],
        "in_flight": [_worst(stretch, lambda second: second.in_flight) for stretch in stretches],
    }


def _stretches(seconds: Sequence[Second]) -> Iterator[Sequence[Second]]:
    length = -(-len(seconds) // STRETCHES) or 1
    for start in range(0, len(seconds), length):
        yield seconds[start : start + length]


def _latency(hop: str, index: int) -> Callable[[Second], float | None]:
    """The `index`-th figure of a hop in a second, if it has one."""

    def figure(second: Second) -> float | None:
        figures = second.hops.get(hop, [])
        return figures[index] if index < len(figures) else None

    return figure


def _worst(stretch: Sequence[Second], figure: Callable[[Second], float | None]) -> float | None:
    return max((each for each in map(figure, stretch) if each is not None), default=None)


def _mean(stretch: Sequence[Second], figure: Callable[[Second], int]) -> float:
    return round(sum(map(figure, stretch)) / len(stretch), 1)


def _curve(points: Sequence[Point], count: int) -> list[list[float]]:
    """For a logarithmic axis: one in how many took longer, and how long it took."""
    ends = [
        (100 / (100 - each.percentile) if each.percentile < 100 else count, each.ms)
        for each in points
    ]
    rising = dict(sorted(ends))
    return [[float(f"{x:.5g}") for x in rising], list(rising.values())]


def embedded(data: dict[str, Any]) -> Markup:
    """JSON that may stand in a script element: nothing in it can end the element."""
    text = page.compact(data)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704  its markup is escaped just above
