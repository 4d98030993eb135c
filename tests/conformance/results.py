"""Pieces of results, for tests of verdicts, baselines and reports."""

from reports.model import (
    Finding,
    Place,
    Repeat,
    Requirement,
    Results,
    Run,
    Scenario,
    ScenarioVerdict,
    TimelineEntry,
    Totals,
)


def finding(*requirements: str, inconclusive: bool = False, known: str | None = None) -> Finding:
    """A failed step."""
    return Finding(
        kind="step",
        requirements=list(requirements),
        message="the expected `message` frame did not come within 10 s",
        place=Place(file="scenarios/a.yaml", line=12, column=5),
        step='{"on": "bob", "expect": {"message": {}}}',
        note="the first one",
        expected="`message` matching {}",
        got="since the cursor: 1 × welcome\nno `message` among them",
        inconclusive=inconclusive,
        known=known,
        timeline=[
            TimelineEntry(t=0.001, lane="alice.main", direction="out", label='send "hi"'),
            TimelineEntry(
                t=0.002, lane="bob.main", direction="in", label="welcome bob", guilty=True
            ),
        ],
        repeat=Repeat(command="msgcheck run a.b --seed 7", requests=["curl -i http://x/"]),
    )


def scenario(
    name: str,
    verdict: ScenarioVerdict,
    *findings: Finding,
    reason: str | None = None,
    advisory: bool = False,
) -> Scenario:
    """A scenario with a verdict."""
    return Scenario(
        name=name,
        id=name.partition("[")[0],
        title=f"The title of {name}",
        file="scenarios/a.yaml",
        proves=["ORD-1"],
        verdict=verdict,
        reason=reason,
        advisory=advisory,
        seconds=0.25,
        attempts=1,
        findings=list(findings),
    )


def of_every_verdict(*more: Scenario) -> Results:
    """A run with a scenario of each verdict, one that is known to fail, and others."""
    return results(
        scenario("a.passes", "pass"),
        scenario("a.fails[via=http]", "fail", finding("ORD-1")),
        scenario("a.flickers", "flaky", finding("ORD-1"), reason="passed when played again"),
        scenario("a.lacks", "not applicable", reason="the target has no capability media"),
        scenario("a.waits", "inconclusive", finding("ORD-1", inconclusive=True)),
        scenario("a.breaks", "error", reason="an error in msgcheck itself\ndetails"),
        scenario("a.known", "fail", finding("ORD-1", known="issue 12")),
        *more,
    )


def results(*scenarios: Scenario) -> Results:
    """A whole document."""
    return Results(
        schema_version=1,
        run=Run(
            tool_version="0.1.0",
            target="http://127.0.0.1:1",
            embedded=False,
            adapter="messenger",
            capabilities=["groups"],
            seed=7,
            jobs=16,
            strict=False,
            started_at="2026-11-22T10:00:00.000Z",
            seconds=1.5,
            platform="Linux",
        ),
        verdict="not conformant",
        exit_status=1,
        reasons=["1 scenario failed"],
        totals=Totals(scenarios={"fail": 1}, requirements={"fail": 1}),
        requirements=[
            Requirement(
                id="ORD-1",
                area="Order",
                level="MUST",
                text="seqs are dense",
                source="§4",
                verdict="fail",
                scenarios=[each.name for each in scenarios],
            )
        ],
        scenarios=list(scenarios),
    )
