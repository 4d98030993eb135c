"""A trace as a sequence diagram: who are the lanes, where each arrow goes, which rows are folded away.

Time goes down, one row for each event. Every device is a lane, and so is the server, between the
actors, so that a message's way reads from one side to the other. This is layout alone: rows and
columns, for a template to draw.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final, Literal

from msgspec import Struct

from ..model import Scenario, TimelineEntry

SERVER: Final = "server"
NEIGHBOURS: Final = 5
"""Rows shown on either side of a marked one; the rest is folded."""
FOLD: Final = 4
"""Rows worth folding at least."""
FIRST: Final = 2
"""The first lane's column; column 1 has the times."""

Shape = Literal["arrow", "answer", "note"]

_SHAPES: Final[Mapping[str, Shape]] = {
    "frame": "arrow",
    "handshake": "arrow",
    "request": "arrow",
    "response": "answer",
    "open": "answer",
    "close": "answer",
}
"""How each kind of event is drawn; others are notes on their lane."""


class Lane(Struct, frozen=True):
    """One vertical line."""

    name: str
    actor: str
    device: str


class Remark(Struct, frozen=True):
    """What a finding says at a place of the diagram; `number` counts the findings from 1."""

    number: int
    text: str


class Row(Struct, frozen=True, kw_only=True):
    """One event. It covers the grid from line `first` to line `last`."""

    n: int
    t: float
    lane: str
    direction: Literal["out", "in"]
    shape: Shape
    kind: str
    label: str
    brief: str
    """The label without what its place in the diagram tells already."""
    content: Any
    first: int
    last: int
    points: Literal["right", "left"]
    guilty: tuple[int, ...]
    """The numbers of the findings that blame it."""
    remarks: tuple[Remark, ...]
    """What was found once this had happened."""

    @property
    def span(self) -> int:
        """How many lanes it covers."""
        return self.last - self.first

    @property
    def marked(self) -> bool:
        """Whether a finding is about it."""
        return bool(self.guilty or self.remarks)


class Stretch(Struct, frozen=True):
    """Rows in a row, to be shown or to be folded away."""

    folded: bool
    rows: list[Row]


class Diagram(Struct, frozen=True):
    """The whole picture."""

    lanes: list[Lane]
    stretches: list[Stretch]
    left_out: int

    @property
    def rows(self) -> Iterator[Row]:
        """Every row, folded or not."""
        return (row for stretch in self.stretches for row in stretch.rows)


def diagram(scenario: Scenario) -> Diagram | None:
    """The diagram of a scenario's trace; of what its findings show if it has none; None for neither."""
    entries = scenario.trace or _excerpts(scenario)
    if not entries:
        return None
    lanes = _lanes(entries)
    columns = {lane.name: number for number, lane in enumerate(lanes, FIRST)}
    guilty = _blamed(scenario)
    remarks = _remarks(scenario)
    users = _users(lanes)
    rows = [
        _row(entry, users, columns, guilty.get(entry.n, ()), remarks.get(entry.n, ()))
        for entry in entries
    ]
    return Diagram(lanes, list(_stretches(rows)), scenario.left_out)


def _excerpts(scenario: Scenario) -> list[TimelineEntry]:
    """What the findings show, each event once."""
    seen = {(each.n, each.t, each.lane, each.label): each for each in _shown(scenario)}
    return sorted(seen.values(), key=lambda each: (each.n, each.t))


def _shown(scenario: Scenario) -> Iterator[TimelineEntry]:
    return (entry for finding in scenario.findings for entry in finding.timeline)


def _lanes(entries: Iterable[TimelineEntry]) -> list[Lane]:
    """The devices, those of an actor side by side, and the server between two actors."""
    actors: dict[str, list[str]] = {}
    for entry in entries:
        lanes = actors.setdefault(entry.lane.partition(".")[0], [])
        if entry.lane not in lanes:
            lanes.append(entry.lane)
    actors.pop(SERVER, None)
    groups = [sorted(lanes) for _, lanes in sorted(actors.items())]
    names = [name for group in groups for name in group]
    names.insert(_middle([len(group) for group in groups]), SERVER)
    return [Lane(name, *_parted(name)) for name in names]


def _parted(name: str) -> tuple[str, str]:
    actor, _, device = name.partition(".")
    return actor, "" if device == "main" else device


def _middle(sizes: Sequence[int]) -> int:
    """How many lanes stand before the server's: about half, and no actor's devices parted."""
    if len(sizes) < 2:
        return (sum(sizes) + 1) // 2
    cuts = [sum(sizes[:number]) for number in range(1, len(sizes))]
    return min(cuts, key=lambda cut: abs(2 * cut - sum(sizes)))


def _blamed(scenario: Scenario) -> dict[int, tuple[int, ...]]:
    """For each guilty event the numbers of the findings that blame it."""
    blamed: dict[int, tuple[int, ...]] = {}
    for number, finding in enumerate(scenario.findings, 1):
        for entry in finding.timeline:
            if entry.guilty:
                blamed[entry.n] = (*blamed.get(entry.n, ()), number)
    return blamed


def _remarks(scenario: Scenario) -> dict[int, tuple[Remark, ...]]:
    """Where a step failed: behind the last event that it saw."""
    remarks: dict[int, tuple[Remark, ...]] = {}
    for number, finding in enumerate(scenario.findings, 1):
        if finding.kind != "checker" and finding.timeline:
            last = finding.timeline[-1].n
            remarks[last] = (*remarks.get(last, ()), Remark(number, finding.message))
    return remarks


def _row(
    entry: TimelineEntry,
    users: re.Pattern[str],
    columns: Mapping[str, int],
    guilty: tuple[int, ...],
    remarks: tuple[Remark, ...],
) -> Row:
    server, own = columns[SERVER], columns.get(entry.lane, columns[SERVER])
    shape = _SHAPES.get(entry.kind, "note")
    source, goal = (own, server) if entry.direction == "out" else (server, own)
    if shape == "note" or own == server:
        shape, source, goal = "note", own, own
    return Row(
        n=entry.n,
        t=entry.t,
        lane=entry.lane,
        direction=entry.direction,
        shape=shape,
        kind=entry.kind,
        label=entry.label,
        brief=users.sub(r"\1", _brief(entry)),
        content=entry.content,
        first=min(source, goal),
        last=max(source, goal) + 1,
        points="right" if source <= goal else "left",
        guilty=guilty,
        remarks=remarks,
    )


def _users(lanes: Iterable[Lane]) -> re.Pattern[str]:
    """User ids as a run makes them of an actor's name: ``bob-ue6hvg8cw7``."""
    names = "|".join(sorted({re.escape(lane.actor) for lane in lanes if lane.actor}))
    return re.compile(rf"(?<![\w-])({names})-[a-z0-9]{{8,}}(?![\w-])")


def _brief(entry: TimelineEntry) -> str:
    """An answer need not say its path again: ``GET → 404 unknown_asset``."""
    request, arrow, outcome = entry.label.rpartition(" → ")
    if entry.kind != "response" or not arrow:
        return entry.label
    return f"{request.partition(' ')[0]} → {outcome}"


def _stretches(rows: Sequence[Row]) -> Iterator[Stretch]:
    """The rows, with those far from any marked one folded; all shown where none is marked."""
    marked = [index for index, row in enumerate(rows) if row.marked]
    near = {
        place for index in marked for place in range(index - NEIGHBOURS, index + NEIGHBOURS + 1)
    }
    for is_near, group in groupby(enumerate(rows), key=lambda pair: pair[0] in near or not marked):
        stretch = [row for _, row in group]
        yield Stretch(folded=not is_near and len(stretch) >= FOLD, rows=stretch)
