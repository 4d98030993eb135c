"""What the playing of a scenario can find: a step that failed, a promise that a checker saw broken.

Raised inside the engine as :class:`StepFailed`, and kept as :class:`Finding`. A :class:`ScenarioFault`
is no finding: the scenario (or this program) is wrong, and nobody else is to be blamed. Neither is
:class:`NotShown`: what the scenario is about did not come up.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Literal

from msgspec import Struct

from .matching import Mismatch
from .values import Path

Json = Any
Kind = Literal["step", "setup", "checker"]

_LONG = 1200


class Finding(Struct, frozen=True, kw_only=True):
    """One promise broken, or one step that did not go as it must."""

    kind: Kind
    requirements: tuple[str, ...]
    message: str
    path: Path | None = None
    """The step, as a path into the scenario."""
    expected: str | None = None
    got: str | None = None
    mismatches: tuple[Mismatch, ...] = ()
    """Where `got` is not as `expected`, if that can be told place by place."""
    events: tuple[int, ...] = ()
    """Positions in the history of the guilty events."""
    since: int = 0
    """The position in the history at which the step began."""
    until: int = 0
    """The position in the history at which it was found."""
    inconclusive: bool = False
    """Time ran out without anybody's fault being shown: this proves nothing."""
    unanswered: bool = False
    """A request had no answer in time: something is wrong, and not by an assertion."""
    checker: str | None = None
    """The name of the checker that found it."""


class StepFailed(Exception):
    """The step at hand did not go as it must.

    `requirements` are what is broken, where that is known better than by what the step proves.
    `impatient` tells that it failed by waiting in vain, `unanswered` that it was for an answer; `overload`,
    what showed that the host was overloaded meanwhile, where that was looked at already.
    """

    def __init__(
        self,
        message: str,
        *,
        expected: str | None = None,
        got: str | None = None,
        requirements: tuple[str, ...] = (),
        mismatches: Iterable[Mismatch] = (),
        events: tuple[int, ...] = (),
        impatient: bool = False,
        overload: str | None = None,
        unanswered: bool = False,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.expected = expected
        self.got = got
        self.requirements = requirements
        self.mismatches = tuple(mismatches)
        self.events = events
        self.impatient = impatient
        self.overload = overload
        self.unanswered = unanswered


class TooLate(StepFailed):
    """More time has passed than the scenario had: nothing is shown, and nobody is to blame."""


class NotShown(Exception):
    """The target did nothing that the scenario could judge: it is not applicable. The text says why."""


class ScenarioFault(Exception):
    """The scenario cannot be played as it is written. The text says what to change."""


def rendered(value: Json) -> str:
    """A value as text for people: JSON, shortened."""
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= _LONG else f"{text[:_LONG]}…"
