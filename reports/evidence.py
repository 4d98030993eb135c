"""A finding as lines of text: the same for the terminal, for JUnit and for a bug report."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from .model import Finding, TimelineEntry

WIDTH = 80
LINES = 12
"""Lines of a field at most."""
_ARROWS = {"out": "→", "in": "←"}


def evidence(finding: Finding) -> Iterator[str]:
    """Everything there is to see of a finding, in lines of about 80 columns (commands longer)."""
    yield from _wrapped(finding.message)
    if finding.place is not None:
        place = finding.place
        yield f"at        {place.file}:{place.line}:{place.column}"
    if finding.step is not None:
        yield from _field("step", finding.step)
    if finding.note is not None:
        yield from _field("note", finding.note)
    if finding.expected is not None:
        yield from _field("expected", finding.expected)
    if finding.got is not None:
        yield from _field("got", finding.got)
    if finding.timeline:
        yield "timeline"
        yield from timeline(finding.timeline)
    if finding.known is not None:
        yield from _field("known", finding.known)
    yield f"repeat    {finding.repeat.command}"
    for request in finding.repeat.requests:
        yield f"          {request}"


def timeline(entries: list[TimelineEntry]) -> Iterator[str]:
    """One line for each entry: time, lane, direction, what; the guilty ones marked."""
    lane_width = min(max(len(entry.lane) for entry in entries), 16)
    for entry in entries:
        mark = ">" if entry.guilty else " "
        head = f"{mark} {entry.t:7.3f}  {entry.lane[:lane_width]:<{lane_width}} "
        yield f"{head}{_ARROWS[entry.direction]} {_fitted(entry, WIDTH - 4 - len(head))}"


def _fitted(entry: TimelineEntry, width: int) -> str:
    """The label in so many characters: of a request, its method and what it ends with, its outcome."""
    label = entry.label
    if len(label) <= width:
        return label
    method, space, rest = label.partition(" ")
    if entry.kind in ("request", "response") and space:
        return f"{method} …{rest[len(method) + 2 - width :]}"
    return f"{label[: width - 1]}…"


def _wrapped(text: str) -> list[str]:
    return [
        line
        for paragraph in text.splitlines()
        for line in textwrap.wrap(paragraph, WIDTH - 4, break_on_hyphens=False) or [""]
    ]


def _field(name: str, text: str) -> Iterator[str]:
    lines = [
        line
        for paragraph in text.splitlines() or [""]
        for line in textwrap.wrap(
            paragraph,
            WIDTH - 14,
            break_on_hyphens=False,
            subsequent_indent="  ",
            drop_whitespace=False,
        )
        or [""]
    ]
    if len(lines) > LINES:
        lines = [*lines[: LINES - 1], f"… {len(lines) - LINES + 1} more lines in results.json"]
    for number, line in enumerate(lines):
        yield f"{name if number == 0 else '':<10}{line.rstrip()}"
