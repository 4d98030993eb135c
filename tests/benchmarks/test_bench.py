"""`msgcheck bench` runs and tells; its figures are for people to read."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.figures import Figure, Measure, change, read_record, verdict
from benchmarks.table import BENCHMARKS

from ..e2e.processes import msgcheck

COST = Measure("cost", "what it costs", "µs", 80)
RATE = Measure("rate", "how fast it is", "MB/s", 100, better="higher")
HERE = ("one-to-one", "steady", "group", "history", "media", "connecting")
"""All that do not run a command that has tests of its own."""


def test_every_benchmark_runs_and_tells_what_it_measures(tmp_path: Path) -> None:
    """Short, and once; each figure is there, with the unit of its measure, and can be compared."""
    only = [argument for name in HERE for argument in ("--only", name)]
    record = tmp_path / "now.json"
    done = msgcheck("bench", "--quick", "--runs", "1", *only, "--json", str(record), cwd=tmp_path)
    assert done.status == 0, done.stderr
    told = {figure.name: figure for figure in read_record(record).figures}
    for name in HERE:
        for measure in BENCHMARKS[name].measures:
            assert measure.title.split()[0] in done.stdout
            assert told[measure.name].unit == measure.unit
            assert told[measure.name].median >= 0


def test_what_is_no_record_is_refused_with_its_place(tmp_path: Path) -> None:
    """Exit status 2, one message, no traceback."""
    letter = tmp_path / "letter.json"
    letter.write_text('{"figures": [{"name": 7}]}')
    done = msgcheck("bench", "--compare", str(letter), cwd=tmp_path)
    assert done.status == 2
    assert "letter.json" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("measure", "median", "told"),
    [
        (COST, 80.0, "met"),
        (COST, 100.0, "missed by 25%"),
        (RATE, 120.0, "met"),
        (RATE, 50.0, "missed by 50%"),
        (Measure("free", "", ""), 1.0, ""),
    ],
)
def test_a_target_is_met_or_missed_by_so_much(measure: Measure, median: float, told: str) -> None:
    """Below for what costs, above for what is wanted."""
    assert verdict(measure, median) == told


def test_a_change_is_one_only_when_the_runs_do_not_meet() -> None:
    """Otherwise it is noise, however far the medians are apart."""
    old = Figure("cost", "µs", [100.0, 110.0, 90.0])
    assert change(COST, old, Figure("cost", "µs", [50.0, 60.0, 55.0])) == "-45% better"
    assert change(COST, old, Figure("cost", "µs", [150.0, 160.0, 155.0])) == "+55% worse"
    assert change(RATE, old, Figure("rate", "MB/s", [150.0, 160.0, 155.0])) == "+55% better"
    assert change(COST, old, Figure("cost", "µs", [95.0, 30.0, 60.0])) == "-40% within the spread"
