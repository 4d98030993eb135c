"""The second kind of judging: checkers over a whole history."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .adapters.base import Adapter
from .checkers import CHECKERS
from .checkers.base import Violation
from .findings import Finding
from .history import History
from .language.scenario import Scenario


def judge(scenario: Scenario, history: History, adapter: Adapter) -> Iterator[Finding]:
    """What the scenario's checkers, and its protocol's manners, find broken; each thing once."""
    seen: set[tuple[str, str]] = set()
    for checker, violation in _violations(scenario, history, adapter):
        key = (violation.requirement, violation.message)
        if key not in seen:
            seen.add(key)
            yield Finding(
                kind="checker",
                checker=checker,
                requirements=(violation.requirement,),
                message=violation.message,
                events=violation.events,
                since=violation.events[0] if violation.events else 0,
                until=len(history),
            )


def _violations(
    scenario: Scenario, history: History, adapter: Adapter
) -> Iterable[tuple[str, Violation]]:
    """With the name of the checker that saw it."""
    for violation in adapter.manners(history):
        yield "manners", violation
    for name in scenario.check:
        for violation in CHECKERS[name](history):
            yield name, violation
