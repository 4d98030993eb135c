"""A thread that belongs to one Trio task, and does one thing after the other for it.

`trio.to_thread.run_sync` serves everybody: it looks for an idle thread and names it, asks a limiter, copies the
context. The writer needs none of that; where the disk is slow it crosses over for every batch, and its own
thread saves a third of what a crossing costs (docs/decisions/0039).

The way there is a queue, on which the thread sleeps. The way back is a bell, a pair of sockets: the thread
leaves what came out and writes a byte, and the task, which waits for the other end itself, is woken by the
loop's own look at its sockets.
"""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
from socket import socketpair
from threading import Thread
from types import TracebackType
from typing import Any, TypeVar, cast

import outcome
import trio

T = TypeVar("T")


class OwnThread:
    """The thread lives as long as the `with` block, which must be inside `trio.run`."""

    def __init__(self, name: str) -> None:
        self._asked: SimpleQueue[Callable[[], Any] | None] = SimpleQueue()
        self._given: outcome.Outcome[Any] | None = None
        self._ring, self._bell = socketpair()
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
        self._ring.close()
        self._bell.close()

    async def run(self, job: Callable[[], T]) -> T:
        """What `job` gives or raises. A cancellation does not end the wait."""
        self._asked.put(job)
        with trio.CancelScope(shield=True):
            await trio.lowlevel.wait_readable(self._bell)
        self._bell.recv(1)
        assert self._given is not None
        return cast(T, self._given.unwrap())

    def _work(self) -> None:
        while (job := self._asked.get()) is not None:
            self._given = outcome.capture(job)
            self._ring.send(b"!")
