"""How a use case runs: decide and write in the writer, commit, publish, answer.

A job runs in the writer, perhaps in another thread, and gives an :class:`Outcome`. Then, in commit order,
its posts go to the hub and then its answer to whoever asked, so that what one connection is told comes
in the order of the log.

Questions read a snapshot. Most are a few look-ups or a page of bounded length, and are answered on the
Trio thread (`ask`): handing one to another thread costs several times what answering it does. What may take
long, because it looks at many conversations or members in turn, is asked in a worker thread (`ask_at_length`).
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

import trio
from msgspec import Struct

from ..core.errors import ApiError, Unavailable
from ..core.limits import Limits
from ..events import DevicePost, Due, Post, Revoked, SealedPost
from ..hub import Hub
from ..metrics import Metrics
from ..storage.base import Commands, Queries, Store, StoreTrouble
from ..storage.writer import Writer
from .alarm import Alarm
from .timing import account
from .tokens import TokenCache

log = logging.getLogger(__name__)

T = TypeVar("T")


class Outcome(Struct, Generic[T], frozen=True):
    """What a job gave: the answer, and what others are told once it is committed."""

    answer: T
    posts: tuple[Post | SealedPost | DevicePost | Revoked | Due, ...] = ()


PART = 500
"""How many rows are cleared away in one transaction."""

Deed = Callable[[Commands], Outcome[T]]


def system_clock() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


class Kernel:
    """The store, its writer and the hub, with a clock and a source of ids."""

    def __init__(
        self,
        store: Store,
        writer: Writer,
        hub: Hub,
        limits: Limits,
        metrics: Metrics,
        clock: Callable[[], int] = system_clock,
    ) -> None:
        self.store = store
        self.writer = writer
        self.hub = hub
        self.limits = limits
        self.metrics = metrics
        self.now = clock
        self.tokens = TokenCache()
        self.alarm = Alarm(clock)
        self._readers = trio.CapacityLimiter(8)
        with store.reading() as queries:
            self.secret = queries.secret()

    @staticmethod
    def new_id() -> str:
        """A fresh opaque id, 16 characters."""
        return secrets.token_urlsafe(12)

    async def do(self, deed: Deed[T]) -> T:
        """Run a job and wait until it is durable and published. Raises its refusal.

        Cancelled while waiting, the job still happens: the caller has lost its answer, as a client
        whose connection broke has.
        """
        answered = trio.Event()
        answer: list[T | ApiError] = []
        spent = account()
        asked = time.perf_counter_ns()

        def done(result: T | ApiError) -> None:
            if spent is not None:
                batch = self.writer.batch
                spent.queue += batch.departed - asked
                spent.commit += batch.durable - batch.departed
            answer.append(result)
            answered.set()

        self.do_soon(deed, done)
        await answered.wait()
        result = answer[0]
        if isinstance(result, ApiError):
            raise result
        return result

    async def clear(self, remove: Callable[[Commands, int], int]) -> None:
        """Remove much, in parts, so that nobody waits long for one.

        `remove` removes at most as much as it is given, and tells how much it was.
        """

        def part(commands: Commands) -> Outcome[int]:
            return Outcome(remove(commands, PART))

        while await self.do(part) == PART:
            pass

    def do_soon(self, deed: Deed[T], done: Callable[[T | ApiError], None]) -> None:
        """Queue a job; `done` gets its answer or its refusal, after it is durable and published."""

        def settle(result: Outcome[T] | ApiError) -> None:
            if isinstance(result, ApiError):
                done(result)
            else:
                try:
                    for post in result.posts:
                        if isinstance(post, Post):
                            self.hub.publish(post)
                        elif isinstance(post, Due):
                            self.alarm.set(post.at)
                        elif isinstance(post, SealedPost):
                            self.hub.publish_sealed(post)
                        elif isinstance(post, DevicePost):
                            self.hub.publish_to_device(post)
                        else:
                            self.tokens.forget(post.user_id, post.device_id)
                            self.hub.revoke(post)
                finally:  # it is durable, so that is the answer
                    done(result.answer)

        self.writer.submit(deed, settle)

    async def ask(self, query: Callable[[Queries], T]) -> T:
        """Answer a brief question from a snapshot. Others get their turn first."""
        await trio.lowlevel.checkpoint()
        with _booked():
            return self._read(query)

    async def ask_at_length(self, query: Callable[[Queries], T]) -> T:
        """Answer a question that may take milliseconds, from a snapshot, in a worker thread."""
        with _booked():
            return await trio.to_thread.run_sync(
                self._read, query, limiter=self._readers, abandon_on_cancel=False
            )

    def _read(self, query: Callable[[Queries], T]) -> T:
        try:
            with self.store.reading() as queries:
                return query(queries)
        except StoreTrouble as trouble:
            log.error("the store is in trouble: %s", trouble)
            raise Unavailable from None


@contextmanager
def _booked() -> Iterator[None]:
    """Book the time within on the account of this task, as reading."""
    asked = time.perf_counter_ns()
    try:
        yield
    finally:
        if (spent := account()) is not None:
            spent.read += time.perf_counter_ns() - asked
