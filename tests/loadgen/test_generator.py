"""The order of a run, and what becomes of it when the generator gets no processor: in virtual time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from conformance.resources import BUDGETS
from loadgen import generator as generators
from loadgen.budgets import Budget, load_budget
from loadgen.client import Entry, Sent, Status
from loadgen.gathering import Gathering
from loadgen.generator import Generator
from loadgen.host import GiveUp
from loadgen.judging import judge
from loadgen.schedule import Load
from loadgen.wire import Finished, Interval, Preparing, Reconciling, Report, Started

from .crews import Answers, Written, pair

LOAD = Load(rate=50, warmup=0, duration=10)
SERVER = 1_000
"""Microseconds that the server takes for everything."""


class VirtualHost(Answers):
    """A machine on which every moment comes late by as much as `starved` says, and nothing else takes time."""

    def __init__(self, starved: Callable[[int], int]) -> None:
        super().__init__()
        self.now = 0
        self._starved = starved

    def sleep(self, seconds: float) -> None:
        """Time passes."""
        self.now += int(seconds * 1e6)

    def follow(self, moments: Iterator[int]) -> None:
        """Time passes; too much of it, if the process is not given a processor."""
        for moment in moments:
            self.now = moment + self._starved(moment)

    def spawn(self, task: Callable[[], None]) -> None:
        """Nobody is there for what runs beside: the reports of each second, and storms."""


def budget() -> Budget:
    """The published one for pairs; its limits are far above what this server takes."""
    return load_budget(BUDGETS / "direct_chat.yaml")


def reports(starved: Callable[[int], int], monkeypatch: pytest.MonkeyPatch) -> list[Report]:
    """Everything that a generator tells of a run on such a machine, against a quick server."""
    crew, alice, bob = pair(LOAD)
    crew.host = host = VirtualHost(starved)
    monkeypatch.setattr(generators, "clock", lambda: host.now)
    lines = (alice, bob)
    entries: list[dict[str, Any]] = []

    def serve(sender: Written, frame: Any) -> None:
        books, reader = crew.accounting, lines[sender is alice]
        me, other = sender.device, reader.device
        if frame["type"] == "send":
            entries.append({**frame, "seq": len(entries) + 1})
            identity, seq, now = frame["client_message_id"], len(entries), host.now + SERVER
            books.sent(me, Sent(identity, "c", seq), now)
            books.came(other, Entry("c", seq, me.user_id, identity), now)
            books.status(me, Status("c", other.user_id, "delivered", seq), now + SERVER)
            crew.will_read(reader, now)
        elif frame["type"] == "read":
            told = Status("c", me.user_id, "read", frame["up_to_seq"])
            books.status(other, told, host.now + SERVER)

    for line in lines:
        line.carry = partial(serve, line)
    crew.meetings[0].token = "token"
    host.answers["/v1.0/conversations/c/messages"] = {"items": entries, "before": None}
    run: list[Report] = []
    Generator(crew, run.append).run()
    return run


def verdict(told: list[Report]) -> tuple[str, list[str]]:
    """What the run comes to, and why."""
    gathered = Gathering()
    for report in told:
        if isinstance(report, Interval):
            gathered.take(report)
    found = judge(budget(), gathered, None, interrupted=False)
    return found.verdict, found.reasons


def test_a_run_tells_what_it_does_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody connected, the load, the history; and every message is verified."""
    told = reports(lambda _: 0, monkeypatch)
    kinds = [type(report) for report in told]
    assert kinds == [Preparing, Started, Interval, Reconciling, Interval, Finished]
    first, last = told[2], told[-1]
    assert isinstance(first, Interval)
    assert isinstance(last, Finished)
    assert first.counts.verified == first.counts.planned == last.entries > 400


def test_a_generator_starved_of_its_processor_says_invalid_and_not_slow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """For a fifth of a second of each second it does not run; the server is as quick as before."""
    assert verdict(reports(lambda _: 100, monkeypatch)) == ("within budget", [])
    starved = reports(lambda moment: max(0, 200_000 - moment % 1_000_000), monkeypatch)
    told, reasons = verdict(starved)
    assert told == "invalid"
    assert len(reasons) == 1
    assert "the generator was late itself" in reasons[0]


def test_what_could_not_be_sent_in_time_is_left_out_and_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After six seconds without a processor, what is five seconds late is not sent any more."""
    told = reports(lambda moment: 6_000_000 if 1_000_000 < moment < 1_100_000 else 0, monkeypatch)
    found, reasons = verdict(told)
    assert found == "invalid"
    assert any("did not send" in reason for reason in reasons)


def test_trouble_in_the_middle_ends_the_run_with_what_was_measured_so_far(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing more is sent, nothing is waited for, and the first reason is told instead of a verdict."""
    crew, *_ = pair(LOAD)
    crew.host = host = VirtualHost(lambda moment: trouble(moment))
    monkeypatch.setattr(generators, "clock", lambda: host.now)

    def trouble(moment: int) -> int:
        if moment > 2_000_000:
            crew.give_up(GiveUp("internal", "stopped"))
        return 0

    told: list[Report] = []
    with pytest.raises(GiveUp, match="stopped"):
        Generator(crew, told.append).run()
    (interval,) = (report for report in told if isinstance(report, Interval))
    assert 50 < interval.counts.planned < 150
    assert host.now < 3_000_000
