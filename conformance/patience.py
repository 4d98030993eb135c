"""How long the suite waits, and whether the machine was able to keep up meanwhile.

An upper time limit is patience and never a verdict on latency. But when patience runs out on a host
that was itself out of breath, even the weaker claim "it did not come" is worth nothing. So the watch
measures how late this process's own timer fires: at once by much (`STALLED_S`), or by little again and
again, until a good part of the wait is gone (`STARVED`). A wait that ran out in such a time is called
inconclusive instead of failed, and says what was measured. On a host with nothing else to do the timer
is late by 1 to 3 % of the time; see docs/decisions/0025 for busier ones.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

import trio

PATIENCE = 10.0
"""Seconds that a wait lasts unless told otherwise."""

STALLED_S = 1.0
"""Seconds by which the timer must be late once for the host to count as overloaded."""

STARVED = 0.2
"""The part of a wait that the timer must have been late in all for the host to count as overloaded."""

TICK = 0.25
"""Seconds between two looks at the clock."""

KEPT = 2000
"""Looks that are remembered: those of more than eight minutes, longer than any wait."""


class Patience:
    """The patience of a run, and its watch over the host."""

    def __init__(self, seconds: float = PATIENCE) -> None:
        self.seconds = seconds
        self._looks: deque[tuple[float, float]] = deque(maxlen=KEPT)
        self._due = 0.0

    async def watch(self) -> None:
        """Measure the timer's lateness, for ever. Run it beside everything else."""
        while True:
            self._due = trio.current_time() + TICK
            await trio.sleep_until(self._due)
            self.note(self._due, trio.current_time())

    def note(self, due: float, came: float) -> None:
        """A timer due at `due` fired at `came`."""
        self._looks.append((due, came))

    def overload_while_waiting(self, began: float) -> str | None:
        """The same of the wait that has just run out, the last in a step that began at `began`."""
        return self.overload_since(max(began, trio.current_time() - self.seconds))

    def overload_since(self, start: float) -> str | None:
        """What shows that the host was overloaded from `start` (Trio's clock) until now, if it was."""
        now = trio.current_time()
        looks = [*self._looks]
        if self._due and now > self._due and (not looks or looks[-1][0] < self._due):
            looks.append((self._due, now))  # the watch itself has not been let run yet
        lates = [came - max(due, start) for due, came in looks if came > start]
        worst, total, waited = max(lates, default=0.0), sum(lates), now - start
        if worst <= STALLED_S and (waited < STALLED_S or total <= STARVED * waited):
            return None
        return (
            f"the host was overloaded: of these {waited:.1f} s this program was kept from running "
            f"for {total:.1f} s, for {worst:.1f} s at once"
        )


@contextmanager
def uncounted(deadline: trio.CancelScope) -> Iterator[None]:
    """Stop the clock of `deadline` meanwhile: what is waited for has a limit of its own."""
    left = deadline.deadline - trio.current_time()
    deadline.deadline = math.inf
    try:
        yield
    finally:
        deadline.deadline = trio.current_time() + left
