"""Known failures, each with a reason, so that a run can be green while they are being mended.

A baseline is a YAML list: ``- {scenario: status.delivered-then-read, reason: "…"}``, or ``requirement``
instead of ``scenario``. A scenario's id stands for all its variants. What it covers does not make a run
fail; but an entry whose scenario or requirement passes now does, so that the list cannot rot.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from reports.model import BaselineEntry, Finding, Requirement, Scenario

from .decoding import complaints, convert
from .positions import Document, read
from .problems import BadInput, Problem, unknown


class Entry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One known failure."""

    reason: str
    scenario: str | None = None
    requirement: str | None = None


Baseline = tuple[Entry, ...]


def load_baseline(
    file: Path, scenarios: Iterable[tuple[str, str]], requirements: Iterable[str]
) -> Baseline:
    """Read a baseline; `scenarios` are ids and names of all variants. Raises `BadInput`."""
    document = read(file)
    entries: Baseline = ()
    problems = list(document.problems)
    if not problems:
        problems = [each.problem(document) for each in complaints(list[Entry], document.value)]
        entries = () if problems else tuple(convert(document.value, list[Entry]))
    known = dict.fromkeys(name for pair in scenarios for name in pair)
    problems += _mistakes(document, entries, list(known), list(requirements))
    if problems:
        raise BadInput("\n".join(map(str, problems)))
    return entries


def _mistakes(
    document: Document, entries: Baseline, scenarios: list[str], requirements: list[str]
) -> Iterator[Problem]:
    for number, entry in enumerate(entries):
        named = [
            (key, name, known)
            for key, name, known in (
                ("scenario", entry.scenario, scenarios),
                ("requirement", entry.requirement, requirements),
            )
            if name is not None
        ]
        if len(named) != 1:
            message = "an entry has either a `scenario` or a `requirement`"
            yield document.problem((number,), message)
            continue
        ((key, name, known),) = named
        if name not in known:
            yield document.problem((number, key), unknown(key, name, known))
        if not entry.reason.strip():
            yield document.problem((number, "reason"), "say why this failure is known")
        if name in {each.scenario or each.requirement for each in entries[:number]}:
            yield document.problem((number, key), f"`{name}` stands in the list already")


def excuse(scenario: Scenario, baseline: Baseline) -> Scenario:
    """The scenario with the findings that the baseline knows marked as known."""
    findings = [
        msgspec.structs.replace(finding, known=_reason(scenario, finding, baseline))
        for finding in scenario.findings
    ]
    return msgspec.structs.replace(scenario, findings=findings)


def _reason(scenario: Scenario, finding: Finding, baseline: Baseline) -> str | None:
    for entry in baseline:
        if entry.scenario in (scenario.id, scenario.name):
            return entry.reason
    reasons = {entry.requirement: entry.reason for entry in baseline if entry.requirement}
    if all(identity in reasons for identity in finding.requirements):
        return reasons[finding.requirements[0]]
    return None


def states(
    baseline: Baseline, scenarios: Sequence[Scenario], requirements: Sequence[Requirement]
) -> list[BaselineEntry]:
    """Each entry with what this run says of it."""
    return [
        BaselineEntry(
            reason=entry.reason,
            scenario=entry.scenario,
            requirement=entry.requirement,
            state=_state(_verdicts(entry, scenarios, requirements)),
        )
        for entry in baseline
    ]


def _verdicts(
    entry: Entry, scenarios: Sequence[Scenario], requirements: Sequence[Requirement]
) -> set[str]:
    if entry.scenario is not None:
        return {each.verdict for each in scenarios if entry.scenario in (each.id, each.name)}
    return {each.verdict for each in requirements if each.id == entry.requirement}


def _state(verdicts: set[str]) -> Literal["fails", "passes now", "not played"]:
    if verdicts & {"fail", "flaky"}:
        return "fails"
    return "passes now" if "pass" in verdicts else "not played"
