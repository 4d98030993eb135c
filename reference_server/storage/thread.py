"""A thread that belongs to one Trio task, and does one thing after the other for it.

`trio.to_thread.run_sync` serves everybody: it looks for an idle thread and names it, asks a limiter, copies the
context. The writer needs none of that and crosses over for every batch; its own thread saves a third of what
a crossing costs (docs/decisions/0039).
"""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Any, TypeVar, cast

import outcome
import trio

T = TypeVar("T")


class OwnThread:
    """The thread lives as long as the `with` block, which must be inside `trio.run`."""

    def __init__(self, name: str) -> None:
        self._asked: SimpleQueue[tuple[trio.lowlevel.Task, Callable[[], Any]] | None] = (
            SimpleQueue()
        )
        self._trio = trio.lowlevel.current_trio_token()
        self._thread = Thread(target=self._work, name=name, daemon=True)

    def __enter__(self) -> OwnThread:
        self._thread.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _at: TracebackType | None,
    ) -> None:
        self._asked.put(None)
        self._thread.join()  # it is idle: whoever ran something waited for it

    async def run(self, job: Callable[[], T]) -> T:
        """What `job` gives or raises. A cancellation does not end the wait."""
        self._asked.put((trio.lowlevel.current_task(), job))
        return cast(T, await trio.lowlevel.wait_task_rescheduled(_later))

    def _work(self) -> None:
        while (asked := self._asked.get()) is not None:
            task, job = asked
            self._trio.run_sync_soon(trio.lowlevel.reschedule, task, outcome.capture(job))


def _later(_raise_cancel: object) -> trio.lowlevel.Abort:
    return trio.lowlevel.Abort.FAILED
