"""`msgcheck bench` runs and tells; its figures are for people to read."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec import structs

from benchmarks import cli
from benchmarks.figures import Figure, Measure, change, read_record, verdict
from benchmarks.table import BENCHMARKS

from ..e2e.processes import PATIENCE_S, command_line, msgcheck

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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_was_measured_before_an_interruption_is_told_and_written(
    number: signal.Signals, tmp_path: Path
) -> None:
    """Exit status 3; whole runs only; the server of the run that was broken off is gone."""
    only = ("--only", "history", "--only", "connecting")
    with subprocess.Popen(
        command_line("bench", "--quick", "--runs", "40", *only, "--json", "kept.json"),
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            while (line := process.stderr.readline()) != "history: run 3 of 40\n":
                assert line, "it ended before it could be interrupted"
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
            while not children.read_text():  # the third server
                assert process.poll() is None
            process.send_signal(number)
            stdout, stderr = process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
    assert process.returncode == 3, stderr
    assert stderr.splitlines()[-1].startswith("msgcheck: interrupted in history")
    assert "Traceback" not in stderr
    (kept,) = read_record(tmp_path / "kept.json").figures
    assert (kept.name, len(kept.values)) == ("history-page", 2)
    assert "a page of 50 messages" in stdout
    assert [each.name for each in tmp_path.iterdir()] == ["kept.json"]


def test_an_interruption_before_the_first_figure_leaves_an_older_record_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is nothing to write."""

    def interrupted(_: object) -> dict[str, float]:
        raise KeyboardInterrupt

    broken_off = structs.replace(BENCHMARKS["history"], run=interrupted)
    monkeypatch.setattr(cli, "BENCHMARKS", {**BENCHMARKS, "history": broken_off})
    record = tmp_path / "old.json"
    record.write_text("old")
    done = CliRunner().invoke(cli.bench, ["--only", "history", "--json", str(record)])
    assert done.exit_code == 3
    assert record.read_text() == "old"


def test_one_that_fails_is_named_and_the_others_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command that leaves no record has not been measured, however short it took."""
    fine = structs.replace(BENCHMARKS["history"], run=lambda _: {"history-page": 1.0})
    monkeypatch.setattr(cli, "BENCHMARKS", {**BENCHMARKS, "history": fine})
    monkeypatch.setattr(sys, "executable", "/bin/false")
    record = tmp_path / "kept.json"
    arguments = ["--only", "history", "--only", "suite", "--runs", "1", "--json", str(record)]
    done = CliRunner().invoke(cli.bench, arguments)
    assert done.exit_code == 3
    assert "suite: `msgcheck run` left no record" in done.output
    assert [figure.name for figure in read_record(record).figures] == ["history-page"]


def test_two_sittings_are_laid_side_by_side(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it was before, and whether it is better by more than the noise."""
    for cost, options in ((2.0, ("--json", "then.json")), (1.0, ("--compare", "then.json"))):
        found = {"history-page": cost}
        made = structs.replace(BENCHMARKS["history"], run=lambda _, found=found: found)
        monkeypatch.setattr(cli, "BENCHMARKS", {**BENCHMARKS, "history": made})
        monkeypatch.chdir(tmp_path)
        done = CliRunner().invoke(cli.bench, ["--only", "history", *options])
        assert done.exit_code == 0, done.output
    assert re.search(r" 1 .* met +2 +-50% better", done.output), done.output


def test_a_record_that_cannot_be_written_is_noticed_before_anything_is_measured(
    tmp_path: Path,
) -> None:
    """Exit status 2 at once, not after minutes."""
    done = msgcheck("bench", "--json", str(tmp_path / "nowhere" / "now.json"), cwd=tmp_path)
    assert done.status == 2
    assert "nowhere" in done.stderr
    assert "run 1" not in done.stderr


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
    steady = Figure("cost", "µs", [6.25])
    assert change(COST, steady, Figure("cost", "µs", [6.2500000001])) == "the same"
