"""Group commit: one thread, one transaction for all that is waiting.

Jobs arrive from the Trio thread in an order, run in that order in the writer thread, and are answered
on the Trio thread in that order, one crossing for the whole batch. A job is a function of the store's
commands; it decides first and writes afterwards, so one that refuses (`ApiError`) has written nothing
and the batch goes on. What is answered is durable: answers follow the commit.

When a batch breaks (disk full, a bug in one job), nothing of it is kept, and its jobs run again
one by one: only the guilty ones fail, with `Unavailable` or `Internal`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

import trio

from ..core.errors import ApiError, Internal, Unavailable
from .base import Commands, Store, StoreTrouble

log = logging.getLogger(__name__)

T = TypeVar("T")
Job = Callable[[Commands], T]
Done = Callable[[T | ApiError], None]

MAX_BATCH = 1_000


class Writer:
    """The writer thread of a store. Open it as a context manager inside a Trio task."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._jobs: SimpleQueue[tuple[Job[Any], Done[Any]] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="writer", daemon=True)

    def start(self) -> None:
        """Start the thread; answers come back to the Trio run that this is called from."""
        self._token = trio.lowlevel.current_trio_token()
        self._thread.start()

    async def stop(self) -> None:
        """Finish what is waiting, answer it, end the thread."""
        self._jobs.put(None)
        # The last answers were handed to Trio before the thread ended, so they run before we go on.
        await trio.to_thread.run_sync(self._thread.join)

    def submit(self, job: Job[T], done: Done[T]) -> None:
        """Queue `job`; `done` gets its result or its refusal after the commit, on the Trio thread."""
        self._jobs.put((job, done))

    def _work(self) -> None:
        open_ = True
        while open_:
            batch: list[tuple[Job[Any], Done[Any]]] = []
            item = self._jobs.get()
            try:
                while item is not None:
                    batch.append(item)
                    if len(batch) == MAX_BATCH:
                        break
                    item = self._jobs.get_nowait()
                else:
                    open_ = False
            except Empty:
                pass
            if batch:
                results = self._commit([job for job, _ in batch])
                answers = [(done, result) for (_, done), result in zip(batch, results, strict=True)]
                self._token.run_sync_soon(_answer, answers)

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


def _answer(answers: list[tuple[Done[Any], Any]]) -> None:
    for done, result in answers:
        done(result)
