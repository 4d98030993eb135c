"""The forms of a record for other programs: CTRF, Markdown, the badge."""

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator
from msgspec.structs import replace

from reports import badge, ctrf, junit, markdown
from reports.model import Results, Totals
from tests.conformance.results import finding, of_every_verdict, results, scenario

SCHEMA = Path(__file__).parent / "ctrf-schema-0.0.json"
"""As its authors publish it; its licence lies beside it."""

HOSTILE = "<script>alert(1)</script> | `x` [a](b) @team ![i](j)\n# title \x1b[2J \u202e"


@pytest.fixture
def document() -> Results:
    """A run with one scenario of each verdict."""
    return of_every_verdict()


def as_ctrf(document: Results) -> dict[str, Any]:
    """The CTRF document, held against its published schema."""
    made: dict[str, Any] = json.loads(ctrf.render(document))
    problems = Draft7Validator(json.loads(SCHEMA.read_text("utf-8"))).iter_errors(made)
    assert [error.message for error in problems] == []
    return made


def test_ctrf_is_as_its_schema_says(document: Results) -> None:
    """Counts agree with the tests, and a failure has its place and evidence."""
    told = as_ctrf(document)["results"]
    assert {
        name: told["summary"][name]
        for name in ("tests", "passed", "failed", "skipped", "other", "flaky")
    } == {"tests": 7, "passed": 2, "failed": 2, "skipped": 1, "other": 2, "flaky": 1}
    failed = next(test for test in told["tests"] if test["name"] == "a.fails[via=http]")
    assert failed["line"] == 12
    assert "expected  `message` matching {}" in failed["trace"]
    assert told["summary"]["stop"] - told["summary"]["start"] == 1500


def test_ctrf_and_junit_agree_on_what_fails_the_run(document: Results) -> None:
    """Two tools that read the two must not quarrel."""
    counted = as_ctrf(document)["results"]["summary"]
    suite = ET.fromstring(junit.render(document))[0]  # noqa: S314  made here
    assert suite.get("failures") == str(counted["failed"])
    assert suite.get("errors") == str(counted["other"])
    assert suite.get("skipped") == str(counted["skipped"])


def test_the_summary_in_markdown_tells_verdict_reasons_and_the_way_on(document: Results) -> None:
    """In that order."""
    text = markdown.render(document).decode()
    places = [
        text.index(piece)
        for piece in ("Not conformant", "1 scenario failed", "ORD&#45;1", "a&#46;fails", "See the")
    ]
    assert places == sorted(places)


def test_markdown_holds_no_markup_of_others() -> None:
    """Nothing in a message or a name becomes a link, a mention, a heading, a cell or HTML."""
    text = markdown.render(
        results(scenario("a.b", "fail", replace(finding("ORD-1"), message=HOSTILE)))
    ).decode()
    rows = [line for line in text.splitlines() if line.startswith("| a")]
    assert len(rows) == 1
    assert rows[0].count("|") == 4
    assert not re.search(r"<script|\]\(|@team|\x1b|\u202e", text)


@given(st.text())
def test_literal_text_has_no_character_that_markdown_acts_on(text: str) -> None:
    """Whatever it holds: all punctuation is an entity."""
    made = markdown.literal(text)
    assert not re.search(r"[!\"#$%'()*+,./:<=>?@\[\\\]^_`{|}~\n-]", re.sub(r"&#\d+;", "", made))


WORDS = {ord("0"): "never ", ord("1"): "ever "}
"""Numbers in words: by numbers alone, two messages are alike."""


def test_a_long_summary_is_cut() -> None:
    """A job's page holds a mebibyte."""
    many = [
        scenario(f"a.b{n}", "fail", replace(finding("ORD-1"), message=f"{n:b}".translate(WORDS)))
        for n in range(300)
    ]
    text = markdown.render(results(*many))
    assert b"250 more scenarios" in text
    assert len(text) < 100_000


def test_the_badge_counts_kept_requirements(document: Results) -> None:
    """An SVG with a text alternative."""
    totals = Totals(scenarios={}, requirements={"pass": 66, "fail": 1, "not applicable": 10})
    root = ET.fromstring(badge.render(replace(document, totals=totals)))  # noqa: S314  made here
    assert root.get("aria-label") == "Messenger API: not conformant, 66 of 67 requirements kept"
