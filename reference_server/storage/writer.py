"""Group commit: one transaction at a time, for all that is waiting.

Jobs arrive from Trio tasks in an order, run in that order, and are answered in that order. While the disk
is prompt they run on the Trio thread, otherwise in a thread of the writer's own, with one crossing for the
whole batch (`disk`). A job is a function of the store's commands; it decides first and writes afterwards,
so one that refuses (`ApiError`) has written nothing and the batch goes on. What is answered is durable:
answers follow the commit.

How much gathers adapts itself to the load, without a timer: a batch leaves when a pass of the event
loop has brought no further job, and what comes while it is committed is the next one. A lone job leaves at
once; under load a batch holds what all connections had to say, and so does each answer's write.

When a batch breaks (disk full, a bug in one job), nothing of it is kept, and its jobs run again
one by one: only the guilty ones fail, with `Unavailable` or `Internal`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import trio
from msgspec import Struct

from ..core.errors import ApiError, Internal, Unavailable
from .base import Commands, Store, StoreTrouble
from .disk import Disk
from .thread import OwnThread

log = logging.getLogger(__name__)

T = TypeVar("T")
Job = Callable[[Commands], T]
Done = Callable[[T | ApiError], None]

MAX_BATCH = 1_000


class Batch(Struct, frozen=True):
    """One transaction: how many jobs, and when it left and was durable (`time.perf_counter_ns`)."""

    jobs: int
    departed: int
    durable: int


class Writer:
    """The one who writes to a store. Its task `run` must be running for jobs to be answered.

    `batch` is the one whose jobs are being answered, or the latest; `observe` is told of each.
    """

    def __init__(
        self,
        store: Store,
        observe: Callable[[Batch], None] = lambda _: None,
        disk: Disk | None = None,
    ) -> None:
        self.batch = Batch(0, 0, 0)
        self._store = store
        self._observe = observe
        self._disk = disk or Disk()
        self._waiting: list[tuple[Job[Any], Done[Any]]] = []
        self._arrival = trio.Event()
        self._answered: trio.Event | None = None
        self._stopping = False

    def submit(self, job: Job[T], done: Done[T]) -> None:
        """Queue `job`; `done` gets its result or its refusal after the commit, on the Trio thread."""
        self._waiting.append((job, done))
        self._arrival.set()

    def stop(self) -> None:
        """Let `run` return when nothing is waiting any more."""
        self._stopping = True
        self._arrival.set()

    async def answered(self) -> None:
        """Return when whatever is committed by now has been answered.

        Between a commit and its answers a reader already finds in the store what nobody has been told.
        """
        if self._answered is not None:
            await self._answered.wait()

    async def run(self) -> None:
        """Commit batch after batch. A cancellation takes effect between batches."""
        with OwnThread("writer") as thread:
            while await self._gather():
                batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
                departed = time.perf_counter_ns()
                self._answered = trio.Event()
                results = await self._carry_out([job for job, _ in batch], thread)
                self.batch = Batch(len(batch), departed, time.perf_counter_ns())
                self._observe(self.batch)
                for (_, done), result in zip(batch, results, strict=True):
                    try:
                        done(result)
                    except Exception:  # a bug in telling it is no reason to tell nobody any more
                        log.exception("an answer of the writer could not be told")
                self._answered.set()
                self._answered = None

    async def _gather(self) -> bool:
        """Wait for jobs; whether there are any, which there are unless the writer stops."""
        while not self._waiting and not self._stopping:
            self._arrival = trio.Event()
            await self._arrival.wait()
        known = -1
        while known < len(self._waiting) < MAX_BATCH:
            known = len(self._waiting)
            await trio.lowlevel.checkpoint()
        return bool(self._waiting)

    async def _carry_out(self, jobs: list[Job[Any]], thread: OwnThread) -> list[Any]:
        """Commit here if that is quickly done, else in the thread."""
        if self._disk.is_prompt():
            with self._disk.watched():
                return self._commit(jobs)
        return await thread.run(partial(self._commit, jobs))

    def _commit(self, jobs: list[Job[Any]]) -> list[Any]:
        try:
            self._store.begin()
            results = [self._decide(job) for job in jobs]
            self._store.commit()
        except Exception as broken:  # a bug in a job must not take the writer with it
            self._store.rollback()
            if len(jobs) > 1:
                return [self._commit([job])[0] for job in jobs]
            if isinstance(broken, StoreTrouble):
                log.error("the store is in trouble: %s", broken)
                return [Unavailable()]
            log.exception("a job of the writer failed")
            return [Internal()]
        return results

    def _decide(self, job: Job[Any]) -> Any:
        try:
            return job(self._store.commands)
        except ApiError as refusal:
            return refusal
