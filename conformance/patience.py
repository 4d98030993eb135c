"""How long the suite waits, and whether the machine was able to keep up meanwhile.

An upper time limit is patience and never a verdict on latency. But when patience runs out on a host
that was itself out of breath, even the weaker claim "it did not come" is worth nothing, so the watch
measures how late this process's own timer fires: a wait during which it was late by more than
`OVERLOADED` is called inconclusive instead of failed.
"""

from __future__ import annotations

from collections import deque

import trio

PATIENCE = 10.0
"""Seconds that a wait lasts unless told otherwise."""

OVERLOADED = 1.0
"""Seconds by which the timer must be late for the host to count as overloaded."""

TICK = 0.25
"""Seconds between two looks at the clock."""


class Patience:
    """The patience of a run, and its watch over the host."""

    def __init__(self, seconds: float = PATIENCE) -> None:
        self.seconds = seconds
        self._late: deque[tuple[float, float]] = deque(maxlen=1000)
        self._due = 0.0

    async def watch(self) -> None:
        """Measure the timer's lateness, for ever. Run it beside everything else."""
        while True:
            self._due = trio.current_time() + TICK
            await trio.sleep_until(self._due)
            self.note(self._due, trio.current_time())

    def note(self, due: float, came: float) -> None:
        """A timer due at `due` fired at `came`."""
        if came - due > OVERLOADED:
            self._late.append((due, came))

    def overloaded_since(self, start: float) -> bool:
        """Whether the host was overloaded at any time from `start` (Trio's clock) until now."""
        if self._due and trio.current_time() - self._due > OVERLOADED:
            return True  # the watch itself has not been let run yet
        return any(came >= start for _, came in self._late)
