"""`mutants.json` of `msgcheck mutants`: the kill matrix, and what it says of the suite.

Its JSON Schema is published as `specs/mutants.schema.json` (``python -m conformance.schema``). Durations
are seconds.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from .model import Node

SCHEMA_VERSION: Final = 1

Scope = Literal["suite", "proving"]
"""What a fault is played against: everything chosen, or of that what proves a requirement that it breaks."""


class Kill(Node, frozen=True):
    """That a scenario caught a fault: by an assertion (`place` is its step) or by a checker."""

    scenario: str
    """The variant's name."""
    by: Literal["assertion", "checker"]
    requirements: list[str]
    """Those that it blamed and the fault breaks."""
    message: str
    checker: str | None = None
    place: str | None = None
    """``file:line``."""


class Trial(Node, frozen=True):
    """The suite against one fault."""

    fault: str
    breaks: list[str]
    shows: str
    verdict: Literal["killed", "survived", "not played"]
    kills: list[Kill] = msgspec.field(default_factory=list)
    bystanders: list[str] = msgspec.field(default_factory=list)
    """Variants that failed, but not by an assertion or checker of what the fault breaks."""
    reason: str | None = None
    """Why it was not played."""
    seconds: float = 0.0


class Alarm(Node, frozen=True):
    """A scenario that accused the healthy server."""

    scenario: str
    message: str


class Control(Node, frozen=True):
    """The suite against the healthy server, under the same conditions."""

    scenarios: int
    false_alarms: list[Alarm] = msgspec.field(default_factory=list)
    unjudged: list[str] = msgspec.field(default_factory=list)
    """Variants that came to no verdict."""
    seconds: float = 0.0


class Row(Node, frozen=True):
    """A scenario and the faults that it caught."""

    scenario: str
    kills: list[str] = msgspec.field(default_factory=list)


class Bar(Node, frozen=True):
    """What the suite must reach; `met` is None where this run was too small to tell."""

    name: str
    met: bool | None
    missing: list[str] = msgspec.field(default_factory=list)
    """What keeps it from being met."""


class Promise(Node, frozen=True):
    """A requirement of the contract, as faults break it."""

    id: str
    area: str
    level: Literal["MUST", "SHOULD"]
    text: str


class Matrix(Node, frozen=True):
    """The document."""

    schema_version: Literal[1]
    kind: Literal["mutants"]
    tool_version: str
    seed: int
    scope: Scope
    selection: list[str]
    killed: int
    faults: int
    """Faults played."""
    false_alarms: int
    control: Control
    requirements: list[Promise]
    """Every requirement of the contract, in its order."""
    trials: list[Trial]
    scenarios: list[Row]
    bars: list[Bar]
    exit_status: Literal[0, 1, 3]
    seconds: float


def schema() -> Any:
    """The document's JSON Schema (2020-12)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "msgcheck mutants",
        **msgspec.json.schema(Matrix),
    }


def encode(matrix: Matrix) -> bytes:
    """The document as it is written."""
    return msgspec.json.format(msgspec.json.encode(matrix), indent=2) + b"\n"
