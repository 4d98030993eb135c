"""One process's part of a run: gather everybody, follow the plan, report, read the history back.

Locust's and gevent's part of it is the `Host`; here is only what happens in which order.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from time import monotonic_ns, process_time
from typing import Any, Final, Protocol

from .crew import Crew, GiveUp, Meeting
from .reading_back import ReadBack, read_back
from .schedule import Arrival, arrivals
from .wire import Finished, Interval, Preparing, Reconciling, Report, Started

HEAD_START: Final = 200_000
"""Microseconds from "everybody is connected" to the beginning of the plan."""
LOOK: Final = 0.05
"""Seconds between two looks at what is awaited."""
IDLE: Final = 250_000
"""Microseconds that the scheduler sleeps at most, so that it notices what became due meanwhile."""
MAX_LATE: Final = 5_000_000
"""Microseconds; a message that is later than this is not sent any more."""
INTERRUPTED: Final = "interrupted before the load began"


class Host(Protocol):
    """What a generator needs of the machinery that it runs on."""

    def sleep(self, seconds: float) -> None:
        """Let others run for so long."""

    def pause(self, moment: int) -> None:
        """Let others run until a moment (microseconds), as precisely as the system can."""

    def spawn(self, task: Callable[[], None]) -> None:
        """Run something beside everything else."""

    def map(
        self, task: Callable[[Meeting], ReadBack], items: Iterable[Meeting]
    ) -> Iterable[ReadBack]:
        """Run something for each, a few at a time; the results as they come."""

    def get(self, path: str, token: str) -> Any:
        """The JSON of an HTTP answer. Raises `GiveUp` if it is none."""

    def wait_for_start(self) -> None:
        """Wait until the other processes are there, too."""


class Generator:
    """One process's part of a run."""

    def __init__(self, crew: Crew, host: Host, tell: Callable[[Report], None]) -> None:
        self._plan = crew.plan
        self._crew = crew
        self._host = host
        self._tell = tell
        self._start = 0
        self._cpu = 0.0
        self._stopped = False
        self._over = False

    def stop(self) -> None:
        """Send no more."""
        self._stopped = True

    def run(self) -> None:
        """Carry the plan out. Raises `GiveUp`."""
        self._gather()
        self._host.wait_for_start()
        if self._stopped:
            raise GiveUp("internal", INTERRUPTED)
        gc.collect()
        gc.freeze()
        self._tell(Started())
        self._start = monotonic_ns() // 1000 + HEAD_START
        self._host.spawn(self._report_each_second)
        self._follow_plan()
        self._drain()
        self._over = True
        self._tell(self._interval())
        self._tell(Reconciling())
        entries = self._finish()
        self._tell(self._interval(cpu=0.0))
        self._crew.closing = True
        for line in self._crew.lines:
            line.close()
        self._tell(Finished(entries))

    def _gather(self) -> None:
        """Wait until everybody is connected."""
        crew = self._crew
        deadline = monotonic_ns() + int(self._plan.setup * 1e9)
        known = -1
        while not crew.complete:
            self._check()
            if known != len(crew.lines):
                known = len(crew.lines)
                self._tell(Preparing(known, len(crew.seats)))
            if monotonic_ns() > deadline:
                raise GiveUp(
                    "unreachable",
                    f"after {self._plan.setup:g} s only {len(crew.lines)} of {len(crew.seats)} "
                    "devices are connected",
                )
            self._host.sleep(LOOK)
        self._tell(Preparing(len(crew.lines), len(crew.seats)))

    def _check(self) -> None:
        if self._crew.trouble is not None:
            raise self._crew.trouble
        if self._stopped:
            raise GiveUp("internal", INTERRUPTED)

    def _follow_plan(self) -> None:
        """The scheduler: send what is due, and let those read who are about to."""
        crew = self._crew
        warm = int(self._plan.load.warmup * 1e6)
        for arrival in self._my_arrivals():
            due = self._start + int(arrival.at * 1e6)
            now = self._wait(due)
            if self._stopped:
                return
            if now - due > MAX_LATE:
                crew.accounting.drop()
            else:
                self._let(arrival, due, now, due - self._start >= warm)

    def _let(self, arrival: Arrival, due: int, now: int, measured: bool) -> None:
        """Let a user do what it does now."""
        if arrival.act == "text":
            self._crew.say(arrival.user, arrival.number, due, now, measured)
        else:
            self._host.spawn(
                partial(self._crew.browse, arrival.user, due, now, measured, self._host.get)
            )

    def _my_arrivals(self) -> Iterator[Arrival]:
        plan = self._plan
        return filter(
            lambda arrival: self._crew.owns(arrival.user),
            arrivals(plan.load, plan.population.users, plan.seed),
        )

    def _wait(self, due: int) -> int:
        """Wait until a moment (microseconds), and do what is due before it; what time it is then."""
        crew = self._crew
        while True:
            now = monotonic_ns() // 1000
            crew.read_due(now)
            if now >= due or self._stopped:
                return now
            self._host.pause(min(due, crew.next_reader or due, now + IDLE))

    def _drain(self) -> None:
        """Wait for what is on its way, while it may still come."""
        deadline = monotonic_ns() // 1000 + int(self._plan.drain * 1e6)
        while (
            self._crew.accounting.in_flight or self._crew.next_reader
        ) and monotonic_ns() // 1000 < deadline:
            self._sleep_a_little()

    def _sleep_a_little(self) -> None:
        self._crew.read_due(monotonic_ns() // 1000)
        self._host.sleep(LOOK)

    def _finish(self) -> int:
        """Close the books and read the history back; how many entries were compared."""
        crew = self._crew
        crew.accounting.finish([each.talk for each in crew.meetings if each.talk is not None])
        entries = 0
        for found in self._host.map(self._read_back, crew.meetings):
            entries += found.entries
            crew.accounting.counts.history_mismatch += found.mismatches
        return entries

    def _read_back(self, meeting: Meeting) -> ReadBack:
        assert meeting.talk is not None
        return read_back(
            meeting.talk,
            self._crew.accounting,
            self._crew.text,
            lambda path: self._host.get(path, meeting.token),
        )

    def _report_each_second(self) -> None:
        self._cpu = process_time()
        second = 0
        while True:
            second += 1
            due = self._start / 1e6 + second
            self._host.sleep(max(0.0, due - monotonic_ns() / 1e9))
            if self._over:
                return
            self._tell(self._interval())

    def _interval(self, cpu: float | None = None) -> Interval:
        """What happened since the last one; reading the history back costs `cpu` nothing."""
        accounting = self._crew.accounting
        spent = process_time()
        interval = Interval(
            second=(monotonic_ns() // 1000 - self._start) // 1_000_000,
            counts=accounting.take_counts(),
            samples=accounting.samples.take(),
            in_flight=accounting.in_flight,
            cpu=spent - self._cpu if cpu is None else cpu,
        )
        self._cpu = spent
        return interval
