"""How prompt the disk is, and so where a batch is committed.

A crossing to the writer's thread and back is dearer than all that it saves while the disk is prompt: two
threads hand one interpreter to and fro for every batch (docs/decisions/0048). So batches are committed on
the Trio thread, where nobody is served meanwhile, as long as they wait for the disk but briefly on the
average. When they do not, they are committed apart for a while, and then it is tried again.

Only waiting counts, which is time less processor time: what is work is work in any thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

PROMPT_NS: Final = 5_000_000
"""For so long, on the average, may everybody wait for a commit."""
MEMORY: Final = 16
"""Of about how many commits the average is."""
APART_NS: Final = 1_000_000_000


class Disk:
    """What commits have waited for; `clock` and `worked` give nanoseconds, of the day and of this thread."""

    def __init__(
        self,
        clock: Callable[[], int] = time.perf_counter_ns,
        worked: Callable[[], int] = time.thread_time_ns,
    ) -> None:
        self._clock = clock
        self._worked = worked
        self._mean_ns = 0.0
        self._apart_until = 0

    def is_prompt(self) -> bool:
        """Whether the next batch may be committed on the Trio thread."""
        return self._clock() >= self._apart_until

    @contextmanager
    def watched(self) -> Iterator[None]:
        """A batch is committed within, in this thread."""
        began, had_worked = self._clock(), self._worked()
        yield
        ended = self._clock()
        waited = ended - began - (self._worked() - had_worked)
        self._mean_ns += (waited - self._mean_ns) / MEMORY
        if self._mean_ns > PROMPT_NS:
            self._mean_ns = 0.0
            self._apart_until = ended + APART_NS
