"""Plans to test with: drawn ones, and small ones written by hand."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

from conformance.catalogue import Catalogue
from conformance.explore.drawing import draw_plan
from conformance.explore.plan import Beginning, Move, Plan
from conformance.explore.writing import as_yaml, write
from conformance.loader import Loaded, load_document
from conformance.positions import parse

EVERYTHING = frozenset(
    {"groups", "media", "uploads.tus", "e2ee", "relations", "encoding.msgpack", "blocking"}
)


def drawn(seed: int, capabilities: frozenset[str] = EVERYTHING) -> Plan:
    """A plan."""
    return draw_plan(Random(seed), capabilities)  # noqa: S311 - to be repeatable


def linted(plan: Plan, capabilities: frozenset[str], catalogue: Catalogue) -> Loaded:
    """What the loader makes of the plan's file."""
    text = as_yaml(write(plan, capabilities, identity="explore.test").tree, "a comment")
    return load_document(parse(Path("explored.yaml"), text), catalogue)


def small(*moves: Move) -> Plan:
    """Alice with two devices, Bob and Carol; a direct chat of Alice and Bob, and a team of the same two."""
    return Plan(
        cast={"alice": ("phone", "laptop"), "bob": ("phone",), "carol": ("phone",)},
        chats={
            "chat": Beginning(kind="direct", members=("alice", "bob")),
            "team": Beginning(kind="group", members=("alice", "bob")),
        },
        moves=moves,
    )


def steps_of(*moves: Move) -> list[dict[str, Any]]:
    """The steps that these moves are written as."""
    steps: list[dict[str, Any]] = write(small(*moves), EVERYTHING, identity="explore.test").tree[
        "steps"
    ]
    return steps
