"""Every answer and every frame is as published (ERR-1).

Unlike its neighbours it reads the raw events and knows one protocol: it holds what the server wrote
against the contract, ``openapi.yaml`` and ``asyncapi.yaml``. It judges every run, named or not.

It accuses nobody of what the contract leaves open: members, frame types and paths that it does not know
are a server's own; one without a capability answers its operations as paths that are not there; an id in
a path that is none may be refused by any layer, and so may a request that is too much for it.
A server error is not its business: that one is never right, published or not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..contract import Contract, Deviation, Found, published
from ..history import History, Wire
from .base import Violation
from .findings import Findings

PROBLEM = "application/problem+json"
TOO_MUCH = frozenset({408, 414, 431})
"""Statuses with which HTTP servers and proxies refuse what is too slow or too long for them."""
HTTP_LAYER = TOO_MUCH | {400}
"""Those with which they refuse what they do not understand; without a problem document."""
ABSENT = frozenset({401, 404, 405})
"""How an operation of a capability is answered where it is not offered."""
SHOWN = 3
"""Deviations that a complaint lists."""


def check(history: History) -> Iterable[Violation]:
    """Every answer and frame that is not as published, the first of each kind on each lane."""
    findings = Findings()
    contract = published()
    for event in history:
        if not isinstance(event, Wire) or event.direction != "in":
            continue
        if event.kind == "frame":
            _judge_frame(contract, event, findings)
        elif event.kind == "response":
            _judge_response(contract, history, event, findings)
    return findings.violations()


def _judge_frame(contract: Contract, event: Wire, findings: Findings) -> None:
    kind = event.content.get("type") if isinstance(event.content, dict) else None
    shape = contract.frame(kind) if isinstance(kind, str) else None
    if shape is not None and (told := _told(shape.deviations(event.content))):
        findings.add(
            "ERR-1",
            f"{event.lane} received a `{kind}` frame that is not of its published shape; {told}",
            event,
            scope=(event.lane, kind),
        )


def _judge_response(contract: Contract, history: History, event: Wire, findings: Findings) -> None:
    asked = history[event.content["request"]]
    assert isinstance(asked, Wire)
    if asked.content["method"] == "HEAD":
        return  # its answer has no body, and the headers of another
    found = contract.find(asked.content["method"], asked.content["path"])
    for complaint in _complaints(contract, found, event):
        status = event.content["status"]
        findings.add(
            "ERR-1",
            f"A request of {event.lane} was answered, {event.label}, with {complaint}",
            asked,
            event,
            scope=(event.lane, found and found.operation.name, status),
        )


def _complaints(contract: Contract, found: Found | None, event: Wire) -> Iterator[str]:
    status, body, media_type = event.content["status"], event.content["body"], _media_type(event)
    if found is None or _may_be_elsewhere(found, status):
        if 400 <= status < 500 and status not in HTTP_LAYER:
            yield from _no_problem(contract, status, media_type, body)
        return
    answer = found.operation.answers.get(status)
    if answer is None:
        if status < 500 and status not in TOO_MUCH:
            codes = ", ".join(map(str, found.operation.answers))
            yield f"a status that {found.operation.name} does not have; it has {codes}."
        return
    known, shape = answer.of(media_type)
    if not known:
        published_types = " or ".join(answer.contents)
        yield f"the content type {media_type or '(none)'}; published is {published_types}."
    elif shape is not None and (told := _told(shape.deviations(body))):
        yield f"a body that is not of its published shape; {told}"


def _may_be_elsewhere(found: Found, status: int) -> bool:
    """Whether a refusal may be that of a path that the contract does not have."""
    if not 400 <= status < 500:
        return False
    return not found.well_addressed or (found.operation.capability is not None and status in ABSENT)


def _no_problem(contract: Contract, status: int, media_type: str, body: object) -> Iterator[str]:
    """What is wrong with a refusal of a request that the contract has no operation for."""
    if media_type != PROBLEM:
        yield f"the content type {media_type or '(none)'}; an error is {PROBLEM}."
    elif told := _told(contract.problem.deviations(body)):
        yield f"a problem document that is not of its published shape; {told}"
    elif isinstance(body, dict) and contract.statuses[body["code"]] != status:
        expected = contract.statuses[body["code"]]
        yield f"the code `{body['code']}`, which comes with status {expected}."


def _media_type(event: Wire) -> str:
    content_type: str = event.content["content_type"] or ""
    return content_type.partition(";")[0].strip().lower()


def _told(deviations: Iterable[Deviation]) -> str:
    """The first deviations in words; empty if there are none."""
    found = [str(each) for each in deviations]
    more = f" (and {len(found) - SHOWN} more)" if len(found) > SHOWN else ""
    return "; ".join(found[:SHOWN]) + more + "." if found else ""
