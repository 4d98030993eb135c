"""What a run shows while it runs: how far it is, each hop against its budget, and what went wrong.

On a terminal a table that is drawn anew each second; elsewhere one line every few seconds, so that a log
stays readable.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from reports.load_model import told_causes
from reports.text import count

from .budgets import Budget
from .gathering import Gathering, Tick
from .hops import HOPS, LAG, Hop
from .judging import CORRECTNESS
from .plan import Plan
from .wire import Cleaned, Finished, Interval, Preparing, Reconciling, Report, Started

COLUMNS: Final = {
    "p50": "p50", "p50 limit": "budget", "p99": "p99", "p99 limit": "budget", "now": "now p99",
}  # fmt: skip
"""What is shown of a hop, under which heading."""
NARROW: Final = ("p50", "p99")
"""What of that remains where there is little room: what is over its limit is red."""
WIDE: Final = 64
"""Columns of a terminal that has room for everything."""
EVERY: Final = 5
"""Seconds between two lines where there is no terminal."""


class LiveView:
    """A listener to the generator's reports; use it as a context manager around the run."""

    def __init__(self, console: Console, budget: Budget, plan: Plan, gathered: Gathering) -> None:
        self._console = console
        self._budget = budget
        self._plan = plan
        self._gathered = gathered
        self._live = Live(console=console, transient=True, auto_refresh=False)
        self._tick: Tick | None = None

    def __enter__(self) -> LiveView:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._live.stop()

    def __call__(self, report: Report) -> None:
        """Take what the generator tells, and show it."""
        match report:
            case Preparing(connected=connected, devices=devices):
                self._say(f"connecting: {connected} of {devices} devices", connected == devices)
            case Started():
                load = self._plan.load
                self._say(
                    f"warming up for {load.warmup:g} s, then measuring for {load.duration:g} s",
                    True,
                )
            case Interval():
                self._tick = self._gathered.take(report)
                self._show(report.second)
            case Reconciling():
                self._say("reading the history back", True)
            case Cleaned(messages=messages, groups=groups, devices=devices, refused=refused):
                named = ((messages, "message"), (groups, "group"), (devices, "device"))
                told = f"taken back: {', '.join(count(*each) for each in named)}"
                self._say(f"{told}; refused: {told_causes(refused)}" if refused else told, True)
            case Finished(entries=entries, cpu=cpu):
                self._gathered.reading_back_cpu = cpu
                self._say(f"{entries} entries of the history compared", True)

    def _say(self, text: str, worth_a_line: bool) -> None:
        if self._console.is_terminal:
            self._live.update(Text(text), refresh=True)
        elif worth_a_line:
            self._console.print(text, highlight=False)

    def _show(self, second: int) -> None:
        if self._console.is_terminal:
            self._live.update(Group(self._headline(second), self._table()), refresh=True)
        elif second and second % EVERY == 0:
            self._console.print(self._headline(second), highlight=False, soft_wrap=True)
            for line in self._lines():
                self._console.print(line, highlight=False, soft_wrap=True)

    def _headline(self, second: int) -> Text:
        assert self._tick is not None
        load, counts = self._plan.load, self._gathered.counts
        phase = "warm-up" if second <= load.warmup else "measuring"
        wrong = ", ".join(f"{getattr(counts, name)} {name}" for name in CORRECTNESS[:3])
        lag = self._tick.latencies().get(LAG)
        late = "" if lag is None else f", generator lag p99 {lag[1]:.1f} ms"
        return Text(
            f"{second:>4} / {load.end:g} s  {phase}  {self._tick.counts.planned}/s, "
            f"{self._tick.in_flight} in flight, {counts.failed} failed, {wrong}{late}"
        )

    def _table(self) -> Table:
        table = Table(box=None, pad_edge=False)
        shown = COLUMNS if self._console.width >= WIDE else NARROW
        table.add_column("hop, ms", no_wrap=True)
        for column in shown:
            table.add_column(COLUMNS[column], justify="right")
        for hop in HOPS:
            if self._gathered.corrected[hop].count or self._budget.latency_ms.by_hop()[hop]:
                cells = dict(zip(COLUMNS, self._cells(hop), strict=True))
                table.add_row(hop, *(cells[column] for column in shown))
        return table

    def _cells(self, hop: Hop) -> Iterator[Text]:
        limits = self._budget.latency_ms.by_hop()[hop]
        for name in ("p50", "p99"):
            histogram, limit = self._gathered.corrected[hop], limits.get(name)
            measured = histogram.ms(float(name[1:]))
            over = limit is not None and measured > limit
            told = f"{measured:.1f}" if histogram.count else ""
            yield Text(told, style="bold red" if over else "green" if limit else "")
            yield Text("" if limit is None else f"{limit:g}", style="dim")
        latencies = {} if self._tick is None else self._tick.latencies()
        yield Text(f"{latencies[hop][1]:.1f}" if hop in latencies else "", style="dim")

    def _lines(self) -> Iterator[str]:
        for hop in HOPS:
            if self._gathered.corrected[hop].count:
                histogram = self._gathered.corrected[hop]
                yield f"      {hop:<20} p50 {histogram.ms(50):.1f} ms, p99 {histogram.ms(99):.1f} ms"
