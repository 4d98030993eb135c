"""The kill matrix as a page: a heat map of faults by areas of scenarios, then every fault with its killers.

A full matrix is some 250 faults by 400 scenarios, of which most cells are empty. So a row of the heat map is a
fault, a column an area of scenarios, and a cell says how many of that area caught the fault; who did, and by
which assertion or checker, stands once, in the fault's own card, from which the page's script takes what it
shows beside a cell. The page is bounded: no fault has more than a share of the room for killers, those of
different areas first, and what does not fit is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import Struct

from ..mutants_model import Bar, Kill, Matrix, Promise, Row, Trial
from . import page

ROOM: Final = 900_000
"""Bytes of the page for all killers together."""
LONGEST: Final = 240
"""Characters of a killer's message."""
NAMED: Final = 12
"""Faults that are named behind a scenario."""
HOTTEST: Final = 45
"""How much colour the fullest cell has, in percent: dark letters stay readable on it, and light ones."""

_MARKUP: Final = 190
"""Bytes of markup around a killer."""
_UNKNOWN: Final = "Others"


class Cell(Struct, frozen=True):
    """How many scenarios of an area caught a fault, and how warm that is in percent."""

    area: str
    kills: int
    heat: float


class Tried(Struct, frozen=True, kw_only=True):
    """A fault in the heat map and in its card."""

    trial: Trial
    cells: list[Cell]
    promises: list[Promise]
    """What it breaks, as far as the contract is known."""
    kills: list[tuple[str, Kill]]
    """Each with the area of its scenario; those for which there is room."""
    more: int


class Group(Struct, frozen=True):
    """The faults that break promises of one area; the first that a fault names decides."""

    title: str
    faults: list[Tried]

    @property
    def killed(self) -> int:
        """How many of them were caught."""
        return sum(each.trial.verdict == "killed" for each in self.faults)


def render(matrix: Matrix) -> bytes:
    """The page."""
    areas = _areas(matrix)
    groups = _groups(matrix, areas)
    return page.render(
        "mutants.html.j2",
        {
            "matrix": matrix,
            "areas": areas,
            "groups": groups,
            "verdict": _verdict(matrix),
            "verdicts": Counter(each.verdict for each in matrix.trials),
            "bar": _bar,
            "idle": [each for each in matrix.scenarios if not each.kills],
            "catchers": sorted(
                (each for each in matrix.scenarios if each.kills), key=lambda row: -len(row.kills)
            ),
            "named": named,
            "longest": LONGEST,
            "longest_list": NAMED,
        },
        styles=("mutants.css",),
        scripts=("mutants.js",),
    )


def area_of(scenario: str) -> str:
    """The area of a scenario: what its id begins with."""
    return scenario.partition(".")[0]


def named(row: Row) -> tuple[list[str], int]:
    """The faults that stand behind a scenario, and how many more it caught."""
    return row.kills[:NAMED], max(0, len(row.kills) - NAMED)


def _verdict(matrix: Matrix) -> tuple[str, str]:
    """The verdict in words, and the verdict whose colour it has."""
    if matrix.exit_status == 0:
        return "Every bar is met", "pass"
    if matrix.exit_status == 1:
        return "A bar is not met", "fail"
    return "Undecided", "inconclusive"


def _bar(bar: Bar) -> tuple[str, str]:
    """What is said of a bar, and the verdict whose colour it has."""
    if bar.met is None:
        return "only a run of everything can tell", "not applicable"
    return ("met", "pass") if bar.met else ("not met", "fail")


def _areas(matrix: Matrix) -> list[str]:
    """The columns: areas of scenarios in which something was played or caught, in the record's order."""
    played = [each.scenario for each in matrix.scenarios]
    caught = [kill.scenario for trial in matrix.trials for kill in trial.kills]
    return list(dict.fromkeys(map(area_of, [*played, *caught])))


def _groups(matrix: Matrix, areas: Sequence[str]) -> list[Group]:
    """Faults by the area of the promise that each is foremost about, areas in the contract's order."""
    promises = {each.id: each for each in matrix.requirements}
    share = _share(matrix.trials)
    hottest = max((max(_counted(each).values(), default=0) for each in matrix.trials), default=0)
    groups: dict[str, list[Tried]] = {each.area: [] for each in matrix.requirements}
    for trial in matrix.trials:
        first = next((promises[each].area for each in trial.breaks if each in promises), _UNKNOWN)
        groups.setdefault(first, []).append(
            Tried(
                trial=trial,
                cells=list(_cells(_counted(trial), areas, hottest)),
                promises=[promises[each] for each in trial.breaks if each in promises],
                kills=[(area_of(kill.scenario), kill) for kill in _spread(trial.kills)[:share]],
                more=max(0, len(trial.kills) - share),
            )
        )
    return [Group(title, faults) for title, faults in groups.items() if faults]


def _share(trials: Sequence[Trial]) -> int:
    """How many killers each fault may show, so that all of them fit into `ROOM`."""
    sizes = [
        len(kill.scenario.encode()) + len(kill.message[:LONGEST].encode()) + _MARKUP
        for trial in trials
        for kill in trial.kills
    ]
    largest = max(sizes, default=1)
    share = max((len(each.kills) for each in trials), default=0)
    while share > 1 and largest * sum(min(share, len(each.kills)) for each in trials) > ROOM:
        share -= 1
    return share


def _spread(kills: Sequence[Kill]) -> list[Kill]:
    """The first of each area, then the second of each, and so on."""
    seen: Counter[str] = Counter()
    ranked = []
    for kill in kills:
        area = area_of(kill.scenario)
        ranked.append((seen[area], kill))
        seen[area] += 1
    return [kill for _, kill in sorted(ranked, key=lambda each: each[0])]


def _counted(trial: Trial) -> Counter[str]:
    return Counter(area_of(kill.scenario) for kill in trial.kills)


def _cells(counted: Counter[str], areas: Sequence[str], hottest: int) -> Iterator[Cell]:
    """A fault's row. Heat grows as the root: one killer is worth seeing beside fifty."""
    for area in areas:
        kills = counted[area]
        yield Cell(area, kills, HOTTEST * (kills / hottest) ** 0.5 if kills else 0.0)
