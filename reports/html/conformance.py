"""A conformance run as a page: verdict first, then what failed and why, then everything.

What the template is given is arranged here: anchors, groups, numbers. The page is bounded: what failed is told
fully until that has used up its room, and more and more briefly then.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final, Literal

from markupsafe import Markup
from msgspec import Struct
from msgspec.structs import replace

from ..causes import ORDER, Cause, causes
from ..judgement import excused
from ..model import SCENARIO_VERDICTS, Finding, Requirement, Results, Scenario
from ..telling import headline
from . import page
from .difference import difference
from .folding import Part as Fold
from .folding import folded
from .sequence import diagram

LONGEST: Final = 600
"""Characters of a headline."""
SLOWEST: Final = 10
CAUSES: Final = 60
"""Causes that are listed; the scenarios of all stand below."""
LISTED: Final = 8
"""Causes that are listed at once."""
NAMED: Final = 3
"""Scenarios of a cause that are named at once."""


class Area(Struct, frozen=True):
    """The requirements of one area."""

    title: str
    requirements: list[Requirement]


class Problem(Struct, frozen=True):
    """A finding, its number within the scenario, the promises it is about, its diff."""

    number: int
    finding: Finding
    headline: str
    requirements: list[Requirement]
    parts: list[Fold]
    """Expected against got."""


class Failure(Struct, frozen=True):
    """A scenario that did not pass, ready to be shown."""

    scenario: Scenario
    excused: bool
    like: str | None
    """The scenario that failed in the same way and tells more; None for that one."""
    problems: list[Problem]
    more: int
    """Findings that are not among the problems."""
    diagram: Markup | None
    source: list[tuple[int, str, bool]]
    """The scenario's lines with their numbers, and whether a finding points there."""

    @property
    def size(self) -> int:
        """About how many bytes of the page it takes."""
        texts = [line.text for each in self.problems for part in each.parts for line in part.lines]
        texts += [line for _, line, _ in self.source]
        texts += [request for each in self.problems for request in each.finding.repeat.requests]
        return len(self.diagram or "") + sum(len(text) + _MARKUP for text in texts) + _CARD


class _Fullness(Struct, frozen=True):
    """How much is told of a failure while the failures together take less than `room` bytes."""

    room: float
    findings: int
    lines: int
    diagram: Literal["trace", "excerpts", "none"]
    has_source: bool


_FULLNESS: Final = (
    _Fullness(740_000, findings=12, lines=200, diagram="trace", has_source=True),
    _Fullness(880_000, findings=12, lines=80, diagram="excerpts", has_source=True),
    _Fullness(960_000, findings=3, lines=20, diagram="none", has_source=False),
    _Fullness(math.inf, findings=1, lines=0, diagram="none", has_source=False),
)
_MARKUP: Final = 45
"""Bytes of markup around a line."""
_CARD: Final = 1200
"""Bytes of a failure that is told in brief."""


class Shown(Struct, frozen=True):
    """A cause: the promise that it breaks, how that shows, and where."""

    requirements: list[Requirement]
    message: str
    named: list[Scenario]
    others: list[Scenario]


class Part(Struct, frozen=True):
    """One verdict's part of a bar."""

    verdict: str
    number: int
    percent: float


def render(results: Results) -> bytes:
    """The page."""
    known = {each.id: each for each in results.requirements}
    found = causes(results.scenarios, results.requirements)
    failures = _failures(found, known)
    return page.render(
        "conformance.html.j2",
        {
            "results": results,
            "run": results.run,
            "areas": _areas(results),
            "bars": [
                ("Scenarios", _parts(results.totals.scenarios)),
                ("Requirements", _parts(results.totals.requirements)),
            ],
            "causes": [_shown(each, known) for each in found[:CAUSES]],
            "uncounted": max(len(found) - CAUSES, 0),
            "listed": LISTED,
            "order": ORDER,
            "failures": failures,
            "anchor": _anchors(results.scenarios),
            "scenarios": {each.name: each for each in results.scenarios},
            "known": known,
            "verdicts": _verdicts(results),
            "slowest": _slowest(results.scenarios),
            "left_undrawn": sum(_is_brief(each) for each in failures),
        },
    )


def _is_brief(failure: Failure) -> bool:
    return bool(failure.scenario.findings) and failure.diagram is None


def _areas(results: Results) -> list[Area]:
    """The areas of the matrix; of a selection, those that it is about."""
    areas = [
        Area(title, list(group))
        for title, group in groupby(results.requirements, lambda each: each.area)
    ]
    spoken = [area for area in areas if any(each.scenarios for each in area.requirements)]
    return spoken if results.run.selection and spoken else areas


def _parts(totals: dict[str, int]) -> list[Part]:
    whole = sum(totals.values()) or 1
    return [
        Part(verdict, number, 100 * number / whole) for verdict, number in totals.items() if number
    ]


def _verdicts(results: Results) -> list[str]:
    """The verdicts that occur among the scenarios, in their usual order."""
    there = {each.verdict for each in results.scenarios}
    return [verdict for verdict in SCENARIO_VERDICTS if verdict in there]


def _shown(cause: Cause, known: dict[str, Requirement]) -> Shown:
    finding = cause.finding
    blamed = finding.requirements if finding is not None else []
    return Shown(
        requirements=[known[each] for each in blamed[:1] if each in known],
        message=cause.message,
        named=cause.scenarios[:NAMED],
        others=cause.scenarios[NAMED:],
    )


def _slowest(scenarios: Sequence[Scenario]) -> list[Scenario]:
    played = [each for each in scenarios if each.attempts]
    return sorted(played, key=lambda each: -each.seconds)[:SLOWEST]


def _anchors(scenarios: Sequence[Scenario]) -> dict[str, str]:
    """A fragment for each scenario, by its name: readable, of plain letters, and its own."""
    anchors: dict[str, str] = {}
    taken: set[str] = set()
    for number, scenario in enumerate(scenarios):
        plain = re.sub(r"[^A-Za-z0-9._-]+", "-", scenario.name).strip("-")
        anchors[scenario.name] = f"s-{plain}" if plain not in taken else f"s-{plain}-{number}"
        taken.add(plain)
    return anchors


# ── failures ──────────────────────────────────────────────────────────────────────────────────


def _failures(found: Sequence[Cause], known: dict[str, Requirement]) -> list[Failure]:
    """What did not pass, by cause; told as fully as the page has room for, one of each cause first."""
    told: dict[str, Failure] = {}
    used = 0
    for cause, scenario in _one_of_each_first(found):
        for fullness in (each for each in _FULLNESS if used + _CARD <= each.room):
            failure = _failure(scenario, cause, known, fullness)
            if used + failure.size <= fullness.room:
                break
        used += failure.size
        told[scenario.name] = failure
    return [told[each.name] for cause in found for each in cause.scenarios]


def _one_of_each_first(found: Sequence[Cause]) -> Iterator[tuple[Cause, Scenario]]:
    for cause in found:
        yield cause, cause.scenarios[0]
    for cause in found:
        for scenario in cause.scenarios[1:]:
            yield cause, scenario


def _failure(
    scenario: Scenario, cause: Cause, known: dict[str, Requirement], fullness: _Fullness
) -> Failure:
    shown = scenario.findings[: fullness.findings]
    problems = [_problem(number, each, known, fullness) for number, each in enumerate(shown, 1)]
    return Failure(
        scenario=scenario,
        excused=excused(scenario),
        like=None if scenario is cause.scenarios[0] else cause.scenarios[0].name,
        problems=problems,
        more=len(scenario.findings) - len(problems),
        diagram=_drawn(scenario, fullness),
        source=list(_source(scenario)) if fullness.has_source else [],
    )


def _drawn(scenario: Scenario, fullness: _Fullness) -> Markup | None:
    if fullness.diagram == "none":
        return None
    whole = fullness.diagram == "trace"
    picture = diagram(scenario if whole else replace(scenario, trace=[], left_out=0))
    return None if picture is None else page.part("diagram.html.j2", "draw", picture)


def _problem(
    number: int, finding: Finding, known: dict[str, Requirement], fullness: _Fullness
) -> Problem:
    return Problem(
        number=number,
        finding=finding,
        headline=_headline(finding),
        requirements=[known[each] for each in finding.requirements if each in known],
        parts=folded(difference(finding)[: fullness.lines]),
    )


def _headline(finding: Finding) -> str:
    message = headline(finding)
    return message if len(message) <= LONGEST else f"{message[:LONGEST]}…"


def _source(scenario: Scenario) -> Iterator[tuple[int, str, bool]]:
    pointed = {
        finding.place.line
        for finding in scenario.findings
        if finding.place is not None and finding.kind == "step"
    }
    for number, line in enumerate((scenario.source or "").splitlines(), 1):
        yield number, line, number in pointed
