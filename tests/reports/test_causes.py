"""What failed is told by cause, the most telling first."""

import random
from typing import Literal

import pytest
from msgspec.structs import replace

from reports.causes import causes
from reports.model import Finding, Mismatch, Requirement, Scenario, TimelineEntry
from reports.telling import headline, told
from tests.conformance.results import finding, scenario


def seen(requirement: str, message: str) -> Finding:
    """What a checker saw and can point at."""
    return replace(
        finding(requirement),
        kind="checker",
        checker="order",
        message=message,
        step=None,
        place=None,
    )


def absent(requirement: str) -> Finding:
    """A step that waited in vain, with nothing to point at."""
    return replace(finding(requirement), got=None, expected=None, timeline=[])


def prepared(requirement: str) -> Finding:
    """A preparation that failed."""
    return replace(finding(requirement), kind="setup")


def traced(one: Scenario, events: int) -> Scenario:
    """The scenario with a trace of that length, in which alice and bob take part."""
    lanes = ("alice.main", "bob.phone")
    entries = [
        TimelineEntry(t=n, lane=lanes[n % 2], direction="in", label="x", n=n) for n in range(events)
    ]
    return replace(one, trace=entries)


def requirement(name: str, level: Literal["MUST", "SHOULD"]) -> Requirement:
    """A requirement that was broken."""
    return Requirement(id=name, area="A", level=level, text="…", source="§", verdict="fail")


REQUIREMENTS = [
    requirement("ORD-1", "MUST"),
    requirement("STA-1", "MUST"),
    requirement("EPH-1", "SHOULD"),
]


def order(*scenarios: Scenario) -> list[str]:
    """The scenarios in the order of what they tell, whatever order they were played in."""
    mixed = list(scenarios)
    random.Random(3).shuffle(mixed)  # noqa: S311
    return [each.name for cause in causes(mixed, REQUIREMENTS) for each in cause.scenarios]


def test_what_was_seen_comes_before_what_was_missed() -> None:
    """Of one scenario: a checker that can point, a step with what came, one without, a preparation."""
    findings = [prepared("ORD-1"), absent("ORD-1"), finding("ORD-1"), seen("ORD-1", "a gap")]
    one = told(scenario("a.b", "fail", *findings))
    assert one.findings == list(reversed(findings))


def test_a_promise_that_the_scenario_is_about_comes_before_another() -> None:
    """What else is broken may be a consequence."""
    one = told(scenario("a.b", "fail", seen("STA-1", "a fall"), finding("ORD-1")))
    assert [each.requirements for each in one.findings] == [["ORD-1"], ["STA-1"]]


def test_scenarios_that_failed_in_the_same_way_are_one_cause() -> None:
    """Numbers, ids and people differ in each; the shortest trace is told."""
    alike = [
        traced(scenario("a.long", "fail", seen("ORD-1", "bob.phone missed seq 7 of x7.")), 9),
        traced(scenario("a.short", "fail", seen("ORD-1", "alice.main missed seq 2 of y2.")), 3),
        traced(scenario("a.other", "fail", seen("ORD-1", "alice.main got seq 2 of y2 twice.")), 3),
    ]
    found = causes(alike, REQUIREMENTS)
    assert [[each.name for each in cause.scenarios] for cause in found] == [
        ["a.short", "a.long"],
        ["a.other"],
    ]


def test_steps_fail_in_the_same_way_whatever_differed() -> None:
    """The same promise, the same kind of step, the same complaint."""
    alike = [
        replace(
            finding("ORD-1"),
            message=f'not as expected: /{n}: expected 1, got "{n}"',
            mismatches=[Mismatch(pointer=f"/{n}", expected="1", got=f'"{n}"')],
            step=f'{{"as": "alice", "history": {{"limit": {n}}}}}',
        )
        for n in range(3)
    ]
    assert len(causes([scenario(f"a.b{n}", "fail", one) for n, one in enumerate(alike)], [])) == 1
    other = replace(alike[0], step='{"as": "alice", "status_of": "$m"}')
    assert len(causes([scenario("a", "fail", alike[0]), scenario("b", "fail", other)], [])) == 2


def test_what_counts_comes_before_what_does_not() -> None:
    """A broken MUST, a SHOULD where it counts, a flaky one, what has no verdict, advice, what is known."""
    names = order(
        scenario("g.known", "fail", finding("ORD-1", known="issue 12")),
        scenario("f.advice", "fail", finding("EPH-1"), advisory=True),
        scenario("e.waits", "inconclusive", finding("ORD-1", inconclusive=True)),
        scenario("d.breaks", "error", reason="an error"),
        scenario("c.flickers", "flaky", finding("ORD-1"), reason="passed alone"),
        scenario("b.should", "fail", seen("EPH-1", "a ghost")),
        scenario("a.must", "fail", absent("ORD-1")),
        scenario("z.passes", "pass"),
        scenario("z.lacks", "not applicable", reason="no media"),
    )
    assert names[0] == "a.must"
    assert set(names[1:3]) == {"b.should", "c.flickers"}
    assert names[3:] == ["d.breaks", "e.waits", "f.advice", "g.known"]


def test_what_many_show_comes_before_what_one_shows() -> None:
    """Where the evidence is equally good; the names decide last, so that it is always the same."""
    many = [scenario(f"z.{n}", "fail", seen("ORD-1", f"a gap at {n}")) for n in range(3)]
    one = scenario("a.one", "fail", seen("ORD-1", "twice"))
    assert order(*many, one) == ["z.0", "z.1", "z.2", "a.one"]


@pytest.mark.parametrize(
    ("mismatch", "told_as"),
    [
        (Mismatch(pointer="/seq", expected="1", got="0"), "/seq is 0 instead of 1"),
        (Mismatch(pointer="", expected='"a"', got='"b"'), '"b" instead of "a"'),
        (
            Mismatch(pointer="/items", expected="2 elements, " + "[1]" * 99, got="[[], [], []]"),
            "/items is [[], [], []] instead of 2 elements",
        ),
        (
            Mismatch(pointer="/items", expected="length 18", got="15: [" + "1" * 99),
            "/items is 15 instead of length 18",
        ),
        (
            Mismatch(pointer="/items", expected="2 elements, [1, 2]", got=str([*range(40)])),
            "/items is 40 elements instead of 2 elements, [1, 2]",
        ),
        (Mismatch(pointer="/text", expected="x" * 99, got="y"), "/text differs"),
    ],
)
def test_a_headline_tells_the_first_difference_if_it_is_short(
    mismatch: Mismatch, told_as: str
) -> None:
    """The others are counted; the diff has them all."""
    at = f"{mismatch.pointer}: expected " if mismatch.pointer else "expected "
    message = f"the answer is wrong: {at}{mismatch.expected}, got {mismatch.got}"
    one = replace(finding("ORD-1"), message=message, mismatches=[mismatch] * 3)
    assert headline(one) == f"the answer is wrong: {told_as}, and 2 more"


def test_a_headline_tells_the_frame_that_must_not_come() -> None:
    """And whom it came to."""
    one = replace(finding("ORD-1"), message="a frame came that must never come")
    assert headline(one) == "a frame came that must never come: bob.main got welcome bob"


def test_people_are_called_by_their_names_in_the_scenario() -> None:
    """The ids that a run gave them stand in the finding."""
    message = "bob (bob-ue6hvg8cw7) was told of alice-b2k4m6p8q0/main-ifjh3te4."
    one = traced(scenario("a.b", "fail", seen("ORD-1", message)), 4)
    (cause,) = causes([one], REQUIREMENTS)
    assert cause.message == "bob was told of alice/main."


def test_an_error_of_the_harness_is_a_cause_by_its_reason() -> None:
    """It has no finding; its first line tells it."""
    broken = [scenario(f"a.{n}", "error", reason=f"no room\nat {n}") for n in range(2)]
    (cause,) = causes(broken, REQUIREMENTS)
    assert (cause.finding, cause.message, len(cause.scenarios)) == (None, "no room", 2)
