"""A play as the results document shows it: each finding with its place, its timeline, its repetition."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Sequence
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
from .loader import Variant
from .model import Step
from .problems import shown
from .resources import SCENARIOS
from .values import Path

Json = Any

LAST = 12
"""Events of the timeline before a failed step."""
AROUND = 4
"""Events of the timeline before and behind each guilty event of a checker."""
LONGEST = 24
"""Events of a timeline at most."""
STEP_LENGTH = 300
REQUESTS = 3


class Repetition(Struct, frozen=True, kw_only=True):
    """How a run is repeated: its seed, and its target if it was not the reference server."""

    seed: int
    target: str | None

    def command(self, variant: Variant) -> str:
        """The command that plays this variant again."""
        published = variant.file.resolve().is_relative_to(SCENARIOS)
        selector = variant.name if published else shown(variant.file)
        words = ["msgcheck", "run", selector, "--seed", str(self.seed)]
        if self.target is not None:
            words += ["--target", self.target]
        return shlex.join(words)


def recorded(
    variant: Variant,
    verdict: ScenarioVerdict,
    *,
    reason: str | None = None,
    plays: Sequence[Played] = (),
    findings: list[ReportedFinding] | None = None,
    advisory: bool = False,
) -> report.Scenario:
    """A variant with its verdict, as the document has it."""
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
        findings=findings or [],
    )


def reported(played: Played, adapter: Adapter, repetition: Repetition) -> list[ReportedFinding]:
    """What a play found, with its evidence."""
    return [_finding(finding, played, adapter, repetition) for finding in played.findings]


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
        inconclusive=finding.inconclusive,
        timeline=_timeline(finding, played.history),
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


def _timeline(finding: Finding, history: History) -> list[report.TimelineEntry]:
    wires = [event for event in history if isinstance(event, Wire) and not event.hidden]
    guilty = {_raw(history, position) for position in finding.events}
    if finding.kind == "checker" and guilty:
        chosen = _around(wires, guilty)
    else:
        before = [wire for wire in wires if wire.n < finding.until]
        chosen = [
            wire for wire in before if wire.n in guilty and wire not in before[-LAST:]
        ] + before[-LAST:]
    return [
        report.TimelineEntry(
            t=round(wire.t, 4),
            lane=wire.lane,
            direction=wire.direction,
            label=wire.label,
            guilty=wire.n in guilty,
            content=wire.content,
        )
        for wire in chosen
    ]


def _raw(history: History, position: int) -> int:
    event = history[position]
    return event.raw if event.raw is not None else event.n


def _around(wires: Sequence[Wire], guilty: Iterable[int]) -> list[Wire]:
    """The guilty events with their neighbours; all of the guilty ones before any neighbour."""
    positions = {wire.n: index for index, wire in enumerate(wires)}
    centres = [positions[n] for n in sorted(guilty) if n in positions][:LONGEST]
    chosen = set(centres)
    for distance in range(1, AROUND + 1):
        for centre in centres:
            for index in (centre - distance, centre + distance):
                if 0 <= index < len(wires) and len(chosen) < LONGEST:
                    chosen.add(index)
    return [wires[index] for index in sorted(chosen)]


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
