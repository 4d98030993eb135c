"""One process's part of a run: gather everybody, follow the plan, report, read the history back.

Here is only what happens in which order; what it runs on is the crew's `Host`.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from functools import partial
from time import process_time
from typing import Final

from .acts import Acts, Due
from .cleaning import Cleaning
from .crew import Crew, Meeting
from .host import GiveUp, clock, patiently
from .reading_back import ReadBack, read_back
from .schedule import arrivals
from .sealing import Sealing
from .storms import Storms
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


class Generator:
    """One process's part of a run."""

    def __init__(self, crew: Crew, tell: Callable[[Report], None]) -> None:
        self._plan = crew.plan
        self._crew = crew
        self._acts = Acts(crew)
        self._storms = Storms(crew)
        self._sealing = Sealing(crew)
        self._host = crew.host
        self._tell = tell
        self._start = 0
        self._cpu = 0.0
        self._stopped = False
        self._over = False

    def stop(self) -> None:
        """Send no more."""
        self._stopped = True

    @property
    def _halted(self) -> bool:
        return self._stopped or self._crew.trouble is not None

    def run(self) -> None:
        """Carry the plan out, and clean up behind it if that is wanted. Raises `GiveUp`."""
        try:
            finished = self._carry_out()
        finally:
            self._crew.closing = True
            for line in self._crew.lines:
                line.close()
            if self._plan.clean_up:
                self._tell(Cleaning(self._crew).clean())
        self._tell(finished)

    def _carry_out(self) -> Finished:
        self._gather()
        self._host.wait_for_start()
        if self._stopped:
            raise GiveUp("internal", INTERRUPTED)
        gc.collect()
        gc.freeze()
        self._tell(Started())
        self._start = clock() + HEAD_START
        self._host.spawn(self._report_each_second)
        self._host.spawn(partial(self._storms.rage, self._start))
        self._host.follow(self._follow_plan())
        self._drain()
        self._over = True
        self._tell(self._interval())
        if self._crew.trouble is not None:
            raise self._crew.trouble
        self._tell(Reconciling())
        began = process_time()
        entries = self._finish()
        cpu = process_time() - began
        self._tell(self._interval(cpu=0.0))
        return Finished(entries, cpu)

    def _gather(self) -> None:
        """Wait until everybody is connected."""
        crew = self._crew
        deadline = clock() + int(self._plan.setup * 1e6)
        known = -1
        while not crew.complete:
            self._check()
            if known != len(crew.lines):
                known = len(crew.lines)
                self._tell(Preparing(known, len(crew.seats)))
            if clock() > deadline:
                raise GiveUp(
                    "unreachable",
                    f"after {self._plan.setup:g} s only {len(crew.lines)} of {len(crew.seats)} "
                    "devices are connected",
                )
            self._host.sleep(LOOK)
        self._sealing.prepare()
        self._tell(Preparing(len(crew.lines), len(crew.seats)))

    def _check(self) -> None:
        if self._crew.trouble is not None:
            raise self._crew.trouble
        if self._stopped:
            raise GiveUp("internal", INTERRUPTED)

    def _follow_plan(self) -> Iterator[int]:
        """The scheduler: begin what is due, and let those read who are about to; when to go on with it."""
        crew, load = self._crew, self._plan.load
        warm = int(load.warmup * 1e6)
        for arrival in arrivals(load, self._plan.population.users, self._plan.seed):
            line = crew.speaker(arrival.user)
            if line is None:
                continue
            due = self._start + int(arrival.at * 1e6)
            now = clock()
            crew.read_due(now)
            while now < due and not self._halted:
                yield min(due, crew.next_reader or due, now + IDLE)
                now = clock()
                crew.read_due(now)
            if self._halted:
                return
            if now - due > MAX_LATE:
                crew.accounting.drop()
            else:
                measured = due - self._start >= warm
                self._acts.let(arrival.act, Due(line, arrival.number, due, now, measured))

    def _drain(self) -> None:
        """Wait for what is on its way, while it may still come."""
        deadline = clock() + int(self._plan.drain * 1e6)
        crew = self._crew
        while not (crew.accounting.is_settled and crew.next_reader is None) and clock() < deadline:
            if crew.trouble is not None:
                return
            self._sleep_a_little()

    def _sleep_a_little(self) -> None:
        crew, now = self._crew, clock()
        while crew.next_reader and crew.next_reader <= now:
            crew.read_due(now)
        self._host.sleep(LOOK)

    def _finish(self) -> int:
        """Close the books and read the history back; how many entries were compared."""
        crew = self._crew
        away = {line.device.user_id for line in crew.lines if not line.live}
        talks = [each.talk for each in crew.meetings if each.talk is not None]
        crew.accounting.finish(talks, away)
        entries = 0
        for found in self._host.map(self._read_back, crew.meetings):
            entries += found.entries
            crew.accounting.counts.history_mismatch += found.mismatches
        return entries

    def _read_back(self, meeting: Meeting) -> ReadBack:
        assert meeting.talk is not None
        try:
            return read_back(
                meeting.talk,
                self._crew.accounting,
                self._crew.is_body,
                lambda path: patiently(
                    lambda: self._host.get(path, meeting.token), self._host.sleep
                ),
            )
        except GiveUp as trouble:
            text = f"the history could not be read back: {trouble}"
            raise GiveUp(trouble.kind, text, trouble.cause) from None

    def _report_each_second(self) -> None:
        self._cpu = process_time()
        second = 0
        while True:
            second += 1
            due = self._start / 1e6 + second
            self._host.sleep(max(0.0, due - clock() / 1e6))
            if self._over:
                return
            self._tell(self._interval())

    def _interval(self, cpu: float | None = None) -> Interval:
        """What happened since the last one; what reading the history back costs is told elsewhere."""
        accounting = self._crew.accounting
        spent = process_time()
        interval = Interval(
            second=(clock() - self._start) // 1_000_000,
            counts=accounting.take_counts(),
            samples=accounting.samples.take(),
            in_flight=accounting.in_flight,
            cpu=spent - self._cpu if cpu is None else cpu,
            causes=accounting.causes.take(),
        )
        self._cpu = spent
        return interval
