"""What of the published contract a run met: which operations, frames and codes came up on the wire.

A pure function over the raw events, beside `manners` and the `schema` checker. It says that something
happened, never that it was right, and it leaves out the engine's own traffic. A path is known by its
template in ``openapi.yaml``; what the contract does not have is not counted, except in error codes,
where whoever counts against the catalogue passes over what is not there.
"""

from __future__ import annotations

from collections.abc import Iterator

from reports.model import Met

from ...contract import Contract, published
from ...history import History, Wire
from ..base import CUT, Json

_WRITERS = {"out": "client", "in": "server"}
_UPGRADE = ("GET", "/v1.0/chat")


def met(history: History, since: int) -> Met:
    """What came up from position `since` on, each thing once, in alphabetical order."""
    contract = published()
    answers: set[str] = set()
    frames: set[str] = set()
    close_codes: set[int] = set()
    error_codes: set[str] = set()
    for event in _shown(history, since):
        if event.kind == "frame" and (kind := _text(event.content, "type")):
            frames.add(f"{_WRITERS[event.direction]} {kind}")
        elif event.kind == "close" and event.direction == "in" and event.content["code"] != CUT:
            close_codes.add(event.content["code"])
        answers.update(_answered(contract, history, event))
        if code := _error_code(event):
            error_codes.add(code)
    return Met(
        answers=sorted(answers),
        frames=sorted(frames),
        close_codes=sorted(close_codes),
        error_codes=sorted(error_codes),
    )


def _shown(history: History, since: int) -> Iterator[Wire]:
    for event in history:
        if event.n >= since and isinstance(event, Wire) and not event.hidden:
            yield event


def _answered(contract: Contract, history: History, event: Wire) -> Iterator[str]:
    if event.kind == "response":
        asked = history[event.content["request"]]
        assert isinstance(asked, Wire)
        yield from _named(contract, asked.content["method"], asked.content["path"], event)
    elif event.kind in ("open", "refused"):
        yield from _named(contract, *_UPGRADE, event)


def _named(contract: Contract, method: str, target: str, event: Wire) -> Iterator[str]:
    found = contract.find(method, target)
    if found is not None:
        status = 101 if event.kind == "open" else event.content["status"]
        yield f"{found.operation.name} {status}"


def _error_code(event: Wire) -> str | None:
    """The code with which the server refused something, if that is what the event is."""
    if event.direction == "out":
        return None
    match event.kind:
        case "response":
            return _text(event.content["body"], "code") if event.content["status"] >= 400 else None
        case "refused":
            return _text(event.content, "code")
        case "frame" if isinstance(event.content, dict):
            return _text(event.content.get("error"), "code")
        case _:
            return None


def _text(value: Json, member: str) -> str | None:
    """A member of an object, if it is one and the member a text."""
    found = value.get(member) if isinstance(value, dict) else None
    return found if isinstance(found, str) else None
