"""Verdicts: what findings make of a scenario, a requirement and a run."""

from collections.abc import Sequence
from typing import get_args

import pytest

from conformance.catalogue import Catalogue
from conformance.engine import Played
from conformance.findings import Finding as Found
from conformance.loader import Variant
from conformance.verdicts import REPLAYED, judge_run, requirements, verdict_of
from reports.model import BaselineEntry, Requirement, Scenario, ScenarioVerdict

from .results import finding, scenario
from .scenarios import load
from .scenarios import scenario as scenario_text

ALL_CAPABILITIES = frozenset({"groups"})


@pytest.fixture(scope="module")
def variant(catalogue: Catalogue) -> Variant:
    """Any variant."""
    return load(scenario_text("{as: alice, connect: {}}"), catalogue).variants[0]


def played(variant: Variant, *findings: Found, fault: str | None = None) -> Played:
    """A play with these findings."""
    return Played(variant=variant, attempt=1, findings=list(findings), fault=fault)


def found(*, inconclusive: bool) -> Found:
    """A failed step."""
    return Found(kind="step", requirements=("ORD-1",), message="x", inconclusive=inconclusive)


def test_a_play_is_judged_by_its_worst_finding(variant: Variant) -> None:
    """A certain failure outweighs an uncertain one, a fault of the harness outweighs both."""
    sure, unsure = found(inconclusive=False), found(inconclusive=True)
    assert verdict_of(played(variant)) == "pass"
    assert verdict_of(played(variant, unsure)) == "inconclusive"
    assert verdict_of(played(variant, unsure, sure)) == "fail"
    assert verdict_of(played(variant, sure, fault="a mistake")) == "error"


def test_playing_again_never_makes_a_failure_a_success() -> None:
    """What failed once is at best flaky."""
    assert {after for (before, _), after in REPLAYED.items() if before == "fail"} == {
        "flaky",
        "fail",
    }
    assert REPLAYED["inconclusive", "pass"] == "pass"


def test_every_second_play_has_a_verdict() -> None:
    """Whatever the two plays say: nothing that can happen is forgotten."""
    again = ("fail", "inconclusive")
    second = set(get_args(ScenarioVerdict)) - {"flaky"}
    assert REPLAYED.keys() == {(first, then) for first in again for then in second}


def test_nothing_to_judge_at_the_second_play_takes_no_failure_back() -> None:
    """A target that was seen to fail is not excused by one that shows nothing."""
    assert REPLAYED["fail", "not applicable"] == "fail"
    assert REPLAYED["inconclusive", "not applicable"] == "not applicable"


def judged(
    catalogue: Catalogue,
    scenarios: Sequence[Scenario],
    proved: dict[str, list[str]],
    capabilities: frozenset[str] = ALL_CAPABILITIES,
) -> dict[str, Requirement]:
    """The verdicts on all requirements by their ids."""
    return {each.id: each for each in requirements(catalogue, scenarios, proved, capabilities)}


def test_a_requirement_has_the_worst_verdict_of_its_scenarios(catalogue: Catalogue) -> None:
    """One scenario that breaks it outweighs all that keep it."""
    said = judged(
        catalogue,
        [scenario("a.x", "pass"), scenario("a.y", "fail", finding("ORD-1"))],
        {"a.x": ["ORD-1"], "a.y": ["ORD-1"]},
    )
    assert said["ORD-1"].verdict == "fail"
    assert said["ORD-1"].scenarios == ["a.x", "a.y"]


def test_a_checker_blames_a_requirement_that_the_scenario_does_not_list(
    catalogue: Catalogue,
) -> None:
    """Checkers see everything that happened."""
    said = judged(catalogue, [scenario("a.x", "fail", finding("DLV-1"))], {"a.x": ["ORD-1"]})
    assert said["DLV-1"].verdict == "fail"


def test_a_failed_scenario_says_nothing_of_what_it_did_not_blame(catalogue: Catalogue) -> None:
    """It ended before it could tell; another scenario may still prove it."""
    broken = scenario("a.x", "fail", finding("DLV-1"))
    alone = judged(catalogue, [broken], {"a.x": ["ORD-1", "DLV-1"]})
    assert alone["ORD-1"].verdict == "inconclusive"
    assert alone["ORD-1"].reason == "a.x failed before it could tell"
    helped = judged(
        catalogue,
        [broken, scenario("a.y", "pass")],
        {"a.x": ["ORD-1", "DLV-1"], "a.y": ["ORD-1"]},
    )
    assert helped["ORD-1"].verdict == "pass"


def test_a_flaky_scenario_makes_what_it_blamed_flaky(catalogue: Catalogue) -> None:
    """A promise broken once was broken."""
    said = judged(catalogue, [scenario("a.x", "flaky", finding("ORD-1"))], {"a.x": ["ORD-1"]})
    assert said["ORD-1"].verdict == "flaky"


def test_what_nothing_speaks_of_is_not_covered_or_not_applicable(catalogue: Catalogue) -> None:
    """Not applicable where the target has no such capability, with the reason."""
    said = judged(catalogue, [], {})
    assert said["ORD-1"].verdict == "not covered"
    assert said["AST-1"].verdict == "not applicable"
    assert said["AST-1"].reason == "the target has no capability media"


def test_a_requirement_whose_scenarios_are_not_applicable_says_why(catalogue: Catalogue) -> None:
    """Listed with the reason, never silent."""
    said = judged(
        catalogue,
        [scenario("a.x", "not applicable", reason="no restarts")],
        {"a.x": ["DLV-8"]},
    )
    assert (said["DLV-8"].verdict, said["DLV-8"].reason) == ("not applicable", "no restarts")


@pytest.mark.parametrize(
    ("verdicts", "verdict", "status"),
    [
        (["pass"], "conformant", 0),
        (["pass", "not applicable"], "conformant", 0),
        (["pass", "fail"], "not conformant", 1),
        (["flaky"], "not conformant", 1),
        (["pass", "error"], "undecided", 3),
        (["pass", "inconclusive"], "undecided", 3),
        (["fail", "error", "inconclusive"], "not conformant", 1),
    ],
)
def test_the_run_is_judged_by_its_scenarios(
    verdicts: list[ScenarioVerdict], verdict: str, status: int
) -> None:
    """A broken promise outweighs what could not be judged, and that outweighs success."""
    scenarios = [
        scenario(f"a.{number}", each, *([finding("ORD-1")] if each in ("fail", "flaky") else []))
        for number, each in enumerate(verdicts)
    ]
    judgement = judge_run(scenarios, [], interrupted=False)
    assert (judgement.verdict, judgement.exit_status) == (verdict, status)


def test_known_failures_and_broken_shoulds_do_not_fail_the_run() -> None:
    """The baseline's, and the advice that a run that is not strict leaves open."""
    known = scenario("a.x", "fail", finding("ORD-1", known="being mended"))
    advice = scenario("a.y", "fail", finding("EPH-1"), advisory=True)
    assert judge_run([known, advice], [], interrupted=False).exit_status == 0
    half = scenario("a.z", "fail", finding("ORD-1", known="being mended"), finding("DLV-1"))
    assert judge_run([half], [], interrupted=False).exit_status == 1


def test_a_known_failure_that_passes_fails_the_run() -> None:
    """So that the list cannot rot."""
    entry = BaselineEntry(reason="was slow", scenario="a.x", state="passes now")
    judgement = judge_run([scenario("a.x", "pass")], [entry], interrupted=False)
    assert judgement.exit_status == 1
    assert "a.x fails, but it passes now" in judgement.reasons[0]


def test_an_interrupted_run_is_undecided() -> None:
    """What passed until then is no proof of the rest."""
    judgement = judge_run([scenario("a.x", "pass")], [], interrupted=True)
    assert (judgement.verdict, judgement.exit_status) == ("undecided", 3)
