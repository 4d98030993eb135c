"""From a plan to a scenario: every move as its steps, and what the whole then needs and proves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml
from msgspec import Struct

from ..decoding import convert
from ..language.grammar import walk_steps
from ..language.scenario import Scenario
from ..loader import Variant
from ..positions import Document
from .moves import KINDS
from .plan import Move, Plan
from .world import World

Json = Any

CHECKERS: Final = ["order", "delivery", "status", "history", "secrecy"]

_NEEDS: Final[dict[str, str]] = {
    "upload": "media",
    "block": "blocking",
    "unblock": "blocking",
    "to_device": "e2ee",
    "claim": "e2ee",
}
"""Verbs and the capabilities that they need."""


class Written(Struct, frozen=True, kw_only=True):
    """A plan as a scenario."""

    moves: tuple[Move, ...]
    """The moves that made sense."""
    tree: dict[str, Json]
    """The scenario, as its file says it."""


def write(
    plan: Plan,
    capabilities: frozenset[str],
    *,
    identity: str,
    title: str = "Whatever happens, every promise is kept",
    proves: tuple[str, ...] = ("ORD-1",),
) -> Written:
    """The scenario of a plan. Its id is `identity`; `proves` is what it shows broken, if that is known."""
    world = World(plan, capabilities)
    moves: list[Move] = []
    steps: list[dict[str, Json]] = []
    for move in plan.moves:
        made = KINDS[move.kind].write(world, move) if _is_about_something(world, move) else None
        if made is not None:
            moves.append(move)
            steps += made
    given = {
        name: {chat.kind: list(chat.members)} | ({"encrypted": True} if chat.encrypted else {})
        for name, chat in plan.chats.items()
    }
    tree: dict[str, Json] = {
        "id": identity,
        "title": title,
        "proves": list(proves),
        "needs": sorted(_needed(plan, steps)),
        "actors": {user: {"devices": list(names)} for user, names in plan.cast.items()},
        "given": given,
        "steps": steps or [{"barrier": {}}],
        "check": CHECKERS,
    }
    return Written(moves=tuple(moves), tree=_without_empty(tree))


def _is_about_something(world: World, move: Move) -> bool:
    """Whether what the move is about is still there."""
    return move.by in world.devices and (not move.chat or move.chat in world.chats)


def _needed(plan: Plan, steps: list[dict[str, Json]]) -> Iterator[str]:
    needs = set()
    for chat in plan.chats.values():
        needs |= {"groups"} if chat.kind == "group" else set()
        needs |= {"e2ee"} if chat.encrypted else set()
    for _path, step in walk_steps(steps, ()):
        needs |= {need for verb, need in _NEEDS.items() if verb in step}
        needs |= _by_arguments(step)
    yield from needs


def _by_arguments(step: Mapping[str, Json]) -> set[str]:
    send, create, upload = (step.get(verb, {}) for verb in ("send", "create", "upload"))
    opening = step.get("connect") or step.get("reconnect") or {}
    found = {
        "relations": "relates_to" in send,
        "e2ee": "encrypt" in send,
        "groups": "group" in create or "set_member" in step or "rename" in step,
        "encoding.msgpack": opening.get("encoding") == "msgpack",
        "uploads.tus": upload.get("via") == "tus",
    }
    return {need for need, there in found.items() if there}


def _without_empty(tree: dict[str, Json]) -> dict[str, Json]:
    return {key: value for key, value in tree.items() if value or key == "steps"}


def variant_of(written: Written) -> Variant:
    """What the engine plays; it has no file and so no places."""
    scenario = convert(written.tree, Scenario)
    document = Document(Path("explored"), written.tree, {}, {})
    return Variant(scenario, scenario.id, {}, document)


# ── as a file ─────────────────────────────────────────────────────────────────────────────────


def as_yaml(tree: Mapping[str, Json], comment: str) -> str:
    """The scenario as text: its head as blocks, and each step on a line."""
    head = {key: value for key, value in tree.items() if key not in ("steps", "check")}
    lines = [f"# {line}".rstrip() for line in comment.splitlines()]
    lines.append(yaml.safe_dump(head, sort_keys=False, allow_unicode=True, width=100).rstrip())
    lines.append("steps:")
    lines += [f"  - {_on_one_line(step)}" for step in tree["steps"]]
    lines.append(f"check: {_on_one_line(tree['check'])}")
    return "\n".join(lines) + "\n"


def _on_one_line(value: Json) -> str:
    text = yaml.safe_dump(
        value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=float("inf")
    )
    # PyYAML quotes what YAML 1.1 takes for a boolean; scenarios are YAML 1.2.
    return text.rstrip().replace("{'on': ", "{on: ")
