"""What happened on the wire, chosen and shortened for the record.

A finding has an excerpt: the guilty events with their neighbours, one line each. A scenario with
findings has a trace: all events, or those nearest to its findings, with what they carried. Both are
bounded, whatever a server sends: in events, in the length of a line, in the bytes of a content. Tokens
and passwords stay out of the record, because a report is passed on.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from reports.model import TimelineEntry

from .findings import Finding
from .history import History, Wire

Json = Any

LAST = 12
"""Events of an excerpt before a failed step."""
AROUND = 4
"""Events of an excerpt before and behind each guilty event of a checker."""
LONGEST = 24
"""Events of an excerpt at most."""
TRACE = 100
"""Events of a trace at most, unless the excerpts have more."""
LABEL = 300
"""Characters of a line at most."""
CONTENT = 2048
"""Bytes of a content at most, as JSON."""

MASK: Final = "•••"
_SECRETS: Final = frozenset({"token", "password"})
_BEARER = re.compile(r"\bbearer([ .])[^\s,]+", re.IGNORECASE)
_LIMITS: Final = ((400, 40), (120, 12), (40, 4))
"""Characters of a string and members of a container, from generous to tight."""
_DEPTH: Final = 12


class Excerpt(Struct, frozen=True, kw_only=True):
    """A part of what happened."""

    entries: list[TimelineEntry] = []
    left_out: int = 0
    """Events that it does not hold."""


def excerpt(finding: Finding, history: History) -> list[TimelineEntry]:
    """The events that are needed to see a finding, each without its content."""
    guilty = _guilty(finding, history)
    chosen = _chosen(finding, guilty, _wires(history))
    return [_entry(wire, guilty=wire.n in guilty) for wire in chosen]


def trace(findings: Sequence[Finding], history: History) -> Excerpt:
    """All events, or those nearest to the findings' excerpts, with their contents."""
    wires = _wires(history)
    guilty = {n for finding in findings for n in _guilty(finding, history)}
    centres = {
        wire.n
        for finding in findings
        for wire in _chosen(finding, _guilty(finding, history), wires)
    }
    chosen = wires if len(wires) <= TRACE else _nearest(wires, centres, TRACE)
    return Excerpt(
        entries=[
            _entry(wire, guilty=wire.n in guilty, content=shortened(wire.content))
            for wire in chosen
        ],
        left_out=len(wires) - len(chosen),
    )


def _wires(history: History) -> list[Wire]:
    return [event for event in history if isinstance(event, Wire) and not event.hidden]


def _guilty(finding: Finding, history: History) -> set[int]:
    """The numbers of the events on the wire that a finding blames."""
    raws = ((history[position], position) for position in finding.events)
    return {event.raw if event.raw is not None else position for event, position in raws}


def _chosen(finding: Finding, guilty: set[int], wires: Sequence[Wire]) -> list[Wire]:
    if finding.kind == "checker" and guilty:
        return _around(wires, guilty)
    before = [wire for wire in wires if wire.n < finding.until]
    last = before[-LAST:]
    return [wire for wire in before[:-LAST] if wire.n in guilty] + last


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


def _nearest(wires: Sequence[Wire], centres: set[int], number: int) -> list[Wire]:
    """The `number` events that are nearest to a centre, and every centre."""
    places = [index for index, wire in enumerate(wires) if wire.n in centres]
    if not places:
        return list(wires[-number:])
    distance = [len(wires)] * len(wires)
    for order in (range(len(wires)), reversed(range(len(wires)))):
        since = len(wires)
        for index in order:
            since = 0 if wires[index].n in centres else since + 1
            distance[index] = min(distance[index], since)
    nearest = sorted(range(len(wires)), key=lambda index: (distance[index], index))
    chosen = sorted(nearest[: max(number, len(places))])
    return [wires[index] for index in chosen]


def _entry(wire: Wire, *, guilty: bool, content: Json = None) -> TimelineEntry:
    label = _BEARER.sub(_masked, wire.label)
    return TimelineEntry(
        n=wire.n,
        t=round(wire.t, 4),
        lane=wire.lane,
        direction=wire.direction,
        kind=wire.kind,
        label=label if len(label) <= LABEL else f"{label[: LABEL - 1]}…",
        guilty=guilty,
        content=content,
    )


# ── contents ──────────────────────────────────────────────────────────────────────────────────


def shortened(content: Json) -> Json:
    """A content without its secrets, and in at most `CONTENT` bytes of JSON."""
    for characters, members in _LIMITS:
        part = _part(content, characters, members, _DEPTH)
        encoded = msgspec.json.encode(part)
        if len(encoded) <= CONTENT:
            return part
    return _clipped(encoded.decode(), CONTENT // 4)


def masked(content: Json) -> Json:
    """A content whole, but without its secrets."""
    return _part(content, sys.maxsize, sys.maxsize, sys.maxsize)


def _part(value: Json, characters: int, members: int, depth: int) -> Json:
    match value:
        case str():
            return _clipped(_BEARER.sub(_masked, value), characters)
        case dict() | list() if depth == 0:
            return "…"
        case dict():
            part = {
                _clipped(str(name), characters): MASK
                if name in _SECRETS
                else _part(each, characters, members, depth - 1)
                for name, each in list(value.items())[:members]
            }
            if len(value) > members:
                part["…"] = f"{len(value) - members} more"
            return part
        case list() | tuple():
            more = len(value) - members
            kept = [_part(each, characters, members, depth - 1) for each in value[:members]]
            return [*kept, f"… {more} more"] if more > 0 else kept
        case _:
            return value


def _clipped(text: str, characters: int) -> str:
    """A text in about this many characters, and one that UTF-8 can hold."""
    good = text.encode("utf-8", "replace").decode() if not text.isascii() else text
    if len(good) <= characters:
        return good
    return f"{good[:characters]}… ({len(good) - characters} more characters)"


def _masked(found: re.Match[str]) -> str:
    return f"{found[0][:6]}{found[1]}{MASK}"
