"""From findings to verdicts: of a scenario, of a requirement, of the run.

    findings of each play ─▶ scenario ─▶ requirement (the worst of what was said) ─▶ run, exit status

A finding blames the requirements that it names. A scenario that failed says nothing good of the others
that it would have proved: it never came to them, or cannot be trusted to have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal

from msgspec import Struct

from reports.judgement import excused
from reports.model import (
    BaselineEntry,
    Requirement,
    RequirementVerdict,
    RunVerdict,
    Scenario,
    ScenarioVerdict,
)
from reports.text import count

from .catalogue import Catalogue
from .engine import Played

Level = Literal["MUST", "SHOULD"]

_WORST_FIRST: tuple[RequirementVerdict, ...] = (
    "fail",
    "flaky",
    "error",
    "inconclusive",
    "pass",
    "not applicable",
    "not covered",
)

CONFORMANT: Final = 0
NOT_CONFORMANT: Final = 1
HARNESS: Final = 3


class Said(Struct, frozen=True):
    """What one scenario says of one requirement."""

    scenario: str
    verdict: RequirementVerdict
    reason: str | None = None


class Judgement(Struct, frozen=True):
    """The run as a whole."""

    verdict: RunVerdict
    exit_status: Literal[0, 1, 3]
    reasons: list[str]


def verdict_of(played: Played) -> ScenarioVerdict:
    """What one play of a scenario says."""
    if played.fault is not None or played.trouble is not None:
        return "error"
    if any(not finding.inconclusive for finding in played.findings):
        return "fail"
    if played.not_shown is not None:
        return "not applicable"
    return "inconclusive" if played.findings else "pass"


REPLAYED: Mapping[tuple[ScenarioVerdict, ScenarioVerdict], ScenarioVerdict] = {
    ("fail", "pass"): "flaky",
    ("fail", "fail"): "fail",
    ("fail", "inconclusive"): "fail",
    ("fail", "error"): "fail",
    ("fail", "not applicable"): "fail",
    ("inconclusive", "pass"): "pass",
    ("inconclusive", "fail"): "fail",
    ("inconclusive", "inconclusive"): "inconclusive",
    ("inconclusive", "error"): "error",
    ("inconclusive", "not applicable"): "not applicable",
}
"""The verdict on a scenario that was played again alone, by its first and its second.

What was once seen broken is no more than flaky later; what once ran out of time counts as if it had
never been played."""


def requirements(
    catalogue: Catalogue,
    scenarios: Sequence[Scenario],
    proved: Mapping[str, Iterable[str]],
    capabilities: frozenset[str],
) -> list[Requirement]:
    """The verdict on each requirement; `proved` names what each variant proves, by its name."""
    said: dict[str, list[Said]] = {identity: [] for identity in catalogue.requirements}
    for scenario in scenarios:
        for identity, statement in _statements(scenario, proved[scenario.name]):
            said[identity].append(statement)
    return [
        _requirement(catalogue, area.title, identity.id, said[identity.id], capabilities)
        for area in catalogue.areas
        for identity in area.requirements
    ]


def _statements(scenario: Scenario, proved: Iterable[str]) -> Iterable[tuple[str, Said]]:
    blamed: dict[str, RequirementVerdict] = {}
    for finding in scenario.findings:
        for identity in finding.requirements:
            worse: RequirementVerdict = "flaky" if scenario.verdict == "flaky" else "fail"
            verdict = "inconclusive" if finding.inconclusive else worse
            blamed[identity] = _worst((blamed.get(identity, "not covered"), verdict))
    for identity, verdict in blamed.items():
        yield identity, Said(scenario.name, verdict)
    for identity in dict.fromkeys(proved):
        if identity in blamed:
            continue
        if scenario.verdict in ("fail", "flaky", "inconclusive"):
            reason = f"{scenario.name} failed before it could tell"
            yield identity, Said(scenario.name, "not covered", reason)
        else:
            yield identity, Said(scenario.name, scenario.verdict, scenario.reason)


def _requirement(
    catalogue: Catalogue,
    area: str,
    identity: str,
    said: list[Said],
    capabilities: frozenset[str],
) -> Requirement:
    requirement = catalogue.requirements[identity]
    verdict = _worst(statement.verdict for statement in said)
    reason = next((each.reason for each in said if each.verdict == verdict and each.reason), None)
    if verdict == "not covered" and said:
        verdict = "inconclusive"
    if verdict == "not covered" and requirement.capability not in (None, *capabilities):
        verdict, reason = "not applicable", f"the target has no capability {requirement.capability}"
    return Requirement(
        id=identity,
        area=area,
        level=requirement.level,
        text=requirement.text,
        source=requirement.source,
        verdict=verdict,
        reason=reason,
        scenarios=list(dict.fromkeys(statement.scenario for statement in said)),
    )


def _worst(verdicts: Iterable[RequirementVerdict]) -> RequirementVerdict:
    return min(verdicts, key=_WORST_FIRST.index, default="not covered")


def judge_run(
    scenarios: Sequence[Scenario], baseline: Sequence[BaselineEntry], *, interrupted: bool
) -> Judgement:
    """The run's verdict: a broken promise outweighs what could not be judged."""
    broken = [each for each in scenarios if each.verdict in ("fail", "flaky") and not excused(each)]
    stale = [entry for entry in baseline if entry.state == "passes now"]
    reasons: list[str] = []
    if broken:
        reasons.append(f"{count(len(broken), 'scenario')} failed")
    reasons += [
        f"the baseline says that {entry.scenario or entry.requirement} fails, but it passes now: "
        "take it off the list"
        for entry in stale
    ]
    undecided = [
        f"{count(number, 'scenario')} {words}"
        for verdict, words in (
            ("error", "could not be judged (error)"),
            ("inconclusive", "could not be judged: time ran out (inconclusive)"),
        )
        if (number := sum(each.verdict == verdict for each in scenarios))
    ]
    if interrupted:
        undecided.append("the run was interrupted")
    if broken or stale:
        return Judgement("not conformant", NOT_CONFORMANT, reasons + undecided)
    if undecided:
        return Judgement("undecided", HARNESS, undecided)
    return Judgement("conformant", CONFORMANT, [])
