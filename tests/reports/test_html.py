"""`report.html` as a document; tests/e2e looks at it in a browser."""

import re
from collections import Counter
from html.parser import HTMLParser

import pytest
from msgspec.structs import replace

from reports.html.conformance import render
from reports.model import Results, Scenario, TimelineEntry
from tests.conformance.results import finding, results, scenario
from tests.reports.browser import chromium

HOSTILE = (
    "</script></style><script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'>"
    '" onmouseover="window.hacked = 3" {{ 7 * 7 }} \x00\x1b[2J\u202e javascript:alert(1)'
)
LARGEST = 2_000_000
"""Bytes of a page, whatever a run found."""


WORDS = {ord("0"): "never ", ord("1"): "ever "}


class Document(HTMLParser):
    """The ids, links and elements of a page."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.ids: Counter[str] = Counter()
        self.links: list[str] = []
        self.tags: Counter[str] = Counter()
        self.handlers: list[str] = []
        self.sources: list[str] = []
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what the element has."""
        self.tags[tag] += 1
        for name, value in attrs:
            if name == "id":
                self.ids[value or ""] += 1
            elif name == "href":
                self.links.append(value or "")
            elif name.startswith("on"):
                self.handlers.append(name)
            elif name in ("src", "srcset", "data", "action", "formaction"):
                self.sources.append(value or "")


def crowded(scenarios: int) -> Results:
    """A run in which everything failed, with as much to show as a record can hold."""
    frame = {"type": "message", "message": {"body": {"kind": "text", "text": "x" * 1500}}}
    trace = [
        TimelineEntry(
            t=n, lane=f"bob.d{n % 4}", direction="in", label="m" * 200, n=n, content=frame
        )
        for n in range(100)
    ]
    one = replace(finding("ORD-1"), message="m" * 1500, timeline=trace[:24], got="g\n" * 600)
    return results(
        *(
            replace(
                scenario(f"area.scenario-{number}", "fail", *[one] * 6),
                trace=trace,
                source="- {as: alice}\n" * 60,
            )
            for number in range(scenarios)
        )
    )


def nasty() -> Results:
    """A run whose every text is hostile."""
    entry = TimelineEntry(
        t=0, lane=f"{HOSTILE}.phone", direction="in", label=HOSTILE, n=1, content={HOSTILE: HOSTILE}
    )
    one = replace(
        finding("ORD-1"), message=HOSTILE, step=HOSTILE, note=HOSTILE, known=HOSTILE, expected=HOSTILE,
        got=HOSTILE, timeline=[entry],
    )  # fmt: skip
    played = replace(
        scenario(HOSTILE, "fail", one), title=HOSTILE, file=HOSTILE, reason=HOSTILE, trace=[entry],
        source=HOSTILE, proves=[HOSTILE, "ORD-1"],
    )  # fmt: skip
    document = results(played, replace(played, name=f"{HOSTILE}!"))
    (requirement,) = document.requirements
    return replace(
        document,
        run=replace(document.run, target=HOSTILE, selection=[HOSTILE], capabilities=[HOSTILE]),
        reasons=[HOSTILE],
        requirements=[replace(requirement, text=HOSTILE, area=HOSTILE, source=HOSTILE)],
    )


def variety() -> Results:
    """A run with a scenario of each verdict."""
    verdicts: list[Scenario] = [
        scenario("a.passes", "pass"),
        scenario("a.fails[via=http]", "fail", finding("ORD-1")),
        scenario("a.fails via http", "flaky", finding("ORD-1"), reason="passed alone"),
        scenario("a.lacks", "not applicable", reason="no capability media"),
        scenario("a.waits", "inconclusive", finding("ORD-1", inconclusive=True)),
        scenario("a.breaks", "error", reason="an error\nwith details"),
        scenario("a.known", "fail", finding("ORD-1", known="issue 12")),
        scenario("a.unknown", "fail", finding("XYZ-1")),
    ]
    return results(*verdicts)


@pytest.mark.parametrize(
    "document", [variety(), nasty(), results()], ids=["variety", "nasty", "none"]
)
def test_every_link_leads_somewhere_and_every_id_is_one(document: Results) -> None:
    """Within the page, and never out of it."""
    page = Document(render(document))
    assert [name for name, number in page.ids.items() if number > 1] == []
    assert all(link.startswith("#") for link in page.links)
    assert {link.removeprefix("#") for link in page.links} <= page.ids.keys()


def test_the_page_needs_nothing_from_elsewhere() -> None:
    """No file, no network; and the browser is told to load nothing."""
    page = render(variety())
    document = Document(page)
    assert document.sources == []
    assert not {"link", "iframe", "object", "embed", "img"} & document.tags.keys()
    assert b"default-src &#39;none&#39;" in page
    assert not re.search(rb"@import|url\(", page)


def test_hostile_text_is_text() -> None:
    """No element, no handler, no template of theirs; what cannot be seen is shown as an escape."""
    ours, theirs = Document(render(variety())), Document(render(nasty()))
    assert theirs.tags["script"] == ours.tags["script"]
    assert theirs.tags["img"] == 0
    assert theirs.handlers == []
    text = render(nasty()).decode()
    assert "{{ 7 * 7 }}" in text
    assert "\\u{1b}[2J\\u{202e}" in text
    assert not re.search("[\x00\x1b\u202e]", text)


def test_hostile_text_does_not_run_in_a_browser(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Opened, unfolded, pointed at: nothing of it executes."""
    file = tmp_path_factory.mktemp("hostile") / "report.html"
    file.write_bytes(render(nasty()))
    with chromium() as browser:
        page = browser.new_page()
        page.goto(file.as_uri())
        page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
        page.locator(".ev summary").first.hover()
        assert page.evaluate("window.hacked") is None
        assert page.locator(".frame pre").first.inner_text() != ""


@pytest.mark.parametrize("causes", [1, 400])
def test_a_page_stays_small_whatever_failed(causes: int) -> None:
    """The first failures are told fully, the last ones in brief; each is there."""
    run = crowded(400)
    scenarios = [
        replace(
            each,
            findings=[
                replace(one, message=f"{number % causes:b}".translate(WORDS) + one.message)
                for one in each.findings
            ],
        )
        for number, each in enumerate(run.scenarios)
    ]
    page = render(replace(run, scenarios=scenarios)).decode()
    assert len(page.encode()) < LARGEST
    assert page.count('class="card find"') == 400
    assert "are told in brief" in page


def test_a_few_failures_are_told_fully() -> None:
    """The bound is for a flood; it takes nothing from an ordinary failing run."""
    page = render(crowded(2)).decode()
    assert page.count('data-n="99"') == 2
    assert "told in brief" not in page


def test_each_verdict_is_told_without_its_colour() -> None:
    """By a word, everywhere."""
    text = render(variety()).decode()
    for verdict in ("pass", "fail", "flaky", "not applicable", "inconclusive", "error"):
        assert re.search(
            rf'class="pill v-{verdict.replace(" ", "-")}"><span[^>]*>.</span> {verdict}<', text
        )
