"""`report.html` of a load run: what its charts draw, and that it is as safe as the other page."""

import io
import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from msgspec.structs import replace
from rich.console import Console

from reports import load_markdown, load_terminal
from reports.formats import FORMATS, made
from reports.html.hops import LOOKS
from reports.html.load import STRETCHES, charts, render
from reports.load_model import (
    Capacity,
    CapacityStep,
    Check,
    HopResult,
    LoadResults,
    Percentiles,
    Point,
    encode,
)
from reports.reading import Unreadable, read
from tests.loadgen.records import record

HOSTILE = "</script><script>window.hacked = 1</script> \x1b[2J & <b>"


def percentiles(p50: float, p99: float) -> Percentiles:
    """A distribution."""
    return Percentiles(mean=p50, p50=p50, p90=p99, p99=p99, p999=p99, max=p99)


def hop(name: str, p50: float, p99: float) -> HopResult:
    """A hop with a curve of two points, and a waiting tester that saw half of it."""
    return HopResult(
        hop=name,
        count=1000,
        corrected=percentiles(p50, p99),
        waiting=percentiles(p50 / 2, p99 / 2),
        curve=[Point(0.0, p50), Point(99.0, p99), Point(100.0, p99)],
        waiting_curve=[Point(0.0, p50 / 2), Point(99.0, p99 / 2)],
        histogram="",
    )


@pytest.fixture
def run() -> LoadResults:
    """A run of three hops, one line of whose budget is broken."""
    return replace(
        record([[1.0, 5.0, 9.0]] * 10),
        verdict="budget broken",
        hops=[hop("send_to_sent", 5, 20), hop("send_to_delivered", 10, 40), hop("delivered_to_status", 4, 30)],
        checks=[
            Check(name="send_to_sent p99", limit=10, measured=20, unit="ms", passed=False),
            Check(name="send_to_delivered p99", limit=500, measured=40, unit="ms", passed=True),
            Check(name="lost", limit=0, measured=0, unit="", passed=True),
        ],
    )  # fmt: skip


def test_a_broken_line_of_the_budget_is_told(run: LoadResults) -> None:
    """With what was measured, its limit, and how much of it was used."""
    text = render(run).decode()
    (row,) = re.findall(r"<tr><td>.*?send → sent p99.*?</tr>", text)
    for piece in ("broken", "20.0 ms", "10 ms", "200 %"):
        assert piece in row


def test_what_follows_a_delivery_starts_where_it_ends(run: LoadResults) -> None:
    """The waterfall is drawn to one scale; a limit beyond the picture is not drawn."""
    bars = re.findall(r'class="median" style="--a:([\d.]+);--w:([\d.]+)', render(run).decode())
    (sent, delivered, status) = [(float(start), float(width)) for start, width in bars]
    assert sent[0] == delivered[0] == 0
    assert status[0] == pytest.approx(delivered[1])
    assert delivered[1] == pytest.approx(2 * sent[1], abs=0.01)
    assert render(run).count(b'class="limit"') == 1


def test_a_latency_of_which_nothing_came_is_not_told_as_zero(run: LoadResults) -> None:
    """Neither on the page nor in the terminal."""
    empty = Check(name="history_page p50", limit=50, measured=0, unit="ms", passed=False)
    (row,) = re.findall(
        r"<tr><td>.*?page of history p50.*?</tr>", render(replace(run, checks=[empty])).decode()
    )
    assert ">nothing<" in row
    out = io.StringIO()
    load_terminal.show(replace(run, checks=[empty]), Console(file=out, width=80), [])
    assert re.search(r"X history_page p50 +50 ms +nothing\n", out.getvalue())


@pytest.mark.parametrize(("lag", "accused"), [(4.0, False), (6.0, True)])
def test_the_generator_is_accused_only_of_its_own_lateness(
    lag: float, accused: bool, run: LoadResults
) -> None:
    """A run may be invalid for other reasons; causes of errors stand with their numbers."""
    generator = replace(run.generator, lag_p99=lag, lag_limit=5.0)
    told = replace(run, verdict="invalid", generator=generator, causes={"503 unavailable": 1234})
    text = render(told).decode()
    assert ('<div class="stat bad"><dt>late, p99</dt>' in text) == accused
    assert '<div class="stat bad"><dt>503 unavailable</dt><dd>1,234</dd>' in text


def test_every_hop_has_a_colour_of_its_own_and_a_number_to_be_read_without_it(
    run: LoadResults,
) -> None:
    """The same number in the waterfall, on the line in a chart and in its legend."""
    hops = [hop(name, 5, 20) for name in LOOKS]
    page = render(replace(run, hops=hops)).decode()
    shown = re.findall(r'<div class="hop hop-(\d+)"><span class="name">(\d+) ', page)
    assert [number for number, _ in shown] == [number for _, number in shown]
    assert (
        len(set(shown)) == len(shown) == len([each for each in LOOKS.values() if not each.is_part])
    )
    drawn = charts(replace(run, hops=hops))
    for chart in ("latency", "curves"):
        assert [f"{each['number']}" for each in drawn[chart]] == [number for number, _ in shown]
        assert all(each["hop"].startswith(f"{each['number']} ") for each in drawn[chart])
    for number, _ in shown:
        assert f"--hop-{number}: light-dark(" in page
        assert f".hop-{number} {{ --h: var(--hop-{number}); }}" in page


def test_the_parts_of_sent_follow_each_other_below_it(run: LoadResults) -> None:
    """Waiting, storing and the rest: in its colour, and in the waterfall alone."""
    hops = [
        hop(name, 10, 20) for name in ("send_to_sent", "sent_queue", "sent_commit", "sent_rest")
    ]
    page = render(replace(run, hops=hops)).decode()
    bars = re.findall(r'class="median" style="--a:([\d.]+);--w:([\d.]+)', page)
    (_, queue, commit, rest) = [float(start) for start, _ in bars]
    assert queue == 0
    assert rest == pytest.approx(2 * commit, abs=0.02)
    assert page.count('<div class="hop hop-1 part">') == 3
    assert [each["hop"] for each in charts(replace(run, hops=hops))["latency"]] == ["1 send → sent"]


def test_curves_are_on_an_axis_of_nines(run: LoadResults) -> None:
    """One in how many took longer; the slowest of all stands at their number."""
    (curve, *_) = charts(run)["curves"]
    assert curve["corrected"] == [[1, 100, 1000], [5, 20, 20]]
    assert curve["waiting"] == [[1, 100], [2.5, 10]]


def test_a_long_run_loses_no_peak() -> None:
    """Its seconds are gathered, and each stretch shows its worst."""
    figures = [[1.0, 5.0, 9.0]] * 10_000
    figures[4321] = [2.0, 777.0, 999.0]
    (latency,) = charts(record(figures))["latency"]
    assert len(latency["through"]) <= STRETCHES
    assert max(latency["through"]) == 777.0
    assert len(render(record(figures))) < 300_000


def test_a_second_without_measurements_is_a_gap() -> None:
    """The warm-up, or a stall."""
    few = record([[1.0, 5.0, 9.0]])
    silent = replace(few, seconds=[replace(few.seconds[0], hops={}), *few.seconds])
    (latency,) = charts(silent)["latency"]
    assert latency["through"] == [None, 5.0]


def test_hostile_text_is_text(run: LoadResults) -> None:
    """In the page and in the numbers that its script reads."""
    nasty = replace(
        run,
        reasons=[HOSTILE],
        run=replace(run.run, target=HOSTILE, title=HOSTILE, budget=HOSTILE, shape=HOSTILE),
        checks=[Check(name=HOSTILE, limit=1, measured=1, unit="", passed=True)],
        hops=[replace(run.hops[0], hop=HOSTILE)],
    )
    text = render(nasty).decode()
    assert text.count("<script") == render(run).decode().count("<script")
    assert "\x1b" not in text.partition('id="data"')[0]
    (data,) = re.findall(r'id="data">(.*?)</script>', text)
    assert HOSTILE in json.loads(data)["curves"][0]["hop"]
    assert "<b>" not in load_markdown.render(nasty).decode()


def test_the_search_for_the_capacity_is_shown(run: LoadResults) -> None:
    """Each step with its verdict."""
    steps = [
        CapacityStep(rate=400, verdict="within budget", reason=None, first_broken=None),
        CapacityStep(
            rate=800, verdict="budget broken", reason=None, first_broken="send_to_sent p99"
        ),
    ]
    found = Capacity(kept=400, broken=800, broke_first="send_to_sent p99", steps=steps)
    text = render(replace(run, capacity=found)).decode()
    assert "kept at <b>400</b> messages a second, and broken at <b>800</b>" in text


def test_a_run_that_measured_nothing_has_a_page_too() -> None:
    """The reasons are what there is to tell."""
    nothing = replace(
        record([]), verdict="invalid", reasons=["no message was measured"], hops=[], checks=[]
    )
    assert b"No message was measured." in render(nothing)


def test_a_load_run_has_every_form(run: LoadResults) -> None:
    """As a conformance run; CTRF and JUnit agree on what fails."""
    forms = {name: made(name, run) for name in FORMATS}
    summary = json.loads(forms["ctrf"])["results"]["summary"]
    assert (summary["passed"], summary["failed"], summary["other"]) == (2, 1, 0)
    suite = ET.fromstring(forms["junit"])[0]  # noqa: S314  made here
    assert suite.get("failures") == "1"
    badge = ET.fromstring(forms["badge"])  # noqa: S314  made here
    assert badge.get("aria-label") == "mine: budget broken, 200 messages a second"


def test_ctrf_of_a_load_run_is_as_its_schema_says(run: LoadResults) -> None:
    """And an invalid run accuses nobody."""
    schema = json.loads(Path(__file__).with_name("ctrf-schema-0.0.json").read_text("utf-8"))
    jsonschema.validate(json.loads(made("ctrf", run)), schema)
    invalid = replace(run, verdict="invalid", reasons=["the generator was late"])
    summary = json.loads(made("ctrf", invalid))["results"]["summary"]
    assert (summary["failed"], summary["other"]) == (0, 3)


def test_a_load_record_is_read_as_one(run: LoadResults, tmp_path: Path) -> None:
    """By its kind; and one of a newer form is refused."""
    file = tmp_path / "results.json"
    file.write_bytes(encode(run))
    assert read(tmp_path) == run
    file.write_bytes(encode(run).replace(b'"schema_version": 1', b'"schema_version": 2'))
    with pytest.raises(Unreadable, match="written by a newer one"):
        read(tmp_path)


def test_the_terminal_tells_the_verdict_then_what_broke_then_the_way_on(run: LoadResults) -> None:
    """In 80 columns, without a colour code; what broke stands before what was kept."""
    told = replace(
        run,
        reasons=["send_to_sent p99 was 20 ms, and the budget allows 10 ms " * 3],
        checks=[run.checks[1], run.checks[0], run.checks[2]],
    )
    out = io.StringIO()
    load_terminal.show(told, Console(file=out, width=80), ["here/results.json", "here/report.html"])
    text = out.getvalue()
    order = ("BUDGET BROKEN", "and the budget allows", "X send_to_sent p99", "+ send_to_delivered p99",
             "latency, ms", "reports:   here/ results.json, report.html")  # fmt: skip
    places = [text.index(piece) for piece in order]
    assert places == sorted(places)
    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b" not in text
