"""The second kind of judging: checkers over a whole history."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .adapters.base import Adapter
from .checkers import CHECKERS
from .checkers.base import Violation
from .findings import Finding
from .history import History
from .model import Scenario


def judge(scenario: Scenario, history: History, adapter: Adapter) -> Iterator[Finding]:
    """What the scenario's checkers, and its protocol's manners, find broken; each thing once."""
    seen: set[tuple[str, str]] = set()
    for violation in _violations(scenario, history, adapter):
        key = (violation.requirement, violation.message)
        if key not in seen:
            seen.add(key)
            yield Finding(
                kind="checker",
                requirements=(violation.requirement,),
                message=violation.message,
                events=violation.events,
                since=violation.events[0] if violation.events else 0,
                until=len(history),
            )


def _violations(scenario: Scenario, history: History, adapter: Adapter) -> Iterable[Violation]:
    yield from adapter.manners(history)
    for name in scenario.check:
        yield from CHECKERS[name](history)
