"""`junit.xml`: the same results for CI systems, one test case for each variant of a scenario.

A fail or flaky scenario is a `failure`, a harness error or an inconclusive one an `error`, what is not
applicable is `skipped` with its reason. What does not make the run fail (known failures, a broken
SHOULD) passes, with the evidence in `system-out`.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from .evidence import evidence
from .judgement import excused, headline
from .model import Results, Scenario

_FORBIDDEN = re.compile(r"[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")
"""What XML 1.0 (section 2.2) cannot hold."""


def render(results: Results) -> bytes:
    """The XML document."""
    suite = ET.Element(
        "testsuite",
        name="msgcheck",
        timestamp=results.run.started_at.removesuffix("Z"),
        hostname=clean(results.run.target),
        time=f"{results.run.seconds:.3f}",
    )
    properties = ET.SubElement(suite, "properties")
    for name, value in (
        ("target", results.run.target),
        ("seed", str(results.run.seed)),
        ("verdict", results.verdict),
        ("interrupted", str(results.run.interrupted).lower()),
    ):
        ET.SubElement(properties, "property", name=name, value=clean(value))
    for scenario in results.scenarios:
        suite.append(_case(scenario))
    return document(suite)


def document(suite: ET.Element) -> bytes:
    """The XML document around a suite, with its cases counted by their outcome."""
    for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(name, str(len(suite.findall(f"testcase/{tag}"))))
    suite.set("tests", str(len(suite.findall("testcase"))))
    root = ET.Element(
        "testsuites",
        {name: suite.get(name, "0") for name in ("name", "tests", "failures", "errors", "time")},
    )
    root.append(suite)
    ET.indent(root)
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _case(scenario: Scenario) -> ET.Element:
    case = ET.Element(
        "testcase",
        classname=scenario.id.partition(".")[0],
        name=clean(scenario.name),
        file=scenario.file,
        time=f"{scenario.seconds:.3f}",
    )
    told = "\n\n".join("\n".join(evidence(finding)) for finding in scenario.findings)
    match scenario.verdict:
        case "not applicable":
            ET.SubElement(case, "skipped", message=clean(scenario.reason or ""))
        case "error" | "inconclusive":
            problem = ET.SubElement(case, "error", type=scenario.verdict)
            problem.set("message", clean(headline(scenario)))
            problem.text = clean(told or scenario.reason or "")
        case "fail" | "flaky" if not excused(scenario):
            problem = ET.SubElement(case, "failure", type=scenario.verdict)
            problem.set("message", clean(headline(scenario)))
            problem.text = clean(told)
        case _ if told:
            ET.SubElement(case, "system-out").text = clean(told)
    return case


def clean(text: str) -> str:
    """The text with what XML cannot hold replaced."""
    return _FORBIDDEN.sub("�", text)
