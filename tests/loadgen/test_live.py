"""What is shown while a run runs: a table on a terminal, lines elsewhere."""

from __future__ import annotations

import io
import re
from array import array

import pytest
from rich.console import Console

from conformance.resources import BUDGETS
from loadgen.budgets import load_budget
from loadgen.consoles import LastingConsole
from loadgen.gathering import Gathering
from loadgen.hops import Counts
from loadgen.live import LiveView
from loadgen.plan import Plan
from loadgen.wire import Cleaned, Interval, Reconciling, Report, Started

BUDGET = load_budget(BUDGETS / "direct_chat.yaml")
PLAN = Plan(
    url="http://localhost", run="run", seed=1, population=BUDGET.people, load=BUDGET.what_is_planned,
    drain=1, setup=1,
)  # fmt: skip


ESCAPES = re.compile(r"\x1b\[[?\d;]*[A-Za-z]")


def interval(second: int) -> Interval:
    """A second in which a hundred messages took 30 ms, and one was lost."""
    taken = array("Q", [30_000] * 100).tobytes()
    return Interval(
        second=second,
        counts=Counts(planned=100, lost=1),
        samples={"send_to_sent/corrected": taken, "generator_lag": taken},
        in_flight=7,
        cpu=0.1,
    )


def shown(*reports: Report, width: int, terminal: bool) -> str:
    """Everything that is written for these reports, without colours."""
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=terminal, color_system=None)
    with LiveView(console, BUDGET, PLAN, Gathering()) as view:
        for report in reports:
            view(report)
    return ESCAPES.sub("", out.getvalue())


@pytest.mark.parametrize(("width", "has_room"), [(40, False), (100, True)])
def test_hops_are_told_by_their_whole_names_however_narrow_the_terminal_is(
    width: int, has_room: bool
) -> None:
    """The budget and the last second stand beside where there is room."""
    told = shown(interval(1), width=width, terminal=True)
    for hop in ("send_to_sent", "send_to_delivered", "delivered_to_status"):
        assert hop in told
    assert "30.0" in told
    assert ("budget" in told) == has_room
    assert "0.0" not in told.replace("30.0", "")  # of a hop that nothing came of yet
    assert max(map(len, told.splitlines())) <= width


def test_where_there_is_no_terminal_a_line_is_written_now_and_then() -> None:
    """Every fifth second, with what goes wrong; and each step on the way."""
    told = shown(
        Started(), *(interval(second) for second in range(1, 11)), Reconciling(),
        Cleaned(5, 1, 2, {"503 unavailable": 1}), width=80, terminal=False,
    )  # fmt: skip
    lines = told.splitlines()
    assert lines[0] == "warming up for 10 s, then measuring for 60 s"
    assert [line.split(" /")[0].strip() for line in lines if " in flight" in line] == ["5", "10"]
    assert (
        "7 in flight, 0 failed, 5 lost, 0 duplicated, 0 reordered, generator lag p99 30.0" in told
    )
    assert lines[-2:] == [
        "reading the history back",
        "taken back: 5 messages, 1 group, 2 devices; refused: 1 × 503 unavailable",
    ]


def test_a_console_that_nobody_reads_falls_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run goes on, and what it measures is kept."""

    class Gone(io.StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    console = LastingConsole(file=Gone())
    silenced: list[int] = []
    monkeypatch.setattr("sys.stdout.fileno", lambda: 1, raising=False)
    monkeypatch.setattr("os.dup2", lambda _nowhere, out: silenced.append(out))
    console.print("one")
    console.print("two")
    assert console.quiet
    assert silenced == [1]
