"""What a master makes of what its workers say."""

from __future__ import annotations

from loadgen.plan import Plan, Population
from loadgen.roles import Lead
from loadgen.schedule import Load
from loadgen.wire import Finished, Preparing, Reconciling, Started, Trouble

PLAN = Plan(
    url="http://localhost",
    run="run",
    seed=1,
    population=Population(users=10),
    load=Load(rate=1, warmup=0, duration=1),
    drain=1,
    setup=1,
)


def test_everybody_begins_when_everybody_is_connected() -> None:
    """Once, and not before the last worker is ready."""
    lead = Lead(PLAN, workers=2)
    assert list(lead.heard("a", Preparing(6, 6))) == [Preparing(6, 10)]
    assert not lead.may_begin
    assert list(lead.heard("b", Preparing(1, 4))) == [Preparing(7, 10)]
    assert not lead.may_begin
    assert list(lead.heard("b", Preparing(4, 4))) == [Preparing(10, 10)]
    assert [lead.may_begin, lead.may_begin] == [True, False]


def test_what_all_say_is_passed_on_once() -> None:
    """The run as a whole starts, reconciles and finishes once, with all entries together."""
    lead = Lead(PLAN, workers=2)
    for worker in "ab":
        list(lead.heard(worker, Preparing(5, 5)))
    assert lead.may_begin
    told = [
        report
        for saying in (Started(), Reconciling(), Finished(7, 0.5))
        for worker in "ab"
        for report in lead.heard(worker, saying)
    ]
    assert told == [Started(), Reconciling(), Finished(14, 1.0)]
    assert lead.over


def test_one_workers_trouble_ends_the_run() -> None:
    """What the others measured is no result any more."""
    lead = Lead(PLAN, workers=2)
    trouble = Trouble("unreachable", "gone")
    assert list(lead.heard("a", trouble)) == [trouble]
    assert lead.over


def test_the_fullest_share_says_how_many_users_a_worker_gets() -> None:
    """Five pairs on two workers: six devices on one, four on the other."""
    assert Lead(PLAN, workers=2).most_seats == 6
    assert Lead(PLAN, workers=1).most_seats == 10
