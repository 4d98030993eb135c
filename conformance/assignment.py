"""Assigning things to those who would take them, so that as many as possible are served.

A largest matching in a bipartite graph, by augmenting paths found breadth first: a taker may have a
thing from another taker who finds itself another thing, and so on, without recursion.
"""

from __future__ import annotations

from collections.abc import Sequence


def assign(candidates: Sequence[Sequence[int]]) -> dict[int, int]:
    """Give each taker at most one of its candidates; answer thing → taker, as many as can be."""
    owner: dict[int, int] = {}
    holding: dict[int, int] = {}
    for taker in range(len(candidates)):
        _augment(taker, candidates, owner, holding)
    return owner


def _augment(
    start: int,
    candidates: Sequence[Sequence[int]],
    owner: dict[int, int],
    holding: dict[int, int],
) -> None:
    wanted_by: dict[int, int] = {}
    waiting = [start]
    for taker in waiting:
        for thing in candidates[taker]:
            if thing in wanted_by:
                continue
            wanted_by[thing] = taker
            if thing in owner:
                waiting.append(owner[thing])
                continue
            _hand_over(thing, wanted_by, owner, holding)
            return


def _hand_over(
    free: int, wanted_by: dict[int, int], owner: dict[int, int], holding: dict[int, int]
) -> None:
    """Give the free thing to who wants it, what that one held to who wants that, to the start."""
    thing: int | None = free
    while thing is not None:
        taker = wanted_by[thing]
        owner[thing] = taker
        given_up = holding.get(taker)
        holding[taker] = thing
        thing = given_up
