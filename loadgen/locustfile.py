"""A generator's process: Locust carries the users; this schedules, reports and reads back.

``python -m loadgen.locustfile PLAN`` with the plan as a file of JSON. It reports on the file descriptor
that ``MSGCHECK_LOAD_REPORTS`` names, and ends when the plan has been carried out, when it is told to
(SIGTERM: it sends no more, and finishes in order), or when its standard input closes.
"""

from __future__ import annotations

import locust  # noqa: F401  # before everything that uses sockets: it patches them

# isort: split
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic_ns, process_time
from typing import Final

import gevent
import msgspec
from gevent.pool import Pool
from gevent.socket import wait_read
from locust.env import Environment

from .alarm import Alarm
from .crew import Crew, GiveUp, Meeting
from .plan import Plan
from .population import shared_out
from .reading_back import ReadBack, read_back
from .schedule import Arrival, arrivals
from .users import READ, DeviceUser, Http
from .wire import (
    REPORTS,
    Finished,
    Interval,
    Preparing,
    Reconciling,
    Report,
    Started,
    Trouble,
    packed,
)

HEAD_START: Final = 200_000
"""Microseconds from "everybody is connected" to the beginning of the plan."""
LOOK: Final = 0.05
"""Seconds between two looks at what is awaited."""
IDLE: Final = 250_000
"""Microseconds that the scheduler sleeps at most, so that it notices what became due meanwhile."""
MAX_LATE: Final = 5_000_000
"""Microseconds; a message that is later than this is not sent any more."""
READERS: Final = 8
"""Histories that are read back at once."""


class Generator:
    """One process's part of a run."""

    def __init__(self, plan: Plan, shard: int, shards: int, tell: Callable[[Report], None]) -> None:
        environment = Environment(user_classes=[DeviceUser], host=plan.url)
        talks = plan.population.talks(plan.seed)
        self._plan = plan
        self._tell = tell
        self._crew = Crew(plan, shared_out(talks, shards)[shard])
        self._http = Http(plan.url, environment)
        self._runner = environment.create_local_runner()
        self._start = 0
        self._cpu = 0.0
        self._stopped = False
        DeviceUser.crew = self._crew
        DeviceUser.http = self._http

    def stop(self) -> None:
        """Send no more."""
        self._stopped = True

    def run(self) -> None:
        """Carry the plan out. Raises `GiveUp`."""
        seats = len(self._crew.seats)
        self._runner.start(seats, spawn_rate=seats)
        self._gather()
        gc.collect()
        gc.freeze()
        self._tell(Started())
        self._start = monotonic_ns() // 1000 + HEAD_START
        reporting = gevent.spawn(self._report_each_second)
        self._follow_plan()
        self._drain()
        reporting.kill()
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
            gevent.sleep(LOOK)
        self._tell(Preparing(len(crew.lines), len(crew.seats)))

    def _check(self) -> None:
        if self._crew.trouble is not None:
            raise self._crew.trouble
        if self._stopped:
            raise GiveUp("internal", "interrupted before everybody was connected")

    def _follow_plan(self) -> None:
        """The scheduler: send what is due, and let those read who are about to."""
        crew = self._crew
        warm = int(self._plan.load.warmup * 1e6)
        pause = pauses()
        for arrival in self._my_arrivals():
            due = self._start + int(arrival.at * 1e6)
            now = self._wait(due, pause)
            if self._stopped:
                return
            if now - due > MAX_LATE:
                crew.accounting.drop()
            else:
                crew.say(arrival.user, arrival.number, due, now, due - self._start >= warm)

    def _my_arrivals(self) -> Iterator[Arrival]:
        plan = self._plan
        return filter(
            lambda arrival: self._crew.owns(arrival.user),
            arrivals(plan.load, plan.population.users, plan.seed),
        )

    def _wait(self, due: int, pause: Callable[[int], None]) -> int:
        """Wait until a moment (microseconds), and do what is due before it; what time it is then."""
        crew = self._crew
        while True:
            now = monotonic_ns() // 1000
            crew.read_due(now)
            if now >= due or self._stopped:
                return now
            pause(min(due, crew.next_reader or due, now + IDLE))

    def _drain(self) -> None:
        """Wait for what is on its way, while it may still come."""
        deadline = monotonic_ns() // 1000 + int(self._plan.drain * 1e6)
        while self._crew.accounting.in_flight and monotonic_ns() // 1000 < deadline:
            self._sleep_a_little()

    def _sleep_a_little(self) -> None:
        self._crew.read_due(monotonic_ns() // 1000)
        gevent.sleep(LOOK)

    def _finish(self) -> int:
        """Close the books and read the history back; how many entries were compared."""
        crew = self._crew
        crew.accounting.finish([each.talk for each in crew.meetings if each.talk is not None])
        entries = 0
        for found in Pool(READERS).imap_unordered(self._read_back, crew.meetings):
            entries += found.entries
            crew.accounting.counts.history_mismatch += found.mismatches
        return entries

    def _read_back(self, meeting: Meeting) -> ReadBack:
        assert meeting.talk is not None
        return read_back(
            meeting.talk,
            self._crew.accounting,
            self._crew.text,
            lambda path: self._http.must("GET", path, (200,), name="history", token=meeting.token),
        )

    def _report_each_second(self) -> None:
        self._cpu = process_time()
        second = 0
        while True:
            second += 1
            due = self._start / 1e6 + second
            gevent.sleep(max(0.0, due - monotonic_ns() / 1e9))
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


def pauses() -> Callable[[int], None]:
    """How this process sleeps until a moment, as precisely as the system can."""
    try:
        alarm = Alarm()
    except OSError:
        return lambda moment: gevent.sleep(max(0.0, moment / 1e6 - monotonic_ns() / 1e9))
    hub = gevent.get_hub()
    watcher = hub.loop.io(alarm.fd, READ)

    def pause(moment: int) -> None:
        alarm.set(moment)
        hub.wait(watcher)
        alarm.clear()

    return pause


def main(plan_file: str) -> int:
    """Run the generator; its exit status is 0 when everything there is to say was reported."""
    logging.basicConfig(level=logging.WARNING)
    plan = msgspec.json.decode(Path(plan_file).read_bytes(), type=Plan)
    with os.fdopen(int(os.environ[REPORTS]), "wb", buffering=0) as pipe:

        def tell(report: Report) -> None:
            pipe.write(packed(report))

        try:
            generator = Generator(plan, 0, 1, tell)
            gevent.signal_handler(signal.SIGTERM, generator.stop)
            gevent.spawn(_until_stdin_closes, generator)
            generator.run()
        except GiveUp as trouble:
            tell(Trouble(trouble.kind, str(trouble)))
        except BrokenPipeError:
            return 1
    return 0


def _until_stdin_closes(generator: Generator) -> None:
    """Whoever started this process is gone when its standard input closes."""
    wait_read(sys.stdin.fileno())
    generator.stop()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
