"""The verdict on a load run: each line of the budget against what was measured. Pure.

*Invalid* goes first: a run whose generator was late, sent less than planned, or came to no end, says
nothing about the server, however good or bad its figures look.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from reports.load_model import Check, LoadVerdict, told_causes

from .budgets import Budget, percent
from .gathering import Gathering
from .wire import Trouble

CORRECTNESS = (
    "lost",
    "duplicated",
    "reordered",
    "history_mismatch",
    "asset_mismatch",
    "status_mismatch",
)

_EXIT: dict[LoadVerdict, Literal[0, 1, 3]] = {
    "within budget": 0,
    "budget broken": 1,
    "invalid": 3,
}


class Judgement(Struct, frozen=True):
    """The verdict, and why."""

    verdict: LoadVerdict
    reasons: list[str]
    checks: list[Check]

    @property
    def exit_status(self) -> Literal[0, 1, 3]:
        """What the command ends with."""
        return _EXIT[self.verdict]


def judge(
    budget: Budget, gathered: Gathering, trouble: Trouble | None, *, interrupted: bool
) -> Judgement:
    """Judge a run by its budget."""
    checks = [*_latencies(budget, gathered), *_correctness(budget, gathered)]
    invalid = [*_invalid(budget, gathered)]
    if trouble is not None:
        if gathered.counts.disconnected:
            invalid.insert(
                0, f"connections ended by themselves {gathered.counts.disconnected} times"
            )
        invalid.insert(0, trouble.text)
    elif interrupted:
        invalid.insert(0, "the run was interrupted before its end")
    if invalid:
        return Judgement("invalid", invalid, checks)
    broken = [_told(check, gathered) for check in checks if not check.passed]
    return Judgement("budget broken" if broken else "within budget", broken, checks)


def _latencies(budget: Budget, gathered: Gathering) -> Iterator[Check]:
    for hop, limits in budget.latency_ms.by_hop().items():
        for name, limit in limits.items():
            measured = gathered.corrected[hop].ms(percent(name))
            yield Check(
                name=f"{hop} {name}",
                limit=limit,
                measured=measured,
                unit="ms",
                passed=measured <= limit and gathered.corrected[hop].count > 0,
            )


def _correctness(budget: Budget, gathered: Gathering) -> Iterator[Check]:
    for name in CORRECTNESS:
        limit, measured = getattr(budget.correctness, name), getattr(gathered.counts, name)
        yield Check(name=name, limit=limit, measured=measured, unit="", passed=measured <= limit)
    counts = gathered.counts
    failed = (counts.failed + counts.unanswered) / max(1, counts.planned)
    yield Check(
        name="errors",
        limit=budget.errors.ratio,
        measured=round(failed, 6),
        unit="ratio",
        passed=failed <= budget.errors.ratio,
    )


def _invalid(budget: Budget, gathered: Gathering) -> Iterator[str]:
    lag, limit = gathered.lag.ms(99), budget.generator.lag_p99_ms
    if lag > limit:
        yield (
            f"the generator was late itself: its lag had a p99 of {lag:g} ms, over the limit of "
            f"{limit:g} ms. Give it more processes (--processes) or another machine, or lower --rate"
        )
    if gathered.counts.dropped:
        yield (
            f"the generator did not send {gathered.counts.dropped} planned messages, because it "
            "could not keep up. Give it more processes (--processes) or another machine"
        )
    if not gathered.lag.count:
        yield "no message was measured"


def _told(check: Check, gathered: Gathering) -> str:
    if check.is_empty:
        return f"{check.name}: nothing came that could be measured"
    unit = f" {check.unit}" if check.unit == "ms" else ""
    text = f"{check.name}: {check.measured:g}{unit}, over the limit of {check.limit:g}{unit}"
    if check.name == "errors":
        text += f" ({told_causes(gathered.causes.counts)})"
    return text
