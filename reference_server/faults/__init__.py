"""Named defects, as real chat servers have had them: a suite that passes one of them is worth little.

``msgcheck serve --fault NAME`` runs the reference server with one of them (or several), ``msgcheck faults``
lists them, ``msgcheck mutants`` plays the suite against each. How they get in is in `seams`; the healthy
server does not import this package. Each is seeded, and some strike only once in fifty times, in a race,
on a second device, after a restart, over HTTP or in MessagePack.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from . import (
    channel,
    conversations,
    delivery,
    encryption,
    ephemeral,
    groups,
    lookalikes,
    media,
    ordering,
    pages,
    refusals,
    relating,
    resending,
    returning,
    security,
    statuses,
)
from .seams import Fault, Seams, faults_of

AREAS = (
    conversations,
    groups,
    ordering,
    delivery,
    resending,
    returning,
    lookalikes,
    statuses,
    pages,
    channel,
    relating,
    media,
    encryption,
    security,
    refusals,
    ephemeral,
)
"""The modules that define faults, in the order of the contract's requirements."""

FAULTS: dict[str, Fault] = {each.name: each for area in AREAS for each in faults_of(area)}
"""All of them, by name."""


class UnknownFault(Exception):
    """There is no fault of that name. The text says which were probably meant."""


def chosen(names: Iterable[str]) -> tuple[Fault, ...]:
    """The faults of these names, each once. Raises `UnknownFault`."""
    unique = dict.fromkeys(names)
    for name in unique:
        if name not in FAULTS:
            near = get_close_matches(name, FAULTS, n=1)
            hint = f"did you mean `{near[0]}`?" if near else "`msgcheck faults` lists them."
            raise UnknownFault(f"there is no fault `{name}`: {hint}")
    return tuple(FAULTS[name] for name in unique)


def put_in(faults: Iterable[Fault], seed: int) -> list[Seams]:
    """Put faults into this process, before a server is composed in it; what to `restore`, if ever."""
    put: list[Seams] = []
    for each in faults:
        seams = Seams(f"{seed}/{each.name}")
        put.append(seams)
        each.put_in(seams)
    return put
