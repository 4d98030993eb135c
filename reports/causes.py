"""What failed, by cause: scenarios that fell in the same way together, the most telling first.

One fault fells many scenarios, and whoever mends it needs to read one of them. Scenarios have the same
cause, as far as a record can tell, if their most telling findings blame the same promise by the same
checker or kind of step in the same words, names and numbers aside. The order is that of :data:`ORDER`:
what counts before what is excused, what was seen directly before its consequences, what many show
before what one shows, a short trace before a long one, and names last, so that it is always the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from .judgement import excused
from .model import Finding, Requirement, Scenario
from .telling import bare, headline, rank, told

ORDER: Final = (
    "The most telling come first: direct evidence of a broken MUST, shown by many scenarios and in a "
    "short trace; then consequences, flaky ones, what could not be judged, advice and known failures."
)

LONGEST: Final = 600
"""Characters of a cause at most."""
_MORE = re.compile(r" \(\d+ more like it\.\)")
_NAMED = re.compile(r'"[^"]*"|\([^)]*\)')
"""What is another in each scenario: what is quoted or in brackets."""
_LIKE: Final = 400
"""Characters by which two messages are alike."""


class Cause(Struct, frozen=True):
    """Scenarios that failed in the same way; the first is the most telling."""

    scenarios: list[Scenario]

    @property
    def finding(self) -> Finding | None:
        """What tells most; None where nothing was found (an error of the harness)."""
        return next(iter(self.scenarios[0].findings), None)

    @property
    def message(self) -> str:
        """What it is, in one line."""
        if self.finding is not None:
            told = _named(headline(self.finding), self.scenarios[0])
            return told if len(told) <= LONGEST else f"{told[:LONGEST]}…"
        return (self.scenarios[0].reason or self.scenarios[0].verdict).partition("\n")[0]


def causes(scenarios: Sequence[Scenario], requirements: Sequence[Requirement]) -> list[Cause]:
    """What did not pass, by cause; each scenario with its findings in the order of what they tell."""
    advice = {each.id for each in requirements if each.level == "SHOULD"}
    groups: dict[tuple[object, ...], list[Scenario]] = {}
    for scenario in filter(is_shown, scenarios):
        ordered = told(scenario)
        groups.setdefault((_class(ordered, advice), *_likeness(ordered)), []).append(ordered)
    found = [Cause(sorted(group, key=_weight)) for group in groups.values()]
    return sorted(found, key=lambda each: _place(each, advice))


def is_shown(scenario: Scenario) -> bool:
    """Whether there is something to be told of it: it neither passed nor was left out."""
    return scenario.verdict not in ("pass", "not applicable")


def _class(scenario: Scenario, advice: set[str]) -> int:
    """How much a verdict matters: broken promises, what is less certain, what is excused."""
    match scenario.verdict:
        case _ if excused(scenario):
            return 4 if scenario.advisory else 5
        case "error":
            return 2
        case "inconclusive":
            return 3
        case "fail" if not scenario.findings or set(scenario.findings[0].requirements) - advice:
            return 0
        case _:
            return 1


def _place(cause: Cause, advice: set[str]) -> tuple[object, ...]:
    first = cause.scenarios[0]
    telling, *rest = _weight(first)
    return (_class(first, advice), telling, -len(cause.scenarios), *rest)


def _weight(scenario: Scenario) -> tuple[object, ...]:
    telling = rank(scenario.findings[0], scenario) if scenario.findings else ()
    return (telling, len(scenario.trace) + scenario.left_out, scenario.name)


def _likeness(scenario: Scenario) -> tuple[object, ...]:
    """What scenarios of one cause have in common."""
    if not scenario.findings:
        return (scenario.verdict, (scenario.reason or "").partition("\n")[0])
    finding = scenario.findings[0]
    people = {
        part for entry in scenario.trace for part in (entry.lane, entry.lane.partition(".")[0])
    }
    words = _NAMED.sub("#", _MORE.sub("", bare(finding)[:_LIKE])).split()
    return (
        *finding.requirements[:1],
        finding.checker or finding.kind,
        _verb(finding),
        tuple("#" if _is_own(word, people) else word for word in words),
    )


def _is_own(word: str, people: set[str]) -> bool:
    """Whether it is an id, a number or somebody."""
    return word.strip(".,:;") in people or any(map(str.isdigit, word))


def _named(text: str, scenario: Scenario) -> str:
    """The text with people called by their names in the scenario, not by the ids that a run gave them."""
    actors = sorted({re.escape(entry.lane.partition(".")[0]) for entry in scenario.trace} - {""})
    if not actors:
        return text
    made = rf"(?<![\w-])({'|'.join(actors)})-[a-z0-9]{{8,}}(?![\w-])"
    short = re.sub(rf"(?<=\w) \({made}\)", "", text)
    return re.sub(rf"{made}(/[\w.]+)?(-[a-z0-9]{{8,}}(?![\w-]))?", r"\1\2", short)


def _verb(finding: Finding) -> str | None:
    """What the step does or looks at: its first key that names no actor."""
    try:
        step = json.loads(finding.step or "{}")
    except ValueError:  # a long step is cut
        return None
    keys = step if isinstance(step, dict) else ()
    return next((key for key in keys if key not in ("as", "on")), None)
