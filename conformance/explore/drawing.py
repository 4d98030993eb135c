"""Drawing plans from a seed: who is there, and what they do.

Each plan uses a random part of all kinds of moves, so that some plans do much of a few things: what needs
many steps of one sort in a row would hardly ever come up if everything were always equally likely.
"""

from __future__ import annotations

from random import Random
from typing import Final

from .moves import KINDS
from .moves.base import Kind
from .plan import Beginning, Move, Plan
from .world import World

USERS: Final = ("alice", "bob", "carol", "dave")
MOVES: Final = (20, 60)
"""How many moves a plan has. Users are dear to make, so it is worth their while."""

_ALWAYS: Final = ("send", "connect")
_MISSED: Final = 200
"""Draws without a move after which a plan is left as it is."""


def draw_plan(random: Random, capabilities: frozenset[str]) -> Plan:
    """A plan for a target with these capabilities; the same for the same state of `random`."""
    users = USERS[: random.choice((2, 3, 3, 4))]
    cast = {user: ("phone", "laptop")[: random.choice((1, 1, 2))] for user in users}
    begun = Plan(cast=cast, chats=_beginnings(random, users, capabilities), moves=())
    world = World(begun, capabilities)
    kinds = _kinds(random, capabilities)
    moves = _connections(random, world)
    wanted = random.randint(*MOVES)
    for _ in range(_MISSED):
        if len(moves) >= wanted:
            break
        (name,) = random.choices(list(kinds), weights=[each.weight for each in kinds.values()])
        move = kinds[name].draw(world, random, f"m{len(moves) + 1}")
        if move is not None and kinds[name].write(world, move) is not None:
            moves.append(move)
    return Plan(cast=cast, chats=begun.chats, moves=tuple(moves))


def _connections(random: Random, world: World) -> list[Move]:
    """Most devices are connected from the start."""
    moves = [
        Move(kind="connect", label=f"m{number + 1}", by=name)
        for number, name in enumerate(name for name in world.devices if random.random() < 0.6)
    ]
    for move in moves:
        KINDS["connect"].write(world, move)
    return moves


def _beginnings(
    random: Random, users: tuple[str, ...], capabilities: frozenset[str]
) -> dict[str, Beginning]:
    pair = (users[0], users[1])
    sealed = "e2ee" in capabilities and random.random() < 0.2
    chats = {"chat": Beginning(kind="direct", members=pair, encrypted=sealed)}
    if "groups" in capabilities and random.random() < 0.8:
        members = users[: random.randint(1, len(users))]
        sealed = "e2ee" in capabilities and random.random() < 0.1
        chats["team"] = Beginning(kind="group", members=members, encrypted=sealed)
    return chats


def _kinds(random: Random, capabilities: frozenset[str]) -> dict[str, Kind]:
    """The kinds of one plan."""
    share = random.choice((0.4, 0.7, 1.0))
    return {
        name: kind
        for name, kind in KINDS.items()
        if capabilities.issuperset(kind.needs) and (name in _ALWAYS or random.random() < share)
    }
