"""What a checker is: a function from a history to violations."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec import Struct

from ..history import History


class Violation(Struct, frozen=True, kw_only=True):
    """One promise broken, with the events that show it."""

    requirement: str
    """The requirement's id, ``ORD-1``."""
    message: str
    """One or two sentences a stranger understands: who, which conversation, which seq, what was wrong."""
    events: tuple[int, ...]
    """Positions in the history of the guilty events, in order; at most a handful."""
    conversation_id: str | None = None


Checker = Callable[[History], Iterable[Violation]]
