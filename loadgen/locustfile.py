"""A generator's process: Locust carries the users, alone or as master and workers.

``python -m loadgen.locustfile JOB`` with a `Job` as a file of JSON. It reports on the file descriptor that
``MSGCHECK_LOAD_REPORTS`` names, and ends when the plan has been carried out, when it is told to (SIGTERM:
it sends no more, and finishes in order), or when its standard input closes.

A master generates nothing. It waits for its workers over Locust's own channel, gives each the plan with its
share, lets them begin together, and passes on what they report; all of that by Locust's custom messages.
"""

from __future__ import annotations

import locust  # noqa: F401  # before everything that uses sockets: it patches them

# isort: split
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from time import monotonic_ns
from typing import Any, Final

import gevent
import msgspec
from gevent.event import AsyncResult, Event
from gevent.pool import Pool
from gevent.socket import wait_read
from locust.env import Environment
from locust.runners import LocalRunner, MasterRunner, WorkerRunner

from .addresses import Address
from .alarm import Alarm
from .crew import Crew
from .descriptors import LOAD, allow
from .generator import INTERRUPTED, Generator
from .hops import HOPS
from .host import GiveUp, Item, Result, clock
from .plan import Plan
from .population import shared_out
from .roles import Alone, Assignment, Job, Lead, Master, Worker
from .samples import values
from .users import READ, DeviceUser, Http
from .wire import REPORTS, Interval, Report, Trouble, packed, unpacked

READERS: Final = 8
"""Histories that are read back at once."""
ASSIGN: Final = "msgcheck_assign"
"""Master to a worker: its share of the plan."""
BEGIN: Final = "msgcheck_begin"
"""Master to all workers: everybody is connected everywhere."""
STOP: Final = "msgcheck_stop"
"""Master to all workers: send no more."""
REPORT: Final = "msgcheck_report"
"""A worker to its master: what the pipe would have been told."""
CONTENT: Final = "content"
"""The only member of a message that says something."""
LOOK: Final = 0.1
"""Seconds between two looks at the other processes."""
NEVER: Final = 1 << 62
"""A moment that does not come."""
AT_ONCE: Final = 1
"""A moment that is over."""
LAST_WORD: Final = 1.0
"""Seconds for a worker's last message to leave."""

Tell = Callable[[Report], None]


class GeventHost:
    """What a generator runs on."""

    def __init__(self, http: Http, begin: Event) -> None:
        self._http = http
        self._begin = begin
        self._due = NEVER
        self._ring: Callable[[], None] = lambda: None

    def sleep(self, seconds: float) -> None:
        """Let other greenlets run."""
        gevent.sleep(seconds)

    def follow(self, moments: Iterator[int]) -> None:
        """Let the event loop itself ask, when the alarm rings."""
        try:
            alarm = Alarm()
        except OSError:
            for moment in moments:
                gevent.sleep(max(0, moment - clock()) / 1e6)
        else:
            self._follow(moments, alarm)

    def look(self, now: int) -> None:
        """A moment may come while the event loop goes through all that it found to read."""
        if now >= self._due:
            self._ring()

    def _follow(self, moments: Iterator[int], alarm: Alarm) -> None:
        """Go on whenever the alarm rings.

        A greenlet that waits by gevent's means makes a waiter, starts a watcher, switches, and stops the
        watcher again, for every message. Here one watcher looks at one timer all the time.
        """
        ended: AsyncResult[None] = AsyncResult()
        watcher = gevent.get_hub().loop.io(alarm.fd, READ)

        def ring() -> None:
            """Called by the event loop, so this must not wait, and what is raised must come out elsewhere."""
            try:
                self._due = next(moments)
                alarm.set(self._due)
            except StopIteration:
                ended.set(None)
            except Exception as error:
                ended.set_exception(error)
            else:
                return
            self._due = NEVER
            watcher.stop()

        self._ring = ring
        watcher.start(ring)
        alarm.set(AT_ONCE)
        try:
            ended.get()
        finally:
            watcher.stop()
            watcher.close()
            alarm.close()

    def spawn(self, task: Callable[[], None]) -> None:
        """Run a greenlet."""
        gevent.spawn(task)

    def map(self, task: Callable[[Item], Result], items: Iterable[Item]) -> Iterable[Result]:
        """Run greenlets, a few at a time."""
        found: Iterable[Result] = Pool(READERS).imap_unordered(task, items)
        return found

    def get(self, path: str, token: str) -> Any:
        """The answer to a GET."""
        return self._http.must("GET", path, token=token)

    def post(self, path: str, token: str, content: Any) -> Any:
        """The answer to a POST."""
        return self._http.must("POST", path, token=token, content=content)

    def put(self, path: str, token: str, content: Any) -> Any:
        """The answer to a PUT."""
        return self._http.must("PUT", path, token=token, content=content)

    def fetch(self, path: str, token: str) -> bytes:
        """The answer to a GET as it came."""
        return self._http.must_come("GET", path, token=token)

    def delete(self, path: str, token: str) -> None:
        """A DELETE that went well."""
        self._http.must_come("DELETE", path, token=token)

    def wait_for_start(self) -> None:
        """Wait for the master's word, if there is a master."""
        self._begin.wait()


def _generator(
    environment: Environment, plan: Plan, share: Assignment, begin: Event, tell: Tell
) -> Generator:
    """The generator of this process, with Locust's users ready to board."""
    environment.host = plan.url
    mine = shared_out(plan.population.talks(plan.seed), share.shards)[share.shard]
    DeviceUser.http = Http(plan.url, environment)
    DeviceUser.crew = crew = Crew(plan, mine, GeventHost(Http(plan.url, environment, LOAD), begin))
    try:
        allow(len(crew.seats), plan.load)
    except ValueError as error:
        crew.give_up(GiveUp("internal", str(error)))
    return Generator(crew, tell)


def _carry_out(generator: Generator, tell: Tell) -> None:
    """Run to the end; what goes wrong is reported, too."""
    try:
        generator.run()
    except GiveUp as trouble:
        tell(Trouble(trouble.kind, str(trouble)))
    except BrokenPipeError:
        raise
    except Exception as error:
        logging.exception("the generator failed")
        tell(Trouble("internal", f"the generator failed: {error!r}"))


def _alone(environment: Environment, role: Alone, tell: Tell) -> None:
    """One process does everything."""
    runner: LocalRunner = environment.create_local_runner()
    if role.web:
        _web(environment, role.web)
        tell = _also_to_locust(environment, tell)
    begin = Event()
    begin.set()
    generator = _generator(environment, role.plan, Assignment(shard=0, shards=1), begin, tell)
    _stop_when_told(generator.stop)
    seats = role.plan.population.users * role.plan.population.devices
    runner.start(seats, spawn_rate=seats)
    _carry_out(generator, tell)


def _master(environment: Environment, role: Master, tell: Tell) -> None:
    """Share the plan out, and pass on what the workers report."""
    runner: MasterRunner = environment.create_master_runner(role.listen.host, role.listen.port)
    if role.web:
        _web(environment, role.web)
    lead = Lead(role.plan, role.workers)
    over = Event()

    def heard(msg: Any, **_: Any) -> None:
        report = unpacked(msg.data[CONTENT])
        for passed_on in lead.heard(str(msg.node_id), report):
            tell(passed_on)
        if lead.may_begin:
            runner.send_message(BEGIN)
        if lead.over:
            over.set()

    def stop() -> None:
        runner.send_message(STOP)
        if not lead.begun:
            over.set()

    runner.register_message(REPORT, heard)
    _stop_when_told(stop)
    if _all_here(runner, role, over, tell):
        _lead(runner, role, lead, over, tell)
    runner.quit()


def _all_here(runner: MasterRunner, role: Master, over: Event, tell: Tell) -> bool:
    """Wait for the workers; whether they came."""
    patience = monotonic_ns() + int(role.plan.setup * 1e9)
    while runner.worker_count < role.workers:
        if over.is_set():
            tell(Trouble("internal", INTERRUPTED))
            return False
        if monotonic_ns() > patience:
            text = f"only {runner.worker_count} of {role.workers} workers came"
            tell(Trouble("unreachable", text))
            return False
        gevent.sleep(LOOK)
    return True


def _lead(runner: MasterRunner, role: Master, lead: Lead, over: Event, tell: Tell) -> None:
    """Give every worker its share, and see that none is lost before the end."""
    for shard, client in enumerate(list(runner.clients.keys())[: role.workers]):
        share = Assignment(shard=shard, shards=role.workers, plan=role.plan, web=bool(role.web))
        runner.send_message(ASSIGN, {CONTENT: msgspec.json.encode(share)}, client_id=client)
    # Locust gives every worker as many users; those without a seat end at once.
    users = lead.most_seats * runner.worker_count
    runner.start(users, spawn_rate=users)
    while not over.wait(LOOK):
        if runner.worker_count < role.workers:
            tell(Trouble("unreachable", "a worker was lost"))
            return


def _worker(environment: Environment, role: Worker, _tell: Tell) -> None:
    """Do one's share, and report to the master."""
    runner: WorkerRunner = environment.create_worker_runner(role.master.host, role.master.port)
    begin, over = Event(), Event()
    stops: list[Callable[[], None]] = [over.set]

    def tell(report: Report) -> None:
        runner.send_message(REPORT, {CONTENT: packed(report)})

    def assigned(msg: Any, **_: Any) -> None:
        share = msgspec.json.decode(msg.data[CONTENT], type=Assignment)
        assert share.plan is not None
        heard = _also_to_locust(environment, tell) if share.web else tell
        generator = _generator(environment, share.plan, share, begin, heard)

        def stop(**_: Any) -> None:
            generator.stop()
            begin.set()

        runner.register_message(STOP, stop)
        stops.append(stop)

        def carry_out() -> None:
            _carry_out(generator, tell)
            gevent.sleep(LAST_WORD)
            over.set()

        gevent.spawn(carry_out)

    _stop_when_told(lambda: stops[-1]())
    runner.register_message(ASSIGN, assigned)
    runner.register_message(BEGIN, lambda **_: begin.set())
    gevent.spawn(_until_quit, runner, over)
    over.wait()


def _until_quit(runner: WorkerRunner, over: Event) -> None:
    """A worker whose master says that it is over, or is gone, ends: Locust kills its greenlets then."""
    while len(runner.greenlet):
        gevent.sleep(LOOK)
    over.set()


def _also_to_locust(environment: Environment, tell: Tell) -> Tell:
    """Let the hops be rows of Locust's own statistics, for its web page."""

    def also(report: Report) -> None:
        tell(report)
        if isinstance(report, Interval):
            for hop in HOPS:
                for latency in values(report.samples.get(f"{hop}/corrected", b"")):
                    environment.stats.log_request("HOP", hop, round(latency / 1000), 0)

    return also


def _web(environment: Environment, place: Address) -> None:
    """Serve Locust's page."""
    environment.create_web_ui(place.host, place.port)


ROLES: Final[dict[type, Callable[[Environment, Any, Tell], None]]] = {
    Alone: _alone,
    Master: _master,
    Worker: _worker,
}


def main(job_file: str) -> int:
    """Run one process of the generator; its exit status is 0 when all was reported."""
    logging.basicConfig(level=logging.WARNING)
    logging.getLogger("locust.runners").setLevel(logging.ERROR)  # it warns of many users at once
    role: Job = msgspec.json.decode(Path(job_file).read_bytes(), type=Job)
    environment = Environment(user_classes=[DeviceUser])
    with os.fdopen(int(os.environ[REPORTS]), "wb", buffering=0) as pipe:

        def tell(report: Report) -> None:
            pipe.write(packed(report))

        try:
            ROLES[type(role)](environment, role, tell)
        except BrokenPipeError:
            return 1
    return 0


def _stop_when_told(stop: Callable[[], None]) -> None:
    """At SIGTERM, and when whoever started this process is gone."""
    gevent.signal_handler(signal.SIGTERM, stop)
    gevent.spawn(_until_stdin_closes, stop)


def _until_stdin_closes(stop: Callable[[], None]) -> None:
    wait_read(sys.stdin.fileno())
    stop()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
