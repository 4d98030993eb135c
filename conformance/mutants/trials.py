"""Running the suite against one server after the other, each run a process of its own.

A run is ``msgcheck run`` as anybody could call it, with its reports in a folder named for the fault; it
starts and stops its server itself. Several run side by side.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import trio
from msgspec import Struct

from reports.model import Results

from ..faults import Fault

HEALTHY = "healthy"
"""The folder of the run against the healthy server."""
LIMIT_S = 900.0
"""How long one run may take before it is given up."""


class Conditions(Struct, frozen=True, kw_only=True):
    """What all runs have in common."""

    seed: int
    flight: int
    """Scenarios in flight in each run."""
    patience: float
    report_dir: Path


class Run(Struct, frozen=True, kw_only=True):
    """One run to be done: a fault, or none for the healthy server, and the scenarios to play."""

    fault: Fault | None
    selectors: Sequence[str]

    @property
    def name(self) -> str:
        """The name of its folder."""
        return HEALTHY if self.fault is None else self.fault.name


class NoResults(Exception):
    """A run gave no results; the text says where to look."""


async def play_all(
    runs: Sequence[Run],
    jobs: int,
    conditions: Conditions,
    done: Callable[[Run, Results | NoResults], None],
) -> None:
    """Do all runs, `jobs` side by side, in their order; `done` gets what each gave."""
    waiting = iter(runs)

    async def work() -> None:
        for run in waiting:
            try:
                outcome: Results | NoResults = await _play(run, conditions)
            except NoResults as nothing:
                outcome = nothing
            done(run, outcome)

    async with trio.open_nursery() as nursery:
        for _ in range(min(jobs, len(runs))):
            nursery.start_soon(work)


async def _play(run: Run, conditions: Conditions) -> Results:
    folder = conditions.report_dir / run.name
    log, record = folder / "output.txt", folder / "results.json"
    try:
        folder.mkdir(exist_ok=True)
        record.unlink(missing_ok=True)
        with log.open("wb") as output, trio.move_on_after(LIMIT_S):
            await trio.run_process(
                _command(run, conditions, folder),
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            )
        results = msgspec.json.decode(record.read_bytes(), type=Results)
    except (OSError, msgspec.DecodeError):
        raise NoResults(f"the run gave no results: its output is {log}") from None
    if results.run.interrupted:  # Ctrl-C reaches the runs, too
        raise NoResults("interrupted before its end")
    return results


def _command(run: Run, conditions: Conditions, folder: Path) -> list[str]:
    # What a busy host could not judge of the healthy server is played again alone, as in any run.
    faulty = () if run.fault is None else ("--fault", run.fault.name, "--replay", "0")
    return [
        *(sys.executable, "-m", "conformance", "run", *run.selectors, *faulty),
        *("--seed", str(conditions.seed), "--jobs", str(conditions.flight), "--strict"),
        *("--patience", str(conditions.patience)),
        *("--report-dir", str(folder)),
    ]
