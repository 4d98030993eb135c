"""What a process of the generator is: all of it, the master of several, or one of those.

The master's bookkeeping is here, too, and pure: which workers have said what, and what that means for the
run as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from .addresses import Address
from .plan import Plan
from .population import shared_out
from .wire import Finished, Preparing, Reconciling, Report, Started, Trouble

MASTER: Final = Address("127.0.0.1", 5557)
"""Where a master is unless it is said; the port is Locust's own for masters."""


class Alone(Struct, frozen=True, kw_only=True, tag="alone"):
    """One process that does everything."""

    plan: Plan
    web: Address | None = None
    """Where Locust's page is served, if anywhere."""


class Master(Struct, frozen=True, kw_only=True, tag="master"):
    """The process that shares the plan out."""

    plan: Plan
    workers: int
    listen: Address = MASTER
    """Where its workers find it."""
    web: Address | None = None


class Worker(Struct, frozen=True, kw_only=True, tag="worker"):
    """A process that carries a share of the users."""

    master: Address = MASTER


Job = Alone | Master | Worker


class Assignment(Struct, frozen=True, kw_only=True):
    """Which part of the conversations a process carries."""

    shard: int
    shards: int
    plan: Plan | None = None
    web: bool = False
    """Whether the hops are to be rows of Locust's page."""


class Lead:
    """What a master knows of its workers."""

    def __init__(self, plan: Plan, workers: int) -> None:
        talks = plan.population.talks(plan.seed)
        each = [
            sum(len(talks[index].members) for index in mine) * plan.population.devices
            for mine in shared_out(talks, workers)
        ]
        self._workers = workers
        self._devices = sum(each)
        self.most_seats = max(each)
        """Of any worker."""
        self._connected: dict[str, int] = {}
        self._ready: set[str] = set()
        self._reconciling: set[str] = set()
        self._finished: dict[str, Finished] = {}
        self._failed = False
        self.begun = False

    @property
    def may_begin(self) -> bool:
        """Whether everybody is connected everywhere; true once."""
        if self.begun or len(self._ready) < self._workers:
            return False
        self.begun = True
        return True

    @property
    def over(self) -> bool:
        """Whether no more will come."""
        return self._failed or len(self._finished) == self._workers

    def heard(self, worker: str, report: Report) -> Iterator[Report]:
        """A worker's report, and what the run as a whole has to say about it."""
        match report:
            case Preparing(connected=connected, devices=devices):
                self._connected[worker] = connected
                if connected == devices:
                    self._ready.add(worker)
                yield Preparing(sum(self._connected.values()), self._devices)
            case Started():
                if self.begun and not self._reconciling and worker == min(self._ready):
                    yield report
            case Reconciling():
                self._reconciling.add(worker)
                if len(self._reconciling) == self._workers:
                    yield report
            case Finished():
                self._finished[worker] = report
                if self.over:
                    every = self._finished.values()
                    yield Finished(
                        sum(each.entries for each in every), sum(each.cpu for each in every)
                    )
            case Trouble():
                self._failed = True
                yield report
            case _:
                yield report
