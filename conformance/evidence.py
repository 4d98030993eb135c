"""A play as the results document shows it.

Each finding has its place, its timeline and its repetition; the scenario has its source, and a trace of
what happened.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, Struct

from reports import model as report
from reports.model import Finding as ReportedFinding
from reports.model import ScenarioVerdict

from .adapters.base import Adapter
from .engine import Played
from .findings import Finding
from .history import History, Wire
from .language.step import Step
from .loader import Variant
from .problems import shown
from .selection import selector_of
from .trace import Excerpt, excerpt, trace
from .values import Path

Json = Any

STEP_LENGTH = 300
REQUESTS = 3
MISMATCHES = 20
SOURCE_LENGTH = 20_000


class Evidence(Struct, frozen=True, kw_only=True):
    """What a play has to show."""

    findings: list[ReportedFinding] = []
    trace: Excerpt = Excerpt()

    def with_findings(self, more: list[ReportedFinding]) -> Evidence:
        """The same trace, and what was found in it later."""
        return Evidence(findings=[*self.findings, *more], trace=self.trace)


class Repetition(Struct, frozen=True, kw_only=True):
    """How a run is repeated: its seed, and its target if it was not the reference server, or a faulty one."""

    seed: int
    target: str | None
    faults: Sequence[str] = ()
    outages: Mapping[str, str] = {}
    """The commands that take the target away, by the need of a scenario: without its own it would not be
    applicable."""

    @property
    def options(self) -> list[str]:
        """The options that bring the same conditions about."""
        target = [] if self.target is None else ["--target", self.target]
        faults = [word for name in self.faults for word in ("--fault", name)]
        return ["--seed", str(self.seed), *target, *faults]

    def command(self, variant: Variant) -> str:
        """The command that plays this variant again."""
        outages = [
            word
            for need, command in self.outages.items()
            if need in variant.scenario.needs
            for word in (f"--{need}-command", command)
        ]
        return shlex.join(["msgcheck", "run", selector_of(variant), *self.options, *outages])


def recorded(
    variant: Variant,
    verdict: ScenarioVerdict,
    *,
    reason: str | None = None,
    plays: Sequence[Played] = (),
    evidence: Evidence | None = None,
    advisory: bool = False,
) -> report.Scenario:
    """A variant with its verdict, as the document has it."""
    shows = evidence or Evidence()
    return report.Scenario(
        name=variant.name,
        id=variant.scenario.id,
        title=variant.scenario.title,
        file=shown(variant.file),
        proves=list(variant.scenario.proves),
        params=variant.params,
        verdict=verdict,
        reason=reason,
        advisory=advisory,
        seconds=round(sum(played.seconds for played in plays), 3),
        attempts=len(plays),
        findings=shows.findings,
        trace=shows.trace.entries,
        left_out=shows.trace.left_out,
        source=_source(variant) if shows.findings else None,
        met=plays[-1].met if plays else report.Met(),
    )


def reported(played: Played, adapter: Adapter, repetition: Repetition) -> Evidence:
    """What a play found, with its evidence."""
    if not played.findings:
        return Evidence()
    return Evidence(
        findings=[_finding(finding, played, adapter, repetition) for finding in played.findings],
        trace=trace(played.findings, played.history),
    )


def _source(variant: Variant) -> str | None:
    """The scenario as written; None if its file is gone since, or is no page to read."""
    try:
        text = variant.file.read_text("utf-8")
    except OSError:
        return None
    return text if len(text) <= SOURCE_LENGTH else None


def _finding(
    finding: Finding, played: Played, adapter: Adapter, repetition: Repetition
) -> ReportedFinding:
    variant = played.variant
    step = step_at(variant, finding.path) if finding.path else None
    return ReportedFinding(
        kind=finding.kind,
        requirements=list(finding.requirements),
        message=finding.message,
        place=_place(variant, finding),
        step=_on_one_line(step) if step else None,
        note=step.note if step and step.note is not UNSET else None,
        expected=finding.expected,
        got=finding.got,
        mismatches=[
            report.Mismatch(pointer=each.pointer, expected=each.expected, got=each.got)
            for each in finding.mismatches[:MISMATCHES]
        ],
        inconclusive=finding.inconclusive,
        unanswered=finding.unanswered,
        checker=finding.checker,
        timeline=excerpt(finding, played.history),
        repeat=report.Repeat(
            command=repetition.command(variant),
            requests=_requests(finding, step, played.history, adapter),
        ),
    )


def _place(variant: Variant, finding: Finding) -> report.Place | None:
    path: Path = finding.path or (("check",) if finding.kind == "checker" else ())
    place = variant.place(path)
    return report.Place(file=shown(variant.file), line=place.line, column=place.column)


def step_at(variant: Variant, path: Path) -> Step:
    """The step at a path of the scenario."""
    found: Any = variant.scenario
    for part in path:
        found = found[part] if isinstance(part, int) else getattr(found, part)
    assert isinstance(found, Step)
    return found


def _on_one_line(step: Step) -> str:
    plain = msgspec.to_builtins(step)
    plain.pop("note", None)
    text = json.dumps(plain, ensure_ascii=False)
    return text if len(text) <= STEP_LENGTH else f"{text[:STEP_LENGTH]}…"


def _requests(finding: Finding, step: Step | None, history: History, adapter: Adapter) -> list[str]:
    if step is None or (step.as_ is UNSET and step.request is UNSET):
        return []
    lanes = {"nobody"} if step.as_ is UNSET else {step.as_, step.as_.partition(".")[0]}
    repeated = (
        adapter.repeat_by_hand(event.n, history)
        for event in list(history)[finding.since : finding.until]
        if isinstance(event, Wire)
        and not event.hidden
        and (event.lane in lanes or event.lane.partition(".")[0] in lanes)
    )
    return [command for command in repeated if command is not None][-REQUESTS:]
