"""`ctrf.json` of a load run: a test for each line of the budget, as in `junit.xml`.

A run that is invalid says nothing about the server, so each of its lines is ``other``.
"""

from __future__ import annotations

from typing import Any

from .ctrf import Status, document
from .load_model import Check, LoadResults


def render(results: LoadResults) -> bytes:
    """The JSON document."""
    run = results.run
    return document(
        run,
        [_test(check, results) for check in results.checks],
        verdict={"verdict": results.verdict, "reasons": results.reasons},
        facts={"seed": run.seed, "budget": run.budget, "rate": run.rate, "users": run.users},
    )


def _test(check: Check, results: LoadResults) -> dict[str, Any]:
    test: dict[str, Any] = {
        "name": check.name,
        "status": _status(check, results),
        "duration": 0,
        "suite": [results.run.budget],
        "rawStatus": "kept" if check.passed else "broken",
        "flaky": False,
        "extra": {"limit": check.limit, "measured": check.measured, "unit": check.unit},
    }
    if test["status"] != "passed":
        told = f"measured {check.measured:g}, limit {check.limit:g} {check.unit}".rstrip()
        test["message"] = results.headline if results.verdict == "invalid" else told
    return test


def _status(check: Check, results: LoadResults) -> Status:
    if results.verdict == "invalid":
        return "other"
    return "passed" if check.passed else "failed"
