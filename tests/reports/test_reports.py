"""The record of a run and its views."""

import io
import json
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest
from jsonschema import Draft202012Validator
from rich.console import Console

from conformance.resources import SPECS
from reports import junit, schema, terminal
from reports.evidence import WIDTH, timeline
from reports.model import Results, TimelineEntry, encode
from reports.reading import read
from tests.conformance.results import finding, of_every_verdict, results, scenario

SCHEMA = SPECS / "results.schema.json"


@pytest.fixture
def document() -> Results:
    """A run with one scenario of each verdict."""
    return of_every_verdict(scenario("a.advice", "fail", finding("ORD-1"), advisory=True))


def test_the_published_schema_is_current() -> None:
    """After a change of the model: `python -m reports.schema > specs/results.schema.json`."""
    assert SCHEMA.read_text("utf-8") == schema.text()


def test_results_satisfy_the_published_schema(document: Results) -> None:
    """Whoever reads `results.json` may rely on it."""
    published = json.loads(SCHEMA.read_text("utf-8"))
    Draft202012Validator.check_schema(published)
    problems = [
        error.message
        for error in Draft202012Validator(published).iter_errors(json.loads(encode(document)))
    ]
    assert problems == []


def test_results_survive_being_written_and_read(document: Results, tmp_path: Path) -> None:
    """Nothing is lost in `results.json`."""
    file = tmp_path / "results.json"
    file.write_bytes(encode(document))
    assert read(file) == document


def test_junit_counts_what_fails_the_run(document: Results) -> None:
    """Known failures and broken advice pass, with their evidence beside."""
    suite = ET.fromstring(junit.render(document))[0]  # noqa: S314  made here
    counts = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "8", "failures": "2", "errors": "2", "skipped": "1"}
    cases = {case.get("name"): case for case in suite.iter("testcase")}
    failure = cases["a.fails[via=http]"].find("failure")
    assert failure is not None
    assert "scenarios/a.yaml:12:5" in (failure.text or "")
    assert cases["a.known"].find("system-out") is not None
    assert cases["a.lacks"][0].get("message") == "the target has no capability media"


def test_junit_is_xml_whatever_a_server_sends(document: Results) -> None:
    """Control characters and lone surrogates have no place in XML 1.0."""
    nasty = msgspec.structs.replace(finding("ORD-1"), got="\x00 \ud800 </failure> ]]>")
    text = junit.render(results(scenario("a.b", "fail", nasty)))
    assert ET.fromstring(text).find(".//failure") is not None  # noqa: S314  made here


def shown(document: Results) -> str:
    """The summary on a console that is no terminal."""
    out = io.StringIO()
    terminal.show(document, Console(file=out, width=80), ["report/results.json"])
    return out.getvalue()


def test_a_failure_shows_everything_that_is_needed_to_mend_it(document: Results) -> None:
    """Requirement and its sentence, the place, expected and got, the timeline, how to repeat it."""
    text = shown(document)
    for piece in (
        "ORD-1 (MUST) seqs are dense",
        "at        scenarios/a.yaml:12:5",
        "expected  `message` matching {}",
        "got       since the cursor: 1 × welcome",
        ">   0.002  bob.main",
        "repeat    msgcheck run a.b --seed 7",
        "curl -i http://x/",
    ):
        assert piece in text


def test_the_summary_is_plain_and_fits_the_terminal(document: Results) -> None:
    """No colours where there is no terminal, and no line of ours beyond 80 columns."""
    text = shown(document)
    assert "\x1b" not in text
    assert [line for line in text.splitlines() if len(line) > WIDTH] == []


def test_a_verdict_without_reasons_is_a_word(document: Results) -> None:
    """Where everything that failed was known before, nothing needs to be said behind it."""
    known = msgspec.structs.replace(document, verdict="conformant", reasons=[])
    assert "CONFORMANT" in shown(known).splitlines()[-4:]


def test_what_is_not_applicable_is_listed_with_its_reason(document: Results) -> None:
    """Never silent."""
    assert "not applicable, the target has no capability media:\n  a.lacks" in shown(document)


def test_the_summary_tells_the_verdict_then_why_then_where_to_look(document: Results) -> None:
    """With reasons, totals and seed first; the verdict again at the end, where the eye is."""
    lines = shown(document).splitlines()
    assert lines[1].startswith("NOT CONFORMANT")
    assert "seed 7" in lines[5]
    assert [line.split()[0] for line in lines[6:] if line.startswith(("FAIL", "NOT"))] == [
        *["FAIL"] * 3,
        "NOT",
    ]
    assert lines[-2:] == ["explained: msgcheck explain ORD-1", "reports:   report/ results.json"]


def test_what_a_server_sends_cannot_command_the_terminal(document: Results) -> None:
    """Escape sequences and overrides of the writing direction are shown, not obeyed."""
    nasty = msgspec.structs.replace(finding("ORD-1"), got="\x1b[2J \u202e [red]not markup[/]")
    text = shown(results(scenario("a.b", "fail", nasty)))
    assert "\\u{1b}[2J \\u{202e} [red]not markup[/]" in text


def test_a_flood_of_failures_is_told_by_cause() -> None:
    """The first ones with all their evidence, what failed in the same way by name, the rest in brief."""
    causes = [
        msgspec.structs.replace(finding("ORD-1"), message=f"a {'very ' * number}different failure")
        for number in range(8)
    ]
    text = shown(results(*(scenario(f"a.s{n:02}", "fail", causes[n % 8]) for n in range(40))))
    assert text.count("FAIL a.") == terminal.TOLD
    assert "4 more scenarios failed in the same way:\n    a.s08" in text
    assert "3 other ways in which scenarios failed\n  a.s05, and 4 more scenarios" in text
    assert len(text.splitlines()) < 200


def test_a_long_answer_is_cut_in_the_terminal() -> None:
    """It says how much more there is, and where."""
    long = msgspec.structs.replace(finding("ORD-1"), got="x\n" * 300)
    assert "… 289 more lines in results.json" in shown(results(scenario("a.b", "fail", long)))


def test_a_timeline_keeps_what_a_request_ends_with() -> None:
    """Its query and its outcome, not the ids in its path."""
    path = f"/v1.0/conversations/{'x' * 60}/messages"
    entries = [
        TimelineEntry(
            t=0, lane="bob", direction="out", label=f"GET {path}?limit=1", kind="request"
        ),
        TimelineEntry(t=1, lane="bob", direction="in", label=f"GET {path} → 200", kind="response"),
        TimelineEntry(t=2, lane="bob", direction="in", label=f'message #1 "{"x" * 80}"'),
    ]
    lines = list(timeline(entries))
    assert {len(line) for line in lines} == {WIDTH - 2}
    assert lines[0].endswith("/messages?limit=1")
    assert lines[1].endswith("/messages → 200")
    assert lines[2].endswith("x…")
