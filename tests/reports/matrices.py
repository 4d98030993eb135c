"""Kill matrices that never were."""

from __future__ import annotations

from random import Random

from reports.mutants_model import Alarm, Bar, Control, Kill, Matrix, Promise, Row, Trial

AREAS = {"ordering": "ORD", "pagination": "PAG", "status": "STA"}


def scenario_name(area: str, number: int) -> str:
    """A scenario of an area."""
    return f"{area}.keeps-the-promise-number-{number}-under-load"


def kill(scenario: str, requirement: str, message: str) -> Kill:
    """An assertion that caught a fault, or, in the area of order, a checker."""
    if scenario.startswith("ordering"):
        return Kill(
            scenario=scenario,
            by="checker",
            checker="order",
            requirements=[requirement],
            message=message,
        )
    return Kill(
        scenario=scenario,
        by="assertion",
        place="specs/scenarios/a.yaml:12",
        requirements=[requirement],
        message=message,
    )


def matrix(
    faults: int = 6, scenarios: int = 9, density: float = 0.4, message: str = "a gap in the log"
) -> Matrix:
    """A matrix of any size; the first fault survives, so one bar is not met."""
    draw = Random(faults)  # noqa: S311
    names = [scenario_name(list(AREAS)[n % 3], n) for n in range(scenarios)]
    trials = []
    for number in range(faults):
        breaks = f"{list(AREAS.values())[number % 3]}-1"
        caught = [name for name in names if number and draw.random() < density]
        caught = caught or names[: min(number, 1)]
        trials.append(
            Trial(
                fault=f"fault-{number}",
                breaks=[breaks],
                shows=f"Promise {number} is not kept.",
                verdict="killed" if caught else "survived",
                kills=[kill(name, breaks, message) for name in caught],
            )
        )
    return Matrix(
        schema_version=1,
        kind="mutants",
        tool_version="0.1.0",
        seed=7,
        scope="suite",
        selection=[],
        killed=faults - 1,
        faults=faults,
        false_alarms=0,
        control=Control(scenarios=scenarios, false_alarms=list[Alarm]()),
        requirements=[
            Promise(
                id=f"{short}-1", area=area.capitalize(), level="MUST", text=f"The {area} is kept."
            )
            for area, short in AREAS.items()
        ],
        trials=trials,
        scenarios=[
            Row(
                scenario=name,
                kills=[t.fault for t in trials if name in {each.scenario for each in t.kills}],
            )
            for name in names
        ],
        bars=[
            Bar(name="every fault is killed", met=False, missing=["fault-0"]),
            Bar(name="every scenario kills something", met=None),
            Bar(name="no false alarm on the healthy server", met=True),
        ],
        exit_status=1,
        seconds=12.3,
    )
