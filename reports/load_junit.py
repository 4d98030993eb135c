"""`junit.xml` of a load run: one test case for each line of the budget.

A line that is not kept is a `failure`. A run that is invalid says nothing about the server, so every
case is an `error` with the reasons.
"""

from __future__ import annotations

from xml.etree import ElementTree as ET

from .junit import clean, document
from .load_model import Check, LoadResults


def render(results: LoadResults) -> bytes:
    """The XML document."""
    run = results.run
    suite = ET.Element(
        "testsuite",
        name=f"msgcheck load {run.budget}",
        timestamp=run.started_at.removesuffix("Z"),
        hostname=clean(run.target),
        time=f"{run.seconds:.3f}",
    )
    properties = ET.SubElement(suite, "properties")
    for name, value in (
        ("target", run.target),
        ("seed", str(run.seed)),
        ("verdict", results.verdict),
        ("rate", f"{run.rate:g}/s"),
        ("users", str(run.users)),
    ):
        ET.SubElement(properties, "property", name=name, value=clean(value))
    for check in results.checks:
        suite.append(_case(check, results))
    return document(suite)


def _case(check: Check, results: LoadResults) -> ET.Element:
    case = ET.Element(
        "testcase", classname=results.run.budget, name=clean(check.name), time="0.000"
    )
    figure = "nothing" if check.is_empty else f"{check.measured:g}"
    measured = f"measured {figure}, limit {check.limit:g} {check.unit}".rstrip()
    if results.verdict == "invalid":
        problem = ET.SubElement(case, "error", type="invalid")
        problem.set("message", clean(results.headline))
        problem.text = clean("\n".join([*results.reasons, measured]))
    elif not check.passed:
        ET.SubElement(case, "failure", type="budget", message=clean(measured))
    else:
        ET.SubElement(case, "system-out").text = measured
    return case
