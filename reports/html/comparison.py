"""Two load runs laid over each other: what is slower, and the curves of both in one picture.

B is drawn through, A dotted, each hop in its colour. Both begin with their warm-up, so their seconds stand
under each other; the last seconds of the longer one stand alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..differences import Difference
from ..load_model import LoadResults
from . import page
from .hops import title
from .load import charts, embedded


def render(before: LoadResults, after: LoadResults, found: Sequence[Difference]) -> bytes:
    """The page. `found` are the comparisons made, with their intervals."""
    slower = [each for each in found if each.verdict == "slower"]
    faster = [each for each in found if each.verdict == "faster"]
    return page.render(
        "comparison.html.j2",
        {
            "runs": (("A", before), ("B", after)),
            "found": found,
            "slower": slower,
            "faster": faster,
            "title": title,
            "data": embedded(overlaid(charts(before), charts(after))),
        },
        styles=("uPlot/uPlot.min.css", "load.css"),
        scripts=("uPlot/uPlot.iife.min.js", "load.js"),
    )


def overlaid(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """The numbers that the page's script draws: p99 over time, and percentile curves, of both runs."""
    times = sorted({*before["t"], *after["t"]})
    return {
        "t": times,
        "warmup": after["warmup"],
        "names": {"through": "B p99", "dotted": "A p99", "other": "A"},
        "latency": [
            {
                "hop": new["hop"],
                "number": new["number"],
                "through": _at(times, after["t"], new["through"]),
                "dotted": _at(times, before["t"], old["through"]),
            }
            for old, new in _pairs(before["latency"], after["latency"])
        ],
        "curves": [
            {
                "hop": new["hop"],
                "number": new["number"],
                "corrected": new["corrected"],
                "waiting": old["corrected"],
            }
            for old, new in _pairs(before["curves"], after["curves"])
        ],
    }


def _pairs(
    before: Sequence[dict[str, Any]], after: Sequence[dict[str, Any]]
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """The hops that both runs have."""
    known = {each["hop"]: each for each in before}
    return [(known[each["hop"]], each) for each in after if each["hop"] in known]


def _at(times: Sequence[int], own: Sequence[int], figures: Sequence[float | None]) -> list[Any]:
    by_time = dict(zip(own, figures, strict=True))
    return [by_time.get(time) for time in times]
