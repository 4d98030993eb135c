"""Records that msgcheck itself would not write: edited by hand, or made by another program.

They are of the published form, so each report is made of them all the same.
"""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from reports.formats import FORMATS, made
from reports.load_model import Check
from reports.model import Finding, Mismatch, Results
from reports.reading import Record
from tests.conformance.results import finding, results, scenario
from tests.loadgen.records import record

DEEP = 590


def of(odd: Finding) -> Results:
    """A run with a scenario that failed with this."""
    return results(scenario("a.b", "fail", odd))


RECORDS: dict[str, Record] = {
    "a requirement that fails without a scenario": results(),
    "a finding that blames nothing": of(finding()),
    "a finding without a word": of(replace(finding("ORD-1"), message="", timeline=[])),
    "a step that is no object": of(replace(finding("ORD-1"), step="5")),
    "a difference far down": of(
        replace(
            finding("ORD-1"),
            got="[" * DEEP + "1" + "]" * DEEP,
            mismatches=[Mismatch(pointer="/0" * DEEP, expected="2", got="1")],
        )
    ),
    "a scenario without a name": results(scenario("", "fail", finding("ORD-1"))),
    "a run of no known time": replace(results(), run=replace(results().run, started_at="today")),
    "a load run of no time": record([]),
    "a load run that has measured nothing": replace(record([]), hops=[], checks=[]),
    "an invalid load run that does not say why": replace(
        record([[1.0, 1.0, 1.0]]),
        verdict="invalid",
        reasons=[],
        checks=[Check(name="sent p99", unit="ms", limit=5, measured=6, passed=False)],
    ),
}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", RECORDS)
def test_a_report_is_made_of_any_record_of_the_published_form(name: str, form: str) -> None:
    """With what there is to tell, and no traceback."""
    assert made(form, RECORDS[name])
