"""What `msgcheck mutants` prints: a line for each run as it ends, and the judgement at the end."""

from __future__ import annotations

from collections import Counter

from rich.console import Console

from reports.mutants_model import Bar, Control, Matrix, Trial
from reports.text import count

LISTED = 8
"""How many names stand behind a bar that is not met; the rest is in the document."""


class Progress:
    """Prints the runs as they end."""

    def __init__(self, console: Console, total: int) -> None:
        self._console = console
        self._total = total
        self._ended = 0

    def control(self, control: Control) -> None:
        """The run against the healthy server has ended."""
        alarms = count(len(control.false_alarms), "false alarm")
        self._line("the healthy server", f"{count(control.scenarios, 'scenario')}, {alarms}")

    def trial(self, trial: Trial) -> None:
        """A run against a fault has ended."""
        self._line(trial.fault, _told(trial))

    def _line(self, name: str, told: str) -> None:
        self._ended += 1
        at = f"{self._ended:>{len(str(self._total))}}/{self._total}"
        self._console.print(f"{at}  {name:<38} {told}", soft_wrap=True)


def _told(trial: Trial) -> str:
    if trial.verdict == "not played":
        return f"NOT PLAYED  {trial.reason}"
    if trial.verdict == "survived":
        others = count(len(trial.bystanders), "other failure")
        return f"SURVIVED  {', '.join(trial.breaks)} ({others})"
    by = Counter(requirement for kill in trial.kills for requirement in kill.requirements)
    blamed = ", ".join(f"{name} × {times}" for name, times in by.most_common())
    first = trial.kills[0]
    what = f"checker {first.checker}" if first.by == "checker" else first.place
    return f"killed by {blamed}; first by {first.scenario} ({what})"


def show(matrix: Matrix, console: Console, files: str) -> None:
    """Print the judgement; `files` are those written."""
    console.print()
    for bar in matrix.bars:
        console.print(f"{_MET[bar.met]}  {bar.name}{_missing(bar)}", soft_wrap=True)
    console.print()
    console.print(f"faults killed: {matrix.killed}/{matrix.faults}")
    console.print(
        f"false alarms:  {matrix.false_alarms} of {count(matrix.control.scenarios, 'scenario')} "
        "on the healthy server"
    )
    console.print(
        f"{matrix.seconds:.0f} s, seed {matrix.seed}; the matrix: {files}", soft_wrap=True
    )


_MET = {True: "    met", False: "NOT MET", None: "  not judged"}


def _missing(bar: Bar) -> str:
    if bar.met is None:
        return " (only a run of everything can tell)"
    if not bar.missing:
        return ""
    more = len(bar.missing) - LISTED
    return f": {', '.join(bar.missing[:LISTED])}" + (f" and {more} more" if more > 0 else "")
