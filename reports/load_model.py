"""`results.json` of a load run: the one true record, from which every report is made.

Its JSON Schema is published as `specs/load-results.schema.json`; :data:`SCHEMA_VERSION` rises when a
reader of the old form could be misled. Latencies are milliseconds, other durations seconds, points in
time RFC 3339 in UTC. A hop's histogram is the whole distribution in HdrHistogram's V2 compressed form
(base64, microseconds, three significant digits), so two runs can be compared, or added up, exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from .model import Node

SCHEMA_VERSION: Final = 1

LoadVerdict = Literal["within budget", "budget broken", "invalid"]


class LoadRun(Node, frozen=True):
    """What was run, where, when."""

    tool_version: str
    target: str
    embedded: bool
    """Whether the target was the reference server, started for this run."""
    budget: str
    title: str
    seed: int
    users: int
    devices: int
    """Connected devices, all users' together."""
    conversations: int
    processes: int
    """Processes of the generator."""
    rate: float
    """Messages per second; a shape multiplies it."""
    arrivals: Literal["poisson", "uniform"]
    shape: str
    warmup: float
    duration: float
    started_at: str
    seconds: float
    platform: str
    interrupted: bool = False


class Percentiles(Node, frozen=True):
    """A distribution in a few numbers."""

    mean: float
    p50: float
    p90: float
    p99: float
    p999: float
    max: float


class Point(Node, frozen=True, array_like=True):
    """A point of a percentile curve: so many percent took at most so long."""

    percentile: float
    ms: float


class HopResult(Node, frozen=True):
    """How long one hop took, from the planned moment and as a waiting tester would have seen it."""

    hop: str
    count: int
    corrected: Percentiles
    waiting: Percentiles
    curve: list[Point]
    """Of the corrected latencies."""
    histogram: str
    """Of the corrected latencies."""
    waiting_curve: list[Point] = msgspec.field(default_factory=list)
    """Of those that a waiting tester would have seen."""


class Check(Node, frozen=True):
    """One line of the budget, and what was measured."""

    name: str
    """``send_to_sent p99``, ``lost``, …"""
    limit: float
    measured: float
    unit: Literal["ms", "", "ratio"]
    passed: bool

    @property
    def is_empty(self) -> bool:
        """Whether nothing came that could be measured."""
        return self.unit == "ms" and not self.measured and not self.passed


class Second(Node, frozen=True):
    """One second of the run, warm-up included (then without latencies)."""

    t: int
    """Seconds from the beginning of the warm-up to the end of this one."""
    planned: int
    sent: int
    verified: int
    failed: int
    in_flight: int
    lag_p99: float | None
    hops: dict[str, list[float]]
    """By hop: p50, p99 and the maximum."""


class GeneratorResult(Node, frozen=True):
    """What the generator says of itself."""

    lag_p50: float
    lag_p99: float
    lag_max: float
    cpu_seconds: float
    """Of all processes that carry users, from the beginning of the warm-up to the last answer."""
    cpu_us_per_message: float
    """For each message verified, in the measured time alone: without what comes before and after it."""
    reading_back_cpu_seconds: float = 0.0
    """For comparing the history with what was sent, at the end."""
    lag_limit: float | None = None
    """Above which p99 of the lag a run is invalid."""


class CapacityStep(Node, frozen=True):
    """One run of a search for the capacity."""

    rate: float
    """Messages per second."""
    verdict: LoadVerdict
    reason: str | None
    first_broken: str | None
    """The first line of the budget that was not kept."""


class Capacity(Node, frozen=True):
    """Between which rates the budget breaks."""

    kept: float | None
    """The highest rate that kept it; none if none did."""
    broken: float | None
    """The lowest rate that broke it; none if none did."""
    broke_first: str | None
    """Which line of the budget broke there."""
    steps: list[CapacityStep]
    """Every run, in order."""
    ended_by: str | None = None
    """Why the search ended before the range was narrow: what made its last run invalid."""


class LoadCounts(Node, frozen=True):
    """What happened, in numbers, the warm-up included."""

    planned: int
    sent: int
    failed: int
    verified: int
    deliveries: int
    dropped: int
    unanswered: int
    lost: int
    duplicated: int
    reordered: int
    history_mismatch: int
    disconnected: int
    asset_mismatch: int = 0
    status_mismatch: int = 0


class LoadResults(Node, frozen=True):
    """The document."""

    schema_version: Literal[1]
    kind: Literal["load"]
    run: LoadRun
    verdict: LoadVerdict
    exit_status: Literal[0, 1, 3]
    reasons: list[str]
    """Why the verdict is what it is, a sentence each; empty within budget."""
    checks: list[Check]
    hops: list[HopResult]
    counts: LoadCounts
    generator: GeneratorResult
    seconds: list[Second]
    causes: dict[str, int] = msgspec.field(default_factory=dict)
    """Why sends and calls failed, and how often: a code of the API, an HTTP status with it, or none came."""
    capacity: Capacity | None = None
    """With ``--find-capacity``: the range; the rest is the run at its lower end."""

    @property
    def headline(self) -> str:
        """Why the verdict is what it is, in one line."""
        return next(iter(self.reasons), self.verdict)


def told_causes(causes: Mapping[str, int]) -> str:
    """``40 × rate_limited, 2 × 503 unavailable``."""
    return ", ".join(f"{times} × {cause}" for cause, times in causes.items())


def schema() -> Any:
    """The document's JSON Schema (2020-12)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "msgcheck load results",
        **msgspec.json.schema(LoadResults),
    }


def encode(results: LoadResults) -> bytes:
    """The document as it is written to `results.json`."""
    return msgspec.json.format(msgspec.json.encode(results), indent=2) + b"\n"


def load(file: Path) -> LoadResults:
    """Read a document. Raises `OSError`, or `msgspec.DecodeError` if it is none."""
    return msgspec.json.decode(file.read_bytes(), type=LoadResults)
