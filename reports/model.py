"""`results.json`: the one true record of a run.

Every report is made from this document and from nothing else. Its JSON Schema is published as
`specs/results.schema.json`; :data:`SCHEMA_VERSION` rises when a reader of the old form could be
misled. Positions count from 1, durations and times `t` are seconds, points in time RFC 3339 in UTC.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

SCHEMA_VERSION: Final = 1

Json = Any

ScenarioVerdict = Literal["pass", "fail", "flaky", "not applicable", "inconclusive", "error"]
RequirementVerdict = Literal[
    "pass", "fail", "flaky", "not applicable", "inconclusive", "error", "not covered"
]
RunVerdict = Literal["conformant", "not conformant", "undecided"]

SCENARIO_VERDICTS: tuple[ScenarioVerdict, ...] = (
    "pass",
    "fail",
    "flaky",
    "not applicable",
    "inconclusive",
    "error",
)


class Node(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What every part of the document is."""


class Place(Node, frozen=True):
    """A place in a scenario file."""

    file: str
    line: int
    column: int


class TimelineEntry(Node, frozen=True):
    """Something on the wire: which lane (``bob.phone``), which way, and what in one line."""

    t: float
    """Seconds since the scenario began."""
    lane: str
    direction: Literal["out", "in"]
    label: str
    n: int = 0
    """Its place in what happened in the scenario; the same event has the same in each timeline."""
    kind: str = "frame"
    """``frame``, ``request``, ``response``, ``handshake``, ``open``, ``close``, ``cut``, ``freeze`` …"""
    guilty: bool = False
    """This is what the finding is about."""
    content: Json = None
    """The frame, request or answer itself, shortened if it is long, its secrets masked."""


class Repeat(Node, frozen=True):
    """How to see it again."""

    command: str
    requests: list[str] = []
    """The HTTP requests of the step, for a shell; the token goes into ``$TOKEN``."""


class Mismatch(Node, frozen=True):
    """One place where what came is not as expected."""

    pointer: str
    """An RFC 6901 pointer into what came; empty: the whole of it."""
    expected: str
    got: str


class Finding(Node, frozen=True):
    """One promise broken, or one step that did not go as it must, with its evidence."""

    kind: Literal["step", "setup", "checker"]
    requirements: Annotated[list[str], Meta(min_length=1)]
    message: str
    repeat: Repeat
    checker: str | None = None
    """The name of the checker that found it, for the kind `checker`."""
    place: Place | None = None
    step: str | None = None
    """The step as it was written, on one line."""
    note: str | None = None
    """The author's note on the step."""
    expected: str | None = None
    got: str | None = None
    mismatches: list[Mismatch] = []
    """Where `got` is not as `expected`, if that can be told place by place."""
    inconclusive: bool = False
    """Time ran out without anybody's fault being shown: this proves nothing."""
    unanswered: bool = False
    """A request had no answer in time."""
    known: str | None = None
    """The baseline's reason, for a known failure."""
    timeline: list[TimelineEntry] = []
    """What is needed to see it, without contents, which the scenario's `trace` has."""


class Met(Node, frozen=True):
    """What the steps of a scenario met of the published contract; its set-up left out.

    Met, not proved: what it proves stands under `proves`.
    """

    answers: list[str] = []
    """``GET /v1.0/devices 200``: operations, by the path in openapi.yaml, and how they were answered."""
    frames: list[str] = []
    """``client send``, ``server sent``: the types of asyncapi.yaml, by who wrote them."""
    close_codes: list[int] = []
    """With which a connection ended, by either side."""
    error_codes: list[str] = []
    """In a problem document or a frame."""


class Scenario(Node, frozen=True):
    """One variant of a scenario, played or not."""

    name: str
    id: str
    title: str
    file: str
    proves: list[str]
    verdict: ScenarioVerdict
    reason: str | None = None
    """Why it is not applicable, inconclusive, flaky or an error."""
    advisory: bool = False
    """It failed, but broke only SHOULD requirements, and the run was not strict."""
    seconds: float = 0.0
    attempts: int = 0
    params: dict[str, Json] = {}
    findings: list[Finding] = []
    met: Met = Met()
    trace: list[TimelineEntry] = []
    """What happened on the wire, around the findings if it was much; only where there are findings."""
    left_out: int = 0
    """How many events the trace does not hold."""
    source: str | None = None
    """The scenario as it is written; only where there are findings."""


class Requirement(Node, frozen=True):
    """One requirement of the contract, and what the run says of it."""

    id: str
    area: str
    level: Literal["MUST", "SHOULD"]
    text: str
    source: str
    verdict: RequirementVerdict
    reason: str | None = None
    scenarios: list[str] = []
    """The variants that spoke of it."""


class BaselineEntry(Node, frozen=True):
    """A known failure, and whether it still is one."""

    reason: str
    state: Literal["fails", "passes now", "not played"]
    scenario: str | None = None
    requirement: str | None = None


class Run(Node, frozen=True):
    """What was run, where, when."""

    tool_version: str
    target: str
    embedded: bool
    """Whether the target was the reference server, started for this run."""
    adapter: str
    capabilities: list[str]
    seed: int
    jobs: int
    strict: bool
    started_at: str
    seconds: float
    platform: str
    selection: list[str] = []
    """Selectors, and ``-k EXPR``; empty: everything was to be played."""
    interrupted: bool = False
    faults: list[str] = []
    """The reference server's faults for this run (`msgcheck run --fault`)."""


class Totals(Node, frozen=True):
    """How many of each verdict."""

    scenarios: dict[str, int]
    requirements: dict[str, int]


class Results(Node, frozen=True):
    """The document."""

    schema_version: Literal[1]
    run: Run
    verdict: RunVerdict
    exit_status: Literal[0, 1, 3]
    reasons: list[str]
    """Why the verdict is what it is, a sentence each; empty for a conformant target."""
    totals: Totals
    requirements: list[Requirement]
    scenarios: list[Scenario]
    baseline: list[BaselineEntry] = []


def schema() -> Json:
    """The document's JSON Schema (2020-12)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "msgcheck results",
        **msgspec.json.schema(Results),
    }


def encode(results: Results) -> bytes:
    """The document as it is written to `results.json`."""
    return msgspec.json.format(msgspec.json.encode(results), indent=2) + b"\n"
