"""A diff in parts, of which some are folded: what differs is seen at once, however long it is.

Lines that are as expected are folded away from what is not; of what differs the first lines are shown,
and the rest is folded. Very long lines are broken first, so that one line cannot fill a screen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final

from msgspec import Struct

from .difference import Line

SHOWN: Final = 16
"""Lines shown at most before the rest is folded."""
CONTEXT: Final = 3
"""Unchanged lines shown on either side of what differs."""
WORTH: Final = 4
"""Lines worth folding at least."""
BROKEN: Final = 320
"""Characters after which a line is broken."""


class Part(Struct, frozen=True):
    """Lines in a row, to be shown or to be folded away."""

    folded: bool
    lines: list[Line]


def folded(lines: Sequence[Line]) -> list[Part]:
    """The lines in parts; together they hold every line, in order."""
    broken = [piece for line in lines for piece in _pieces(line)]
    near = _near(broken)
    parts: list[Part] = []
    room = SHOWN
    for is_near, group in groupby(enumerate(broken), key=lambda pair: pair[0] in near):
        run = [line for _, line in group]
        if not is_near:
            parts.append(Part(len(run) >= WORTH, run))
            continue
        shown = run[:room] if len(run) - room >= WORTH else run
        room = max(room - len(shown), 0)
        parts += [
            Part(number == 1, each)
            for number, each in enumerate((shown, run[len(shown) :]))
            if each
        ]
    return list(_joined(parts))


def _pieces(line: Line) -> Iterator[Line]:
    for start in range(0, max(len(line.text), 1), BROKEN):
        yield Line(line.mark, line.text[start : start + BROKEN])


def _near(lines: Sequence[Line]) -> set[int]:
    """The lines that differ with their neighbours; all, where nothing is marked."""
    marked = [number for number, line in enumerate(lines) if line.mark != " "]
    if not marked:
        return set(range(len(lines)))
    return {place for number in marked for place in range(number - CONTEXT, number + CONTEXT + 1)}


def _joined(parts: Iterable[Part]) -> Iterator[Part]:
    """Neighbours that are both shown, or both folded, as one."""
    for is_folded, group in groupby(parts, key=lambda part: part.folded):
        yield Part(is_folded, [line for part in group for line in part.lines])
