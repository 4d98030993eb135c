"""How a fault gets into the server: what stands at one of its seams is wrapped, and nothing else changes.

A seam is a function, method or constant of the server under its name in its module or class. A fault
takes the genuine one and puts its own there, in this process alone and before anything runs; whatever is
no fault goes on to the genuine one. So the healthy server has no hook, no flag and no import for it, and
a seam that is gone is found out at once, when the fault is put in::

    @fault("ORD-2")
    def late_delivery(seams: Seams) -> None:
        \"\"\"What a user sees, in one sentence.\"\"\"

        @seams.instead(Outbox, "push")
        def push(genuine: Genuine, outbox: Outbox, item: Item) -> None: ...
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import wraps
from inspect import getdoc
from types import ModuleType
from typing import Any

from msgspec import Struct

Genuine = Callable[..., Any]
"""What stood at a seam before the fault."""


class Taken(Struct, frozen=True):
    """A seam where a fault stands, and what stood there."""

    owner: type | ModuleType
    name: str
    genuine: Any


class Seams:
    """Where one fault is put in; it can be taken out again (`restore`), for tests.

    What happens rarely is drawn from `seed`, so that a run can be repeated.
    """

    def __init__(self, seed: str) -> None:
        self._luck = random.Random(seed)  # noqa: S311 - repeatable, and protects nothing
        self.taken: list[Taken] = []

    def instead(self, owner: type | ModuleType, name: str) -> Callable[[Genuine], Genuine]:
        """Call the decorated function in place of `owner.name`; its first argument is the genuine one.

        Raises `AttributeError` where `owner` itself has no such attribute.
        """

        def put(defect: Genuine) -> Genuine:
            standing = _own(owner, name)
            is_static = isinstance(standing, staticmethod)
            genuine = standing.__func__ if is_static else standing

            @wraps(genuine)
            def faulty(*arguments: Any, **named: Any) -> Any:
                return defect(genuine, *arguments, **named)

            self.value(owner, name, staticmethod(faulty) if is_static else faulty)
            return defect

        return put

    def value(self, owner: type | ModuleType, name: str, value: object) -> None:
        """Put a value in the place of `owner.name`. Raises `AttributeError` as `instead` does."""
        self.taken.append(Taken(owner, name, _own(owner, name)))
        setattr(owner, name, value)

    def once_in(self, times: int) -> bool:
        """True about once in so many calls."""
        return self._luck.randrange(times) == 0

    def restore(self) -> None:
        """Put back everything that was there, the latest first."""
        while self.taken:
            seam = self.taken.pop()
            setattr(seam.owner, seam.name, seam.genuine)


def _own(owner: type | ModuleType, name: str) -> Any:
    try:
        return vars(owner)[name]
    except KeyError:
        raise AttributeError(f"there is no seam {owner.__name__}.{name}") from None


class Fault(Struct, frozen=True):
    """A named defect: the requirements that it breaks, and one sentence on what a user sees of it."""

    name: str
    breaks: tuple[str, ...]
    shows: str
    put_in: Callable[[Seams], None]


def fault(*breaks: str) -> Callable[[Callable[[Seams], None]], Fault]:
    """Make a fault of a function; its name, with hyphens, and its docstring are the fault's."""

    def make(put_in: Callable[[Seams], None]) -> Fault:
        shows = " ".join((getdoc(put_in) or "").split())
        return Fault(put_in.__name__.replace("_", "-"), breaks, shows, put_in)

    return make


def faults_of(module: ModuleType) -> tuple[Fault, ...]:
    """The faults that a module defines, in its order."""
    return tuple(value for value in vars(module).values() if isinstance(value, Fault))
