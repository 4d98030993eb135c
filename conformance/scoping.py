"""Which names a step can see, and the complaints about references to any others.

A name is known from the start (an actor, a given conversation, ``target``) or from the step that saves
it. Branches that run together do not see each other's names, what follows them sees all; a loop's
counter is known inside it only, and what its steps save is seen behind it with the last value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from .decoding import Complaint
from .problems import closest, unknown
from .scope import CANARY_NAME, TARGET_NAME
from .values import BadReference, Json, Path, Reference, references

Names = dict[str, str]
"""The names in sight, each with what it names (``an actor``); saved ones have ``""``."""

_TARGET_MEMBERS: Final = ("limits", "capabilities", "versions", "url", "overrun")
_ACTOR_MEMBERS: Final = ("user_id", "display_name", "password")


def check_names(tree: Mapping[str, Json]) -> Iterator[Complaint]:
    """Every reference in a scenario's plain tree to what is not known at its place."""
    actors = _objects(tree, "actors")
    names = {TARGET_NAME: "what the target says of itself", CANARY_NAME: "the scenario's canary"}
    names |= dict.fromkeys(actors, "an actor")
    for name in _objects(tree, "given"):
        if name in names:
            message = f"`{name}` is {names[name]} already: choose another name"
            yield Complaint(("given", name), message, "key")
        names[name] = "a conversation under `given`"
    yield from _Scopes(actors).steps(tree.get("steps"), ("steps",), names)


class _Scopes:
    def __init__(self, actors: Mapping[str, Json]) -> None:
        self._members = {
            name: (*_ACTOR_MEMBERS, *device_names(actor)) for name, actor in actors.items()
        }
        self._members[TARGET_NAME] = _TARGET_MEMBERS

    def steps(self, steps: Json, path: Path, names: Names) -> Iterator[Complaint]:
        """Check steps in order; `names` grows by what they save."""
        for index, step in enumerate(steps if isinstance(steps, list) else ()):
            if isinstance(step, dict):
                yield from self._step(step, (*path, index), names)

    def _step(self, step: Mapping[str, Json], path: Path, names: Names) -> Iterator[Complaint]:
        for key, value in step.items():
            at = (*path, key)
            if key == "together" and isinstance(value, list):
                yield from self._together(value, at, names)
            elif key == "repeat" and isinstance(value, dict):
                yield from self._repeat(value, at, names)
            else:
                yield from self._value(value, at, names)
        saved = step.get("save")
        if isinstance(saved, str):
            if names.get(saved):
                message = f"`{saved}` is {names[saved]}: save under another name"
                yield Complaint((*path, "save"), message)
            names.setdefault(saved, "")

    def _together(self, branches: list[Json], path: Path, names: Names) -> Iterator[Complaint]:
        learnt: Names = {}
        for number, branch in enumerate(branches):
            own = dict(names)
            yield from self.steps(branch, (*path, number), own)
            learnt |= own
        names |= learnt

    def _repeat(self, repeat: Mapping[str, Json], path: Path, names: Names) -> Iterator[Complaint]:
        yield from self._value(repeat.get("times"), (*path, "times"), names)
        counter = repeat.get("as", "i")
        if not isinstance(counter, str):
            return
        if counter in names:
            what = names[counter] or "saved before"
            yield Complaint((*path, "as"), f"`{counter}` is {what}: count under another name")
        inside = names | {counter: "a loop's counter"}
        yield from self.steps(repeat.get("steps"), (*path, "steps"), inside)
        names |= {name: what for name, what in inside.items() if name != counter}

    def _value(self, value: Json, path: Path, names: Names) -> Iterator[Complaint]:
        for located in references(value):
            at = (*path, *located.path)
            if isinstance(located.found, BadReference):
                yield Complaint(at, str(located.found))
            elif (message := self._missing(located.found, names)) is not None:
                yield Complaint(at, message)

    def _missing(self, reference: Reference, names: Names) -> str | None:
        if reference.name not in names:
            near = closest(reference.name, names)
            hint = f": did you mean `${near}`?" if near else ""
            return f"nothing is known as `{reference.name}` before this step{hint}"
        members = self._members.get(reference.name)
        if members is None or not reference.path or reference.path[0] in members:
            return None
        return f"{reference}: {unknown('member', reference.path[0], members)}"


def device_names(actor: Json) -> list[str]:
    """The devices of an actor in a plain tree, those to come included."""
    if not isinstance(actor, dict):
        return []
    now, later = actor.get("devices", ["main"]), actor.get("later", [])
    return [
        name
        for names in (now, later)
        if isinstance(names, list)
        for name in names
        if isinstance(name, str)
    ]


def _objects(tree: Mapping[str, Json], key: str) -> dict[str, Json]:
    value = tree.get(key)
    return value if isinstance(value, dict) else {}
