"""One moment to wake up at: the next deadline, however many there are.

Whoever learns of a deadline sets it; one task waits. The clock is the wall's, and may be set while the
task sleeps, so the task looks at it now and then, however far off the moment is.
"""

from __future__ import annotations

from collections.abc import Callable

import trio

LONGEST_SLEEP_S = 60.0


class Alarm:
    """The earliest moment that was set, in milliseconds of `clock`; None when there is none."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._sooner = trio.Event()
        self.at: int | None = None

    def set(self, at: int) -> None:
        """Ring at `at`, or earlier if that was set before."""
        if self.at is None or at < self.at:
            self.at = at
            self._sooner.set()

    def rung(self) -> bool:
        """Whether the moment has come. May be asked from any thread."""
        at = self.at
        return at is not None and at <= self._clock()

    def move(self, at: int | None) -> None:
        """What was set until now has been dealt with, and `at` comes next."""
        self.at = at

    async def wait(self) -> None:
        """Return when it rings."""
        while not self.rung():
            self._sooner = trio.Event()
            seconds = LONGEST_SLEEP_S
            if self.at is not None:
                seconds = min(seconds, max(0, self.at - self._clock()) / 1000)
            with trio.move_on_after(seconds):
                await self._sooner.wait()
