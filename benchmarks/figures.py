"""What benchmarks give: figures with their unit, beside the target if there is one.

Every figure is made several times, each time with a fresh server; the median is told, with the spread. CPU
time is the operating system's and so hardly depends on what else the machine does, but it does depend on
the load (a busier server works in larger batches): only equal loads compare. Wall time and latencies
depend on everything.
"""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

Better = Literal["lower", "higher"]


class Measure(Struct, frozen=True):
    """One line of the table; `target` is in its unit."""

    name: str
    title: str
    unit: str
    target: float | None = None
    better: Better = "lower"


class Figure(Struct, frozen=True):
    """What the runs of one measure gave, in the order of the runs."""

    name: str
    unit: str
    values: list[float]

    @property
    def median(self) -> float:
        """The middle of the runs."""
        return statistics.median(self.values)

    @property
    def spread(self) -> float:
        """From the lowest to the highest run, as a part of the median."""
        return (max(self.values) - min(self.values)) / self.median if self.median else 0.0


class Record(Struct, frozen=True):
    """All figures of one sitting, as `--json` writes them and `--compare` reads them."""

    version: str
    quick: bool
    figures: list[Figure]

    def find(self, name: str) -> Figure | None:
        """The figure of a measure, if it was made."""
        return next((each for each in self.figures if each.name == name), None)


def read_record(file: Path) -> Record:
    """Raises `ValueError`, with the place, for what is no record, and `OSError`."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=Record)
    except msgspec.DecodeError as error:
        raise ValueError(f"{file} is no record of `msgcheck bench --json`: {error}") from error


def verdict(measure: Measure, median: float) -> str:
    """Whether a target is met, and if not, by how much it is missed."""
    if measure.target is None:
        return ""
    met = median <= measure.target if measure.better == "lower" else median >= measure.target
    return "met" if met else f"missed by {abs(median / measure.target - 1):.0%}"


def shown(value: float) -> str:
    """A figure as the table has it, in three digits at least."""
    return f"{value:,.3g}" if value < 100 else f"{value:,.0f}"


def change(measure: Measure, old: Figure, new: Figure) -> str:
    """How a figure moved. It is called better or worse only when no run of one is among the other's."""
    moved = f"{new.median / old.median - 1:+.0%}" if old.median else "n/a"
    if moved in ("+0%", "-0%"):
        return "the same"
    if min(new.values) <= max(old.values) and min(old.values) <= max(new.values):
        return f"{moved} within the spread"
    lower = new.median < old.median
    return f"{moved} {'better' if lower == (measure.better == 'lower') else 'worse'}"
