"""The names a running scenario can speak of, and messages in flight behind some of them.

A scope is what `values.resolve` looks names up in. Branches that run together get a scope of their
own over the common one, so that they do not see each other's names; what they saved is merged when the
last of them has ended. A name saved by a message that is still in flight is a promise: speaking of it
before its answer has come is the scenario's mistake, and told as such.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

Json = Any

TARGET_NAME: Final = "target"
"""Always known: what the target says of itself, ``$target.limits.max_text_length``."""

CANARY_NAME: Final = "canary"
"""Always known: a word that no server has any business to repeat."""


class NotYetAnswered(Exception):
    """A name stands for the answer to a message that is still in flight."""


class Pending:
    """Stands for an answer that has not come yet."""


PENDING = Pending()


class Scope(Mapping[str, Json]):
    """Names over the names of an outer scope."""

    def __init__(self, outer: Mapping[str, Json]) -> None:
        self._outer = outer
        self._own: dict[str, Json] = {}

    def __getitem__(self, name: str) -> Json:
        value = self._own[name] if name in self._own else self._outer[name]
        if value is PENDING:
            raise NotYetAnswered(
                f"`{name}` is the answer to a message that is still in flight: let the device "
                "`settle` before you speak of it"
            )
        return value

    def __contains__(self, name: object) -> bool:
        return name in self._own or name in self._outer

    def __iter__(self) -> Iterator[str]:
        yield from {**dict.fromkeys(self._outer), **self._own}

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def save(self, name: str, value: Json) -> None:
        """Keep `value` under `name`, in place of what was there."""
        self._own[name] = value

    def branch(self) -> Scope:
        """A scope over this one."""
        return Scope(self)

    def merge(self, branch: Scope) -> None:
        """Take over what a branch saved."""
        self._own |= branch._own
