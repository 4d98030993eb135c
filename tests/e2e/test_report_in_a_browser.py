"""`report.html` in a real browser: runs that passed and failed, as somebody would look at them.

With ``MSGCHECK_SCREENSHOTS=FOLDER`` the pictures are kept.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request, expect

from loadgen.compare import compare as differences
from reports.html import comparison
from reports.html.difference import difference
from reports.model import Results, Scenario
from reports.mutants_model import encode
from tests.loadgen.records import record
from tests.reports.browser import barriers, chromium
from tests.reports.matrices import matrix

from .processes import msgcheck, results_in, serving

pytestmark = pytest.mark.side_by_side

Open = Callable[..., Page]

FALLEN = "status.lower-watermarks-change-nothing"
WIDE = (1280, 900)
PHONE = (390, 844)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all tests."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def passing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report folder of a run that passes."""
    folder = tmp_path_factory.mktemp("passing")
    done = msgcheck("run", "PAG-7", "STA-8", "--seed", "3", "--report-dir", ".", cwd=folder)
    assert done.status == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report folder of a run against a server that lets a status fall."""
    folder = tmp_path_factory.mktemp("failing")
    with serving("reference_server", "--fault", "statuses-fall", data=folder / "data") as url:
        selection = (FALLEN, "PAG-7", "status.told-status-survives-a-kill")
        target = ("--target", url, "--seed", "3", "--report-dir", ".")
        done = msgcheck("run", *selection, *target, cwd=folder)
    assert done.status == 1, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report folder of a short load run; how fast this machine is does not matter here."""
    folder = tmp_path_factory.mktemp("loaded")
    load = ("--users", "10", "--rate", "40/s", "--warmup", "1s", "--duration", "3s", "--seed", "3")
    done = msgcheck("load", *load, "--report-dir", ".", cwd=folder)
    assert (folder / "report.html").exists(), done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def mutants(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a kill matrix of 30 faults and 60 scenarios, of which most caught nothing."""
    folder = tmp_path_factory.mktemp("mutants")
    record = matrix(faults=30, scenarios=60, density=0.06)
    (folder / "mutants.json").write_bytes(encode(record))
    done = msgcheck("report", ".", cwd=folder)
    assert done.status == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of two load runs laid over each other."""
    folder = tmp_path_factory.mktemp("compared")
    runs = [record([[4.0, p99 + second % 5, 60.0] for second in range(60)]) for p99 in (20, 30)]
    found = differences(runs[0], runs[1])
    (folder / "report.html").write_bytes(comparison.render(runs[0], runs[1], found))
    return folder


@pytest.fixture
def opened(browser: Browser) -> Iterator[Open]:
    """Opens a report folder's page from disk; nothing may be loaded, logged or raised."""
    pages: list[Page] = []
    troubles: list[str] = []

    def open_(folder: Path, size: tuple[int, int] = WIDE, theme: str = "light") -> Page:
        page = browser.new_page(
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if theme == "dark" else "light",
            reduced_motion="reduce",
        )
        pages.append(page)
        page.set_default_timeout(10_000)
        address = (folder / "report.html").as_uri()

        def watch(asked: Request) -> None:
            if asked.url.partition("#")[0] != address:
                troubles.append(asked.url)

        page.on("request", watch)
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("dialog", lambda dialog: troubles.append(dialog.message))
        page.goto(address)
        return page

    yield open_
    for page in pages:
        page.close()
    assert troubles == []


def failed(folder: Path) -> tuple[Results, Scenario]:
    """The record of the failing run, and the scenario that failed."""
    results = results_in(folder)
    (scenario,) = (each for each in results.scenarios if each.name == FALLEN)
    assert scenario.verdict == "fail"
    return results, scenario


@pytest.mark.parametrize(
    ("run", "theme", "size"),
    [
        ("passing", "light", WIDE),
        ("passing", "dark", PHONE),
        ("failing", "light", WIDE),
        ("failing", "dark", WIDE),
        ("failing", "light", PHONE),
        ("loaded", "light", WIDE),
        ("loaded", "dark", PHONE),
        ("compared", "light", WIDE),
        ("compared", "dark", PHONE),
        ("mutants", "light", WIDE),
        ("mutants", "dark", PHONE),
    ],
)
def test_everybody_can_use_the_page(
    run: str, theme: str, size: tuple[int, int], opened: Open, request: pytest.FixtureRequest
) -> None:
    """Axe-core finds nothing serious, nothing sticks out at the side, and it looks like something."""
    page = opened(request.getfixturevalue(run), size, theme)
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    assert barriers(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.reload()
    kept = os.environ.get("MSGCHECK_SCREENSHOTS")
    picture = page.screenshot(full_page=True)
    assert len(picture) > 20_000
    if kept:
        (Path(kept) / f"{run}-{theme}-{size[0]}.png").write_bytes(picture)


def test_the_verdict_comes_first(opened: Open, passing: Path, failing: Path) -> None:
    """As the page's one heading of the first level, and in the title of its tab."""
    for folder, verdict in ((passing, "Conformant"), (failing, "Not conformant")):
        page = opened(folder)
        expect(page.locator("h1")).to_contain_text(verdict)
        assert verdict.lower() in page.title()
        place = page.locator("h1").bounding_box()
        assert place is not None
        assert place["y"] < 250


def test_filters_and_search_narrow_what_is_shown(opened: Open, failing: Path) -> None:
    """By verdict and by words, told to a screen reader; Escape shows everything again."""
    page = opened(failing)
    total = len(results_in(failing).scenarios)
    rows = page.locator("#all tbody tr:visible")
    expect(rows).to_have_count(total)
    page.get_by_role("button", name="fail").click()
    expect(rows).to_have_count(1)
    expect(page.get_by_role("status")).to_have_text(f"1 of {total} scenarios shown")
    page.get_by_role("button", name="fail").click()
    page.keyboard.press("/")
    page.keyboard.type("pag-7")
    expect(rows).to_have_count(total - 2)
    page.keyboard.press("Escape")
    expect(rows).to_have_count(total)
    page.get_by_role("button", name="Slowest first").click()
    times = [float(text) for text in page.locator("#all td.num").all_inner_texts() if text]
    assert times == sorted(times, reverse=True)


def test_links_lead_from_requirement_to_scenario_and_back(opened: Open, failing: Path) -> None:
    """Also into what is folded or filtered away."""
    page = opened(failing)
    page.get_by_label("Requirements", exact=True).get_by_role("link", name="STA-3").click()
    requirement = page.locator("#STA-3")
    expect(requirement.get_by_text("A status never falls").first).to_be_in_viewport()
    requirement.get_by_role("link", name=FALLEN).click()
    card = page.locator(f'[id="s-{FALLEN}"]')
    expect(card.get_by_text("What happened")).to_be_visible()
    page.get_by_role("button", name="pass").click()
    expect(card).to_be_hidden()
    page.go_back()
    page.go_forward()
    expect(card).to_be_visible()
    card.get_by_role("link", name="STA-3").first.click()
    expect(requirement.locator("summary")).to_be_in_viewport()


def test_the_diagram_is_the_trace(opened: Open, failing: Path) -> None:
    """Every event in order, its arrow between its device and the server, the guilty ones marked."""
    _, scenario = failed(failing)
    page = opened(failing)
    card = page.locator(f'[id="s-{FALLEN}"]')
    card.locator("details").evaluate_all("all => all.forEach(each => { each.open = true })")
    rows = card.locator(".ev")
    assert [int(n) for n in rows.evaluate_all("all => all.map(each => each.dataset.n)")] == [
        entry.n for entry in scenario.trace
    ]
    guilty = {each.n for finding in scenario.findings for each in finding.timeline if each.guilty}
    marked = card.locator(".ev.guilty").evaluate_all("all => all.map(each => +each.dataset.n)")
    assert guilty
    assert set(marked) == guilty
    centres = {
        name.replace("\n", ".").strip(): x
        for name, x in card.locator(".heads .lane").evaluate_all(
            "all => all.map(e => { const r = e.getBoundingClientRect();"
            " return [e.innerText.trim().replace(/\\s+/, '.'), r.x + r.width / 2] })"
        )
    }
    spans = rows.locator(".ar").evaluate_all(
        "all => all.map(e => { const r = e.getBoundingClientRect(), k = +e.style.getPropertyValue('--k');"
        " const edge = r.width / k / 2; return [r.x + edge, r.right - edge, e.closest('.right') !== null] })"
    )
    for entry, (left, right, points_right) in zip(scenario.trace, spans, strict=True):
        device = centres[entry.lane.removesuffix(".main")]
        start, end = (left, right) if points_right else (right, left)
        if entry.kind in ("cut", "freeze", "thaw"):
            continue
        source, goal = device, centres["server"]
        if entry.direction == "in":
            source, goal = goal, source
        assert (start, end) == pytest.approx((source, goal), abs=1.5), entry.label


def test_a_frame_shows_what_it_carried(opened: Open, failing: Path) -> None:
    """Under the pointer beside the diagram; by keyboard in its place."""
    _, scenario = failed(failing)
    *_, blamed = (
        each
        for each in scenario.trace
        if any(
            told.guilty and told.n == each.n for one in scenario.findings for told in one.timeline
        )
    )
    page = opened(failing)
    card = page.locator(f'[id="s-{FALLEN}"]')
    guilty = card.locator(".ev.guilty > summary").last
    guilty.hover()
    expect(card.locator(".frame pre")).to_be_visible()
    assert json.loads(card.locator(".frame pre").inner_text()) == blamed.content
    guilty.focus()
    page.keyboard.press("ArrowUp")
    focused = page.locator("summary:focus")
    expect(focused).to_have_count(1)
    page.keyboard.press("Enter")
    expect(focused.locator("xpath=..").locator("pre")).to_be_visible()


def test_a_failure_tells_its_cause_and_how_to_repeat_it(opened: Open, failing: Path) -> None:
    """The promise, expected against got, the scenario with the failing line, the command."""
    _, scenario = failed(failing)
    finding = scenario.findings[0]  # of a step: `never`, or the status that is asked for behind it
    assert finding.place is not None
    page = opened(failing)
    card = page.locator(f'[id="s-{FALLEN}"]')
    expect(card.locator(".promise").first).to_contain_text("A status never falls")
    diff = card.locator(".diff").first
    shown = [(line.mark, line.text) for line in difference(finding) if line.mark in "+-"]
    assert shown
    for mark, line in shown:
        expect(diff.locator(".minus" if mark == "-" else ".plus", has_text=line)).not_to_have_count(
            0
        )
    expect(card.locator(".command").first).to_contain_text(finding.repeat.command)
    card.locator(".source summary").click()
    expect(card.locator(".source .here").first).to_contain_text(str(finding.place.line))


def test_the_theme_can_be_chosen(opened: Open, passing: Path) -> None:
    """The system's, light, or dark."""
    page = opened(passing)
    paper = "getComputedStyle(document.body).backgroundColor"
    button = page.get_by_role("button", name="Theme")
    seen = [page.evaluate(paper)]
    for name in ("light", "dark"):
        button.click()
        expect(button).to_contain_text(name)
        seen.append(page.evaluate(paper))
    assert seen == ["rgb(255, 255, 255)", "rgb(255, 255, 255)", "rgb(16, 20, 24)"]


def test_it_prints_without_its_controls(opened: Open, failing: Path) -> None:
    """What failed is unfolded on paper; buttons and navigation stay off it."""
    page = opened(failing, theme="dark")
    page.locator(".card > summary").first.click()
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    expect(page.locator(".top")).to_be_hidden()
    expect(page.locator(".tools")).to_be_hidden()
    expect(page.get_by_text("What happened").first).to_be_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.pdf().startswith(b"%PDF")


def test_the_charts_of_a_load_run_are_drawn(opened: Open, loaded: Path) -> None:
    """The waterfall, latency, percentiles, throughput; a series can be hidden; theme and width are followed."""
    page = opened(loaded)
    bars = page.locator(".waterfall .hop:not(.part) .median").evaluate_all(
        "all => all.map(each => getComputedStyle(each).backgroundColor)"
    )
    assert len(set(bars)) == len(bars) == 4
    assert "rgba(0, 0, 0, 0)" not in bars
    plots = page.locator(".plot canvas")
    expect(plots).to_have_count(3)
    painted = (
        "all => all.map(c => new Set(new Uint32Array("
        "c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer)).size)"
    )
    assert all(colours > 10 for colours in plots.evaluate_all(painted))
    legend = page.locator("#over-time .u-series").nth(1)
    legend.locator("th").click()
    expect(legend).to_have_class(re.compile("u-off"))
    page.get_by_role("button", name="Theme").click()
    expect(plots).to_have_count(3)
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    expect(plots.first).to_have_css("width", re.compile(r"^3\d\d"))


def test_the_kill_matrix_narrows_to_a_fault_a_promise_or_a_scenario(
    opened: Open, mutants: Path
) -> None:
    """Rows and cards alike; the areas without any are gone; a verdict narrows as well."""
    page = opened(mutants)
    rows = page.locator("tr.find:visible")
    expect(rows).to_have_count(30)
    page.keyboard.press("/")
    page.keyboard.type("STA-1")
    expect(rows).to_have_count(10)
    expect(page.get_by_role("rowheader", name="Ordering")).to_have_count(0)
    expect(page.get_by_role("status").first).to_have_text("10 of 30 faults shown")
    page.keyboard.press("Escape")
    record = matrix(faults=30, scenarios=60, density=0.06)
    name = record.trials[5].kills[0].scenario
    page.get_by_role("searchbox").fill(name)
    (row,) = (each for each in record.scenarios if each.scenario == name)
    expect(rows).to_have_count(len(row.kills))
    page.keyboard.press("Escape")
    page.get_by_role("button", name="survived").click()
    expect(rows).to_have_count(1)
    expect(page.locator(".card:visible")).to_have_count(1)


def test_a_cell_of_the_kill_matrix_tells_who_caught_the_fault(opened: Open, mutants: Path) -> None:
    """Under the pointer and by arrow keys, with its assertion or checker; Enter unfolds the fault."""
    page = opened(mutants)
    cells = page.locator("tr.find td > a")
    cells.nth(3).hover()
    beside = page.locator("#beside")
    expect(beside).to_contain_text(re.compile("(assertion at|checker) "))
    stops = cells.evaluate_all("all => all.filter(each => each.tabIndex === 0).length")
    assert stops == 1
    cells.first.focus()
    first = beside.inner_text()
    page.keyboard.press("ArrowDown")
    expect(beside).not_to_have_text(first)
    focused = page.locator("td > a:focus")
    expect(focused).to_have_count(1)
    card = page.locator(f"[id='{(focused.get_attribute('href') or '')[1:]}']")
    page.keyboard.press("Enter")
    expect(card.locator(".kills")).to_be_visible()


def test_two_load_runs_are_laid_over_each_other(opened: Open, compared: Path) -> None:
    """Both in each picture, by name."""
    page = opened(compared)
    expect(page.locator("h1")).to_contain_text("B is slower")
    expect(page.locator(".plot canvas")).to_have_count(2)
    for name in ("send → sent A p99", "send → sent B p99"):
        expect(page.locator("#over-time .u-legend")).to_contain_text(name)
