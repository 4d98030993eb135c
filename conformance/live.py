"""The live display of a run, from its events.

On a terminal a progress bar with what is being played, and each failure as it comes; elsewhere a plain
line for each phase and each failure, so that a log stays readable.
"""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from reports.model import Scenario
from reports.terminal import STYLES
from reports.text import count

from .events import (
    CampaignEnded,
    CampaignEvent,
    CampaignStarted,
    PhaseStarted,
    VariantEnded,
    VariantStarted,
)

_PHASES = {
    "all": "playing",
    "restarts": "killing, stopping and restarting the server",
    "again": "playing again, alone",
}
_SHOWN = ("fail", "flaky", "inconclusive", "error")


class LiveDisplay:
    """A listener that shows; use it as a context manager around the run."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._running: dict[str, None] = {}
        self._failed: set[str] = set()
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[running]}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("", total=None, running="")

    def __enter__(self) -> LiveDisplay:
        self._progress.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._progress.stop()

    def __call__(self, event: CampaignEvent) -> None:
        """Show what `event` tells."""
        match event:
            case CampaignStarted(total=total):
                self._progress.update(self._task, total=total)
            case PhaseStarted(name=name, total=total):
                self._phase(name, total)
            case VariantStarted(name=name):
                self._running[name] = None
            case VariantEnded(scenario=scenario):
                self._running.pop(scenario.name, None)
                self._ended(scenario)
            case CampaignEnded():
                self._progress.stop()
        self._progress.update(self._task, running=self._in_flight())

    def _phase(self, name: str, total: int) -> None:
        self._progress.update(self._task, description=_PHASES[name])
        if name != "all":
            self._progress.reset(self._task, total=total)
        if not self._console.is_terminal:
            self._console.print(f"{_PHASES[name]}: {count(total, 'scenario')}", highlight=False)

    def _ended(self, scenario: Scenario) -> None:
        self._progress.advance(self._task)
        if scenario.verdict not in _SHOWN:
            self._failed.discard(scenario.name)
            return
        self._failed.add(scenario.name)
        style = STYLES[scenario.verdict]
        blamed = dict.fromkeys(
            identity for finding in scenario.findings for identity in finding.requirements
        )
        told = f" ({', '.join(blamed)})" if blamed else ""
        self._console.print(
            f"[{style}]{scenario.verdict}[/] {escape(scenario.name)}{told}",
            highlight=False,
            soft_wrap=True,
        )

    def _in_flight(self) -> str:
        failed = f", {len(self._failed)} failed" if self._failed else ""
        return f"{len(self._running)} in flight{failed}"
