"""Collecting violations so that a broken server gives a page to read, not ten thousand lines.

One defect shows in many events. Of each rule the first finding within a scope (a connection, a
conversation, a user) is kept, with the number of those that followed it.
"""

from __future__ import annotations

from collections.abc import Hashable

from msgspec import Struct
from msgspec.structs import replace

from ..history import Event
from .base import Violation


class _Finding(Struct):
    violation: Violation
    more: int = 0


class Findings:
    """Violations in the order of their guilty events, one for each rule and scope."""

    def __init__(self) -> None:
        self._found: dict[Hashable, _Finding] = {}

    def add(
        self,
        requirement: str,
        message: str,
        *events: Event | int | None,
        scope: Hashable,
        conversation_id: str | None = None,
    ) -> None:
        """Blame `requirement`; a second finding of the same requirement and `scope` is only counted."""
        known = self._found.get((requirement, scope))
        if known is not None:
            known.more += 1
            return
        positions = {e if isinstance(e, int) else e.n for e in events if e is not None}
        self._found[requirement, scope] = _Finding(
            Violation(
                requirement=requirement,
                message=message,
                events=tuple(sorted(p for p in positions if p >= 0)),
                conversation_id=conversation_id,
            )
        )

    def violations(self) -> list[Violation]:
        """What was found, each with a note of how many more were like it."""
        told = [
            replace(f.violation, message=f"{f.violation.message} ({f.more} more like it.)")
            if f.more
            else f.violation
            for f in self._found.values()
        ]
        return sorted(told, key=lambda v: v.events[-1:] or (0,))
