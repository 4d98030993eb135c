"""What counts as having caught a fault, and which bars are met."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from conformance.catalogue import Catalogue
from conformance.faults import Fault
from conformance.mutants import judging
from reports.model import Finding
from reports.mutants_model import Bar, Control, Trial

from ..results import finding, results, scenario

FAULT = Fault("a-number-is-skipped", ("ORD-1", "ORD-2"), "A gap.")
HEALTHY = Control(scenarios=3)


def tried(*findings: Finding) -> Trial:
    """The trial of a run in which one scenario failed with these findings."""
    return judging.trial_of(FAULT, results(scenario("order.one", "fail", *findings)))


def test_an_assertion_of_what_the_fault_breaks_kills_it() -> None:
    """The matrix names the scenario, its step, and what was blamed of what is broken."""
    trial = tried(finding("ORD-2", "DLV-1"))
    (kill,) = trial.kills
    assert (trial.verdict, trial.bystanders) == ("killed", [])
    assert (kill.scenario, kill.by, kill.place) == (
        "order.one",
        "assertion",
        "scenarios/a.yaml:12",
    )
    assert kill.requirements == ["ORD-2"]


def test_a_checker_kills_under_its_name() -> None:
    """Its finding has no step."""
    (kill,) = tried(replace(finding("ORD-1"), kind="checker", checker="order")).kills
    assert (kill.by, kill.checker) == ("checker", "order")


@pytest.mark.parametrize(
    "no_kill",
    [
        finding("DLV-1"),
        finding("ORD-1", inconclusive=True),
        replace(finding("ORD-1"), kind="setup"),
        replace(finding("ORD-1"), unanswered=True),
    ],
    ids=["of another promise", "out of breath", "in the set-up", "without an answer"],
)
def test_to_notice_that_something_is_wrong_is_no_kill(no_kill: Finding) -> None:
    """The scenario is told as a bystander, and the fault survives."""
    trial = tried(no_kill)
    assert (trial.verdict, trial.kills, trial.bystanders) == ("survived", [], ["order.one"])
    assert tried(no_kill, finding("ORD-1")).verdict == "killed"


def test_a_failure_that_did_not_come_back_kills_as_well() -> None:
    """A rare fault is a fault."""
    flaky = results(scenario("order.one", "flaky", finding("ORD-1")))
    assert judging.trial_of(FAULT, flaky).verdict == "killed"


def test_a_scenario_that_passed_kills_nothing() -> None:
    """Findings of its first play were withdrawn with its verdict."""
    passed = results(scenario("order.one", "pass"), scenario("order.two", "not applicable"))
    assert judging.trial_of(FAULT, passed) == tried_nothing()


def tried_nothing() -> Trial:
    """A trial in which nothing failed."""
    return Trial(
        fault=FAULT.name, breaks=["ORD-1", "ORD-2"], shows="A gap.", verdict="survived", seconds=1.5
    )


def test_who_accuses_the_healthy_server_raises_a_false_alarm() -> None:
    """A flake too; what came to no verdict is told apart."""
    control = judging.control_of(
        results(
            scenario("a", "fail", finding("ORD-1")),
            scenario("b", "flaky", finding("ORD-1")),
            scenario("c", "inconclusive"),
            scenario("d", "pass"),
        )
    )
    assert control.scenarios == 4
    assert [alarm.scenario for alarm in control.false_alarms] == ["a", "b"]
    assert control.unjudged == ["c"]


def test_the_variants_of_a_scenario_are_one_row() -> None:
    """A row for each scenario of the selection, also for those that kill nothing."""
    trial = judging.trial_of(
        FAULT,
        results(
            scenario("order.one[via=http]", "fail", finding("ORD-1")),
            scenario("order.one[via=realtime]", "fail", finding("ORD-1")),
        ),
    )
    rows = judging.rows(["order.one", "order.two"], [trial])
    assert [(row.scenario, row.kills) for row in rows] == [
        ("order.one", [FAULT.name]),
        ("order.two", []),
    ]


def test_bars_say_what_is_missing(catalogue: Catalogue) -> None:
    """Which MUST has no fault, which fault survived, which scenario kills nothing, who cried wolf."""
    trials = [tried(), judging.not_played(FAULT, "no scenario proves what it breaks")]
    rows = judging.rows(["order.one"], trials)
    alarm = judging.control_of(results(scenario("a", "fail", finding("ORD-1"))))
    must, every, each, alarms = judging.bars(catalogue, ["groups"], [FAULT], trials, rows, alarm)
    assert not must.met
    assert "DLV-1" in must.missing
    assert "CONV-3" in must.missing  # the server offers groups
    assert not {"ORD-1", "ENC-1", "EPH-1"} & set(must.missing)  # has one; not offered; a SHOULD
    assert (every.met, every.missing) == (False, [FAULT.name, FAULT.name])
    assert (each.met, each.missing) == (False, ["order.one"])
    assert (alarms.met, alarms.missing) == (False, ["a"])


def test_bars_are_met_when_nothing_is_missing(catalogue: Catalogue) -> None:
    """Requirements about clients need no fault of a server."""
    everything = Fault("breaks-everything", tuple(catalogue.requirements), "Nothing works.")
    trial = judging.trial_of(everything, results(scenario("order.one", "fail", finding("ORD-1"))))
    rows = judging.rows(["order.one"], [trial])
    bars = judging.bars(catalogue, ["e2ee"], [everything], [trial], rows, HEALTHY)
    assert all(bar.met for bar in bars)


def test_a_part_of_the_suite_cannot_tell_what_is_idle(catalogue: Catalogue) -> None:
    """Then the bar is neither met nor missed."""
    bars = judging.bars(catalogue, [], [FAULT], [tried(finding("ORD-1"))], None, HEALTHY)
    assert Bar(name=judging.EVERY_SCENARIO, met=None) in bars
