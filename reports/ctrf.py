"""`ctrf.json`: the results in the Common Test Report Format (https://ctrf.io), version 0.0.

Statuses are as in `junit.xml`: what makes the run fail is ``failed``, what could not be judged ``other``,
what is not applicable ``skipped``; known failures and broken advice pass. The verdict itself is the
`rawStatus`.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from .evidence import evidence
from .judgement import excused, headline
from .load_model import LoadRun
from .model import Json, Results, Run, Scenario, ScenarioVerdict

VERSION: Final = "0.0.0"

Status = Literal["passed", "failed", "skipped", "pending", "other"]

_STATUS: Final[dict[ScenarioVerdict, Status]] = {
    "pass": "passed",
    "fail": "failed",
    "flaky": "failed",
    "not applicable": "skipped",
    "inconclusive": "other",
    "error": "other",
}


def render(results: Results) -> bytes:
    """The JSON document."""
    run = results.run
    return document(
        run,
        [_test(scenario) for scenario in results.scenarios],
        verdict={"verdict": results.verdict, "reasons": results.reasons},
        facts={"seed": run.seed, "capabilities": run.capabilities},
    )


def document(
    run: Run | LoadRun, tests: list[dict[str, Any]], *, verdict: Json, facts: Json
) -> bytes:
    """The JSON document around the tests of a run; `verdict` and `facts` are ours, beside the standard's."""
    start = _instant(run.started_at)
    counted = Counter(test["status"] for test in tests)
    made = {
        "reportFormat": "CTRF",
        "specVersion": VERSION,
        "generatedBy": f"msgcheck {run.tool_version}",
        "results": {
            "tool": {"name": "msgcheck", "version": run.tool_version},
            "summary": {
                "tests": len(tests),
                "passed": counted["passed"],
                "failed": counted["failed"],
                "skipped": counted["skipped"],
                "pending": counted["pending"],
                "other": counted["other"],
                "flaky": sum(test["flaky"] for test in tests),
                "start": start,
                "stop": start + _milliseconds(run.seconds),
                "duration": _milliseconds(run.seconds),
                "extra": verdict,
            },
            "tests": tests,
            "environment": {
                "appName": "the reference server" if run.embedded else run.target,
                "osPlatform": run.platform,
                "extra": facts,
            },
        },
    }
    return msgspec.json.format(msgspec.json.encode(made), indent=2) + b"\n"


def _test(scenario: Scenario) -> dict[str, Any]:
    status = "passed" if excused(scenario) else _STATUS[scenario.verdict]
    test: dict[str, Any] = {
        "name": scenario.name,
        "status": status,
        "duration": _milliseconds(scenario.seconds),
        "suite": [scenario.id.partition(".")[0]],
        "rawStatus": scenario.verdict,
        "tags": scenario.proves,
        "filePath": scenario.file,
        "retries": max(scenario.attempts - 1, 0),
        "flaky": scenario.verdict == "flaky",
        "extra": {"title": scenario.title},
    }
    if scenario.verdict != "pass":
        test["message"] = headline(scenario)
    if scenario.findings:
        test["trace"] = "\n\n".join("\n".join(evidence(each)) for each in scenario.findings)
    place = next((each.place for each in scenario.findings if each.place), None)
    return test if place is None else test | {"line": place.line}


def _instant(text: str) -> int:
    """Milliseconds since 1970; 0 for what is no time, since the format does not do without one."""
    try:
        return _milliseconds(datetime.fromisoformat(text).timestamp())
    except (ValueError, OverflowError):
        return 0


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
