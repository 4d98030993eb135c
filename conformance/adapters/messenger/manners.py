"""Promises that every answer and every frame of a run must keep, whatever the scenario asks.

A pure function over the raw events: a server error is never right (but 503 `unavailable` is), and a
frame is an object with a `type`. What else answers and frames must be is the `schema` checker's.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...checkers.base import Violation
from ...history import History, Wire
from ..base import Json


def check(history: History) -> Iterator[Violation]:
    """Every breach of manners in `history`, the first of each kind on each lane."""
    seen: set[tuple[str, str, str]] = set()
    for event in history:
        if isinstance(event, Wire) and event.direction == "in":
            for violation in _judge(event):
                kind = violation.message.partition(":")[0]
                key = (event.lane, violation.requirement, kind)
                if key not in seen:
                    seen.add(key)
                    yield violation


def _judge(event: Wire) -> Iterator[Violation]:
    if event.kind == "response":
        yield from _judge_response(event)
    elif event.kind == "frame":
        yield from _judge_frame(event)


def _judge_response(event: Wire) -> Iterator[Violation]:
    status = event.content["status"]
    if status < 500 or (status == 503 and _code(event.content["body"]) == "unavailable"):
        return
    message = (
        f"A request of {event.lane} was answered with a server error: {event.label}. Whatever is "
        "asked, the server must refuse it with a code of its own, and go on."
    )
    for requirement in ("SEC-4", "ERR-1"):
        yield Violation(
            requirement=requirement,
            message=message,
            events=(event.content["request"], event.n),
        )


def _judge_frame(event: Wire) -> Iterator[Violation]:
    if not isinstance(event.content.get("type"), str):
        yield Violation(
            requirement="ERR-1",
            message=f"{event.lane} received something that is no frame: not a JSON object with a "
            "string `type` in a text message.",
            events=(event.n,),
        )


def _code(body: Json) -> Json:
    return body.get("code") if isinstance(body, dict) else None
