"""What counts as having caught a fault, and what the matrix as a whole says of the suite.

A kill is a finding that blames a requirement which the fault breaks, made by an assertion of a step or by
a checker. It is no kill when the scenario could not even be set up, when a request was simply never
answered, when time ran out on an overloaded host, or when only other promises were found broken: a
suite that notices that *something* is wrong has not understood what.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reports.model import Finding, Results, Scenario
from reports.mutants_model import Alarm, Bar, Control, Kill, Row, Trial

from ..catalogue import Catalogue
from ..faults import Fault

EXCLUDED = {"ENC-10": "it is about clients"}
"""Requirements that no server can break, and why."""

EVERY_MUST = "every MUST has a fault"
EVERY_FAULT = "every fault is killed"
EVERY_SCENARIO = "every scenario kills something"
NO_ALARM = "no false alarm on the healthy server"


def trial_of(fault: Fault, results: Results) -> Trial:
    """What the run against `fault` shows."""
    failed = [each for each in results.scenarios if each.verdict in ("fail", "flaky")]
    kills = [kill for each in failed if (kill := _kill(fault, each)) is not None]
    killers = {kill.scenario for kill in kills}
    return Trial(
        fault=fault.name,
        breaks=list(fault.breaks),
        shows=fault.shows,
        verdict="killed" if kills else "survived",
        kills=kills,
        bystanders=[each.name for each in failed if each.name not in killers],
        seconds=results.run.seconds,
    )


def not_played(fault: Fault, reason: str) -> Trial:
    """A fault of which nothing is known."""
    return Trial(
        fault=fault.name,
        breaks=list(fault.breaks),
        shows=fault.shows,
        verdict="not played",
        reason=reason,
    )


def _kill(fault: Fault, scenario: Scenario) -> Kill | None:
    for finding in scenario.findings:
        blamed = [each for each in finding.requirements if each in fault.breaks]
        if blamed and _counts(finding):
            return Kill(
                scenario=scenario.name,
                by="checker" if finding.kind == "checker" else "assertion",
                requirements=blamed,
                message=finding.message,
                checker=finding.checker,
                place=None if (at := finding.place) is None else f"{at.file}:{at.line}",
            )
    return None


def _counts(finding: Finding) -> bool:
    return finding.kind != "setup" and not finding.inconclusive and not finding.unanswered


def control_of(results: Results) -> Control:
    """What the run against the healthy server shows."""
    return Control(
        scenarios=len(results.scenarios),
        false_alarms=[
            Alarm(scenario=each.name, message=each.findings[0].message if each.findings else "")
            for each in results.scenarios
            if each.verdict in ("fail", "flaky")
        ],
        unjudged=[
            each.name for each in results.scenarios if each.verdict in ("inconclusive", "error")
        ],
        seconds=results.run.seconds,
    )


def rows(scenarios: Iterable[str], trials: Sequence[Trial]) -> list[Row]:
    """The matrix by scenario; `scenarios` are their ids."""
    kills: dict[str, dict[str, None]] = {identity: {} for identity in scenarios}
    for trial in trials:
        for kill in trial.kills:
            kills.setdefault(kill.scenario.partition("[")[0], {})[trial.fault] = None
    return [Row(scenario=identity, kills=list(caught)) for identity, caught in kills.items()]


def bars(
    catalogue: Catalogue,
    capabilities: Iterable[str],
    known: Sequence[Fault],
    trials: Sequence[Trial],
    scenarios: Sequence[Row] | None,
    control: Control,
) -> list[Bar]:
    """The bars; `scenarios` None where too little was played to say which of them kill nothing.

    A requirement whose capability the server does not offer (`capabilities`) needs no fault.
    """
    broken = {identity for each in known for identity in each.breaks}
    offered = {None, *capabilities}
    unbroken = [
        identity
        for identity, each in catalogue.requirements.items()
        if each.level == "MUST"
        and each.capability in offered
        and identity not in broken | EXCLUDED.keys()
    ]
    idle = [row.scenario for row in scenarios or () if not row.kills]
    return [
        _bar(EVERY_MUST, unbroken),
        _bar(EVERY_FAULT, [each.fault for each in trials if each.verdict != "killed"]),
        Bar(name=EVERY_SCENARIO, met=None) if scenarios is None else _bar(EVERY_SCENARIO, idle),
        _bar(NO_ALARM, [each.scenario for each in control.false_alarms]),
    ]


def _bar(name: str, missing: list[str]) -> Bar:
    return Bar(name=name, met=not missing, missing=missing)
