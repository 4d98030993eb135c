"""A wall clock that goes on when a test says so."""

from __future__ import annotations


class Clock:
    """Stands in for the `time` module where a module under test asks it for the time of day."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def time(self) -> float:
        """As `time.time`."""
        return self.now
