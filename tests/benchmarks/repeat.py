"""Run after run, to see whether the suite ever accuses a server that does nothing wrong.

`python -m tests.benchmarks.repeat --runs 200` judges the reference server again and again, each time
with another seed, and tells of every scenario that did not pass. The reports of such a run are kept,
so that what was seen once can be looked into; those of clean runs are removed. `--busy 2` keeps two
cores busy with something else meanwhile: then *inconclusive* is an honest verdict, counted apart. What
follows `--` goes to `msgcheck run` as it is: a selection, the `--target` of another server.

Exit status: 0 when no run accused anybody, 1 otherwise.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from collections import Counter
from contextlib import nullcontext
from pathlib import Path

import msgspec
from msgspec import Struct

from reports.model import Results, Scenario

from ..busy import busy

RUN_AT_MOST_S = 600
"""After which a run is taken to hang."""
UNSUSPICIOUS = ("pass", "not applicable")


class Ended(Struct, frozen=True):
    """One run."""

    seed: int
    verdict: str
    seconds: float
    conspicuous: list[Scenario]
    """Scenarios that neither passed nor were not applicable."""


def run_once(seed: int, arguments: list[str], folder: Path) -> Ended:
    """Run the suite with this seed; the reports stay in `folder` if there is something to see."""
    began = time.monotonic()
    reports = folder / f"seed-{seed}"
    command = [sys.executable, "-m", "conformance", "run", "--seed", str(seed)]
    done = subprocess.run(
        [*command, "--report-dir", str(reports), *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=RUN_AT_MOST_S,
        check=False,
    )
    seconds = time.monotonic() - began
    record = reports / "results.json"
    if not record.exists():
        return Ended(seed, f"no results: {(done.stdout + done.stderr).strip()}", seconds, [])
    results = msgspec.json.decode(record.read_bytes(), type=Results)
    conspicuous = [each for each in results.scenarios if each.verdict not in UNSUSPICIOUS]
    if results.verdict == "conformant" and not conspicuous:
        shutil.rmtree(reports)
    else:
        (reports / "output.txt").write_text(done.stdout + done.stderr)
    return Ended(seed, results.verdict, seconds, conspicuous)


def told(ended: Ended) -> str:
    """A line for the run, and one for each scenario that is conspicuous."""
    lines = [f"seed {ended.seed}: {ended.verdict}, {ended.seconds:.1f} s"]
    for scenario in ended.conspicuous:
        message = scenario.findings[0].message if scenario.findings else scenario.reason or ""
        lines.append(f"    {scenario.verdict} {scenario.name}: {message}")
    return "\n".join(lines)


def accuses(ended: Ended) -> bool:
    """Whether the run blames the server, or could not be judged for another reason than the host."""
    if any(each.verdict != "inconclusive" for each in ended.conspicuous):
        return True
    return ended.verdict != "conformant" and not ended.conspicuous


def main() -> int:
    """Run as often as asked, and sum up."""
    parser = argparse.ArgumentParser(prog="repeat", description=main.__doc__)
    parser.add_argument("--runs", type=int, default=10, help="how many (10)")
    parser.add_argument("--first-seed", type=int, default=1, help="the first run's seed (1)")
    parser.add_argument("--busy", type=int, default=0, help="cores kept busy meanwhile (0)")
    parser.add_argument("--keep", type=Path, default=Path("repeat-report"), help="reports' folder")
    parser.add_argument("arguments", nargs="*", help="for `msgcheck run`, behind `--`")
    options = parser.parse_args()
    ended: list[Ended] = []
    for seed in range(options.first_seed, options.first_seed + options.runs):
        around = busy(options.busy, at_most_s=RUN_AT_MOST_S) if options.busy else nullcontext()
        with around:
            ended.append(run_once(seed, options.arguments, options.keep))
        print(told(ended[-1]), flush=True)
    verdicts = Counter(each.verdict.partition(":")[0] for each in ended)
    scenarios = Counter(
        f"{scenario.verdict} {scenario.name}" for each in ended for scenario in each.conspicuous
    )
    accusing = sum(map(accuses, ended))
    print(f"\n{len(ended)} runs: {', '.join(f'{n} {name}' for name, n in verdicts.items())}")
    print(f"{accusing} accused the server or broke down; the longest took {_longest(ended):.1f} s")
    for name, number in scenarios.most_common():
        print(f"    {number} × {name}")
    return 1 if accusing else 0


def _longest(ended: list[Ended]) -> float:
    return max((each.seconds for each in ended), default=0.0)


if __name__ == "__main__":
    sys.exit(main())
