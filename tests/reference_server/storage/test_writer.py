"""The writer: batches, their order, and who is told what when one breaks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import cast

import pytest
import trio
import trio.testing

from reference_server.core.errors import ApiError, Internal, NotPermitted, Unavailable
from reference_server.storage import writer as writer_module
from reference_server.storage.base import Commands, Queries, StoreTrouble
from reference_server.storage.blobs import Blobs
from reference_server.storage.disk import APART_NS, PROMPT_NS, Disk
from reference_server.storage.partials import Partials
from reference_server.storage.writer import Writer

PATIENCE_S = 30


class Ledger:
    """A store that keeps a record of what it was asked; a transaction is the list of its words."""

    def __init__(self) -> None:
        self.record: list[str] = []
        self.kept: list[str] = []
        self.pending: list[str] = []
        self.break_begin: Callable[[], None] = lambda: None
        self.break_commit: Callable[[], None] = lambda: None

    def reading(self) -> AbstractContextManager[Queries]:
        """No test reads through the writer."""
        raise NotImplementedError

    @property
    def blobs(self) -> Blobs:
        """No test keeps files through the writer."""
        raise NotImplementedError

    @property
    def partials(self) -> Partials:
        """Nor uploads."""
        raise NotImplementedError

    @property
    def commands(self) -> Commands:
        """The jobs here write words."""
        return cast(Commands, self)

    def write(self, word: str) -> None:
        """A change."""
        self.pending.append(word)

    def begin(self) -> None:
        """Begin."""
        self.break_begin()
        self.record.append("begin")

    def commit(self) -> None:
        """Keep what is pending."""
        self.break_commit()
        self.record.append(f"commit {' '.join(self.pending)}".strip())
        self.kept += self.pending
        self.pending.clear()

    def rollback(self) -> None:
        """Drop what is pending."""
        self.record.append("rollback")
        self.pending.clear()

    def close(self) -> None:
        """Nothing is open."""


class Office:
    """A writer over a ledger, with the answers that came."""

    def __init__(self, disk: Disk | None = None) -> None:
        self.ledger = Ledger()
        self.writer = Writer(self.ledger, disk=disk)
        self.answers: list[tuple[str, object]] = []

    def ask(self, word: str, deed: Callable[[Ledger], object] | None = None) -> None:
        """Submit a job that does `deed` and writes `word`."""

        def job(commands: Commands) -> object:
            ledger = cast(Ledger, commands)
            answer = deed(ledger) if deed is not None else None
            ledger.write(word)
            return answer

        def done(result: object) -> None:
            self.ledger.record.append(f"answer {word}")
            self.answers.append((word, result))

        self.writer.submit(job, done)

    async def work(self) -> None:
        """Let the writer do all that waits."""
        self.writer.stop()
        with trio.fail_after(PATIENCE_S):
            await self.writer.run()

    def refusals(self) -> dict[str, type[object]]:
        """The kinds of the answers that are refusals."""
        return {word: type(r) for word, r in self.answers if isinstance(r, ApiError)}


@pytest.fixture
def office() -> Office:
    """A writer that does not run yet."""
    return Office()


def refuse(_: Ledger) -> None:
    """A decision against the caller."""
    raise NotPermitted


def crash(_: Ledger) -> None:
    """A bug."""
    raise ZeroDivisionError


def trouble() -> None:
    """The disk is full."""
    raise StoreTrouble("database or disk is full")


async def test_what_waits_is_one_transaction_answered_in_order_after_its_commit(
    office: Office,
) -> None:
    """Durable before it is told (DLV-8)."""
    for word in ("one", "two", "three"):
        office.ask(word)
    await office.work()
    assert office.ledger.record == [
        "begin",
        "commit one two three",
        "answer one",
        "answer two",
        "answer three",
    ]


@pytest.mark.usefixtures("commits_apart")
async def test_what_comes_while_a_batch_is_away_is_the_next_one(office: Office) -> None:
    """Under load, batches grow by themselves."""
    away, come_back = trio.Event(), threading.Event()
    token = trio.lowlevel.current_trio_token()

    def linger(_: Ledger) -> None:
        token.run_sync_soon(away.set)
        assert come_back.wait(PATIENCE_S)

    office.ask("first", linger)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(office.writer.run)
        try:
            await away.wait()
            office.ask("second")
            office.ask("third")
            assert office.answers == []
        finally:
            come_back.set()
        office.writer.stop()
    commits = [line for line in office.ledger.record if line.startswith("commit")]
    assert commits == ["commit first", "commit second third"]


async def test_a_lone_job_does_not_wait_for_company(office: Office) -> None:
    """Nothing else ever comes, and it is answered."""
    answered = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(office.writer.run)
        office.writer.submit(lambda _: "alone", lambda _: answered.set())
        with trio.fail_after(PATIENCE_S):
            await answered.wait()
        office.writer.stop()


async def test_answers_may_submit_again(office: Office) -> None:
    """What an answer brings about goes into a later batch."""
    answered = trio.Event()

    def again(_: object) -> None:
        office.writer.submit(lambda _: None, lambda _: answered.set())

    office.writer.submit(lambda _: None, again)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(office.writer.run)
        with trio.fail_after(PATIENCE_S):
            await answered.wait()
        office.writer.stop()
    assert office.ledger.record.count("begin") == 2


async def test_a_refusal_leaves_the_batch_going(office: Office) -> None:
    """It is an answer like any other, in its place; the rest is kept."""
    office.ask("one")
    office.ask("no", refuse)
    office.ask("two")
    await office.work()
    assert office.refusals() == {"no": NotPermitted}
    assert [word for word, _ in office.answers] == ["one", "no", "two"]
    assert office.ledger.record[:2] == ["begin", "commit one two"]


async def test_a_bug_in_one_job_harms_no_other(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    """The batch is dropped and done again one by one; the guilty one is `internal` and logged."""
    office.ask("one")
    office.ask("bug", crash)
    office.ask("two")
    await office.work()
    assert office.refusals() == {"bug": Internal}
    assert [word for word, _ in office.answers] == ["one", "bug", "two"]
    assert office.ledger.kept == ["one", "two"]
    assert [r.exc_info[0] for r in caplog.records if r.exc_info] == [ZeroDivisionError]


async def test_a_bug_in_telling_an_answer_harms_no_other(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    """Who could not be told is none the wiser; the rest of the batch, and the next, are told."""

    def forget(_: object) -> None:
        office.ask("later")
        raise ZeroDivisionError

    office.ask("one")
    office.writer.submit(lambda _: None, forget)
    office.ask("two")
    await office.work()
    assert [word for word, _ in office.answers] == ["one", "two", "later"]
    assert [r.exc_info[0] for r in caplog.records if r.exc_info] == [ZeroDivisionError]


async def test_a_lone_bug_is_internal(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    """It is not tried twice, and the writer goes on."""
    office.ask("bug", crash)
    await office.work()
    assert office.refusals() == {"bug": Internal}
    assert office.ledger.record == ["begin", "rollback", "answer bug"]
    assert len(caplog.records) == 1


async def test_a_store_in_trouble_makes_everything_unavailable_and_keeps_nothing(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    """Retryable (§9); the log says why."""
    office.ledger.break_commit = trouble
    office.ask("one")
    office.ask("two")
    await office.work()
    assert office.refusals() == {"one": Unavailable, "two": Unavailable}
    assert office.ledger.kept == []
    assert "disk is full" in caplog.text


async def test_a_transaction_that_cannot_begin_is_unavailable(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    """Another process may hold the lock."""
    office.ledger.break_begin = trouble
    office.ask("one")
    await office.work()
    assert office.refusals() == {"one": Unavailable}
    assert len(caplog.records) == 1


async def test_only_what_does_not_fit_is_unavailable(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    """Of a batch that breaks, what fits by itself is kept."""

    def too_large() -> None:
        if "large" in office.ledger.pending:
            trouble()

    office.ledger.break_commit = too_large
    for word in ("small", "large", "tiny"):
        office.ask(word)
    await office.work()
    assert office.refusals() == {"large": Unavailable}
    assert office.ledger.kept == ["small", "tiny"]
    assert len(caplog.records) == 1


async def test_a_batch_has_an_end(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the first of many does not wait for the last."""
    monkeypatch.setattr(writer_module, "MAX_BATCH", 3)
    for number in range(7):
        office.ask(str(number))
    await office.work()
    commits = [line for line in office.ledger.record if line.startswith("commit")]
    assert commits == ["commit 0 1 2", "commit 3 4 5", "commit 6"]
    assert [word for word, _ in office.answers] == list("0123456")


async def test_stopping_with_nothing_to_do_ends_at_once(office: Office) -> None:
    """Before it runs, and while it waits."""
    await office.work()
    idle = Office()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(idle.writer.run)
        await trio.testing.wait_all_tasks_blocked()
        idle.writer.stop()
    assert office.ledger.record == idle.ledger.record == []


@pytest.mark.usefixtures("commits_apart")
async def test_a_cancelled_writer_finishes_the_batch_that_is_away(office: Office) -> None:
    """What was committed is answered; what waited is not, and is not kept either."""
    away, come_back = trio.Event(), threading.Event()
    token = trio.lowlevel.current_trio_token()

    def linger(_: Ledger) -> None:
        token.run_sync_soon(away.set)
        assert come_back.wait(PATIENCE_S)

    office.ask("under way", linger)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(office.writer.run)
        await away.wait()
        office.ask("waiting")
        nursery.cancel_scope.cancel()
        come_back.set()
    assert office.ledger.kept == ["under way"]
    assert [word for word, _ in office.answers] == ["under way"]


async def test_a_slow_disk_holds_up_nobody_but_those_who_wait_for_it() -> None:
    """Commits leave the Trio thread when they wait too long, and come back to it after a while."""
    now = 0
    threads: list[str] = []
    disk = Disk(clock=lambda: now, worked=lambda: 0)
    office = Office(disk)

    async def committing(waits_ns: int) -> str:
        """Where one more batch was committed, which waited so long for the disk."""

        def wait() -> None:
            nonlocal now
            now += waits_ns
            threads.append(threading.current_thread().name)

        office.ledger.break_commit = wait
        answered = trio.Event()
        office.writer.submit(lambda _: None, lambda _: answered.set())
        await answered.wait()
        return threads[-1]

    async with trio.open_nursery() as nursery:
        nursery.start_soon(office.writer.run)
        here = threading.current_thread().name
        assert {await committing(PROMPT_NS) for _ in range(100)} == {here}
        assert await committing(100 * PROMPT_NS) == here
        assert {await committing(APART_NS // 4) for _ in range(4)} == {"writer"}
        assert {await committing(0) for _ in range(100)} == {here}
        office.writer.stop()


def test_work_is_no_waiting() -> None:
    """A large batch takes long in any thread; only the disk's part of it counts."""
    now = worked = 0
    disk = Disk(clock=lambda: now, worked=lambda: worked)
    for _ in range(100):
        with disk.watched():
            now += 100 * PROMPT_NS
            worked += 100 * PROMPT_NS
    assert disk.is_prompt()
