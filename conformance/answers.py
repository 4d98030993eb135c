"""What a step says about its verb's answer (`match`, `fails`, `response`), and where on the wire that is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import UNSET

from .adapters.base import Refusal
from .findings import StepFailed, rendered
from .history import Event, Wire
from .language.step import Step
from .matching import Mismatch, match
from .values import resolve

Json = Any


def judge_answer(step: Step, answer: Json, scope: Mapping[str, Json]) -> None:
    """The verb succeeded. Raises `StepFailed` if it should not have, or not with this answer."""
    if step.fails is not UNSET:
        expected = resolve(step.fails, scope)
        raise StepFailed(
            "it succeeded, although it must be refused",
            expected=f"refused with {_pattern(expected)}",
            got=f"success: {rendered(answer)}",
        )
    for pattern in (step.match, step.response):
        if pattern is not UNSET:
            _compare(resolve(pattern, scope), answer, "the answer is not as expected")


def judge_refusal(step: Step, refusal: Refusal, scope: Mapping[str, Json]) -> None:
    """The verb was refused. Raises `StepFailed` unless the step expects just that."""
    if step.fails is UNSET:
        raise StepFailed(
            f"it was refused with {told(refusal)}",
            expected="success",
            got=rendered(refusal.body),
        )
    if refusal.flaw is not None:
        raise StepFailed(
            f"it was refused, but the refusal is no problem document of the API: {refusal.flaw}",
            expected="application/problem+json with a `code`",
            got=f"status {refusal.status}: {rendered(refusal.body)}",
            requirements=("ERR-1",),
        )
    expected = resolve(step.fails, scope)
    pattern = {"code": expected} if isinstance(expected, str) else expected
    _compare(pattern, refusal.body, f"it was refused differently: {told(refusal)}")


def told(refusal: Refusal) -> str:
    """A refusal in a few words: ``404 unknown_conversation: …``."""
    body = refusal.body if isinstance(refusal.body, Mapping) else {}
    status = f"{refusal.status} " if refusal.status is not None else ""
    detail = body.get("detail")
    return f"{status}{refusal.code or '(no code)'}" + (f": {detail}" if detail else "")


def answer_to(step: Step | None, events: Iterable[Event]) -> tuple[int, ...]:
    """The HTTP answer that a step was judged by, among the events since it began; none if that is not sure.

    It is the last one of the step's actor. Where the actor does several things at once (`together`), its
    requests and answers do not take turns, and nothing is blamed rather than the wrong one.
    """
    if step is None or step.as_ is UNSET:
        return ()
    actor = step.as_.partition(".")[0]
    calls = [
        event
        for event in events
        if isinstance(event, Wire)
        and not event.hidden
        and event.lane.partition(".")[0] == actor
        and event.kind in ("request", "response")
    ]
    turns = ["request", "response"] * (len(calls) // 2)
    return (calls[-1].n,) if calls and [each.kind for each in calls] == turns else ()


def carrying(value: Json, events: Iterable[Event]) -> tuple[int, ...]:
    """The frame that a saved value came in: the last one with just that content."""
    if not isinstance(value, Mapping):
        return ()
    found = [
        event.n
        for event in events
        if isinstance(event, Wire)
        and not event.hidden
        and event.kind == "frame"
        and event.direction == "in"
        and event.content == value
    ]
    return tuple(found[-1:])


def _compare(pattern: Json, value: Json, message: str) -> None:
    mismatches = match(pattern, value)
    if mismatches:
        raise StepFailed(
            f"{message}: {_listed(mismatches)}",
            expected=rendered(pattern),
            got=rendered(value),
            mismatches=mismatches,
        )


def _listed(mismatches: list[Mismatch]) -> str:
    told_of = "; ".join(str(mismatch) for mismatch in mismatches[:4])
    more = len(mismatches) - 4
    return f"{told_of}; and {more} more" if more > 0 else told_of


def _pattern(expected: Json) -> str:
    return f"`{expected}`" if isinstance(expected, str) else rendered(expected)
