"""Who talks to whom: a pure function of a budget's numbers and a seed.

Users are numbered from 0. Every user is in exactly one conversation, so a conversation with all its
members can be placed in one process: one monotonic clock then serves its senders and its receivers,
and however many processes there are, the same people say the same things at the same times.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heapify, heapreplace
from random import Random
from typing import Final, Literal

from msgspec import Struct

PAIR: Final = 2
SMALLEST_GROUP: Final = 3


class GroupSizes(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many members groups have: a Pareto tail between two bounds."""

    smallest: int
    largest: int
    tail: float = 1.2
    """The exponent; the smaller, the more of the large groups there are."""
    share: float = 1.0
    """Of the users, who are in groups; the others are in pairs."""

    def members(self, users: int) -> int:
        """How many users are in groups; so many that the others are even."""
        grouped = round(users * self.share)
        return grouped + (users - grouped) % PAIR


class Talk(Struct, frozen=True, array_like=True):
    """One conversation with its members' numbers."""

    kind: Literal["direct", "group"]
    members: tuple[int, ...]


def pairs(users: int, seed: int) -> tuple[Talk, ...]:
    """Everybody with one other, at random. `users` is even."""
    return _paired(_shuffled(users, seed))


def groups(users: int, sizes: GroupSizes, seed: int) -> tuple[Talk, ...]:
    """Everybody in one group, or in a pair; the last group has who is left, or they join the one before."""
    draw = Random(f"{seed}/sizes")  # noqa: S311  # a plan must be repeatable, not secret
    shuffled = _shuffled(users, seed)
    grouped = sizes.members(users)
    made: list[tuple[int, ...]] = []
    first = 0
    while first < grouped:
        size = _size(sizes, draw)
        members = tuple(shuffled[first : min(first + size, grouped)])
        first += size
        if len(members) < SMALLEST_GROUP and made:
            made[-1] += members
        else:
            made.append(members)
    return (*(Talk("group", members) for members in made), *_paired(shuffled[grouped:]))


def shared_out(talks: Sequence[Talk], shards: int) -> tuple[tuple[int, ...], ...]:
    """Which conversations each of `shards` processes carries: the largest first, to the emptiest."""
    held: list[list[int]] = [[] for _ in range(shards)]
    load = [(0, shard) for shard in range(shards)]
    heapify(load)
    for index in sorted(range(len(talks)), key=lambda each: -len(talks[each].members)):
        users, shard = load[0]
        held[shard].append(index)
        heapreplace(load, (users + len(talks[index].members), shard))
    return tuple(tuple(sorted(indices)) for indices in held)


def _paired(people: Sequence[int]) -> tuple[Talk, ...]:
    return tuple(
        Talk("direct", tuple(people[at : at + PAIR])) for at in range(0, len(people), PAIR)
    )


def _size(sizes: GroupSizes, draw: Random) -> int:
    """One draw from the Pareto distribution cut off at both ends, by its inverse."""
    low, high = float(sizes.smallest), sizes.largest + 1.0
    cut = (low / high) ** sizes.tail
    size = low / (1 - draw.random() * (1 - cut)) ** (1 / sizes.tail)
    return min(int(size), sizes.largest)


def _shuffled(users: int, seed: int) -> list[int]:
    numbers = list(range(users))
    Random(f"{seed}/people").shuffle(numbers)  # noqa: S311  # repeatable, not secret
    return numbers
