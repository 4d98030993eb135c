"""The kill matrix as a page: what its cells say, that it stays small, that text is text."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from reports.cli import report
from reports.formats import NoSuchForm, made
from reports.html.mutants import ROOM, render
from reports.mutants_model import encode
from reports.reading import Unreadable, read

from .matrices import matrix, scenario_name

HOSTILE = "</script><script>window.hacked = 1</script> \x1b[2J & <b>"
LIMIT = 2_000_000


def test_a_cell_counts_the_scenarios_of_an_area_that_caught_the_fault() -> None:
    """And nothing stands where none did."""
    record = matrix()
    text = render(record).decode()
    for trial in record.trials:
        (row,) = re.findall(rf'<tr class="find[^>]*data-words="f-{trial.fault}">.*?</tr>', text)
        told = dict(re.findall(r'aria-label="(\w+): (\d+)"', row))
        counted: dict[str, str] = {}
        for area in {kill.scenario.partition(".")[0] for kill in trial.kills}:
            kills = [each for each in trial.kills if each.scenario.startswith(f"{area}.")]
            counted[area] = str(len(kills))
        assert told == counted


def test_the_killer_is_told_with_its_assertion_or_checker() -> None:
    """Where it stands, which promise it blamed, and what it said."""
    text = render(matrix(density=1)).decode()
    assert "STA-1, assertion at a.yaml:12</span> a gap in the log" in text
    assert "STA-1, checker order</span> a gap in the log" in text


def test_what_keeps_a_bar_from_being_met_is_named_first() -> None:
    """Before the matrix: the verdict, the bar, the fault that survived."""
    text = render(matrix()).decode()
    places = [
        text.index(piece)
        for piece in ("A bar is not met</h1>", "Every fault is killed", "fault-0", 'id="matrix"')
    ]
    assert places == sorted(places)
    assert "only a run of everything can tell" in text


@pytest.mark.parametrize("density", [0.15, 1.0])
def test_a_full_matrix_is_a_page_that_opens(density: float) -> None:
    """249 faults by 410 scenarios under 2 MB, even if each catches all; it says what is left out."""
    full = matrix(faults=249, scenarios=410, density=density, message="came late " * 100)
    page = render(full)
    assert len(page) < LIMIT
    assert b"more scenarios caught it; mutants.json names them" in page
    assert page.count(b'<tr class="find') == 249
    assert ROOM < LIMIT


def test_hostile_text_is_text() -> None:
    """In names and messages; a fault's name becomes no attribute of its own."""
    record = matrix(message=HOSTILE)
    nasty = replace(
        record,
        trials=[
            replace(each, fault=f'x" onclick="{HOSTILE}', shows=HOSTILE) for each in record.trials
        ],
        scenarios=[replace(each, scenario=HOSTILE) for each in record.scenarios],
    )
    text = render(nasty).decode()
    assert text.count("<script") == render(record).decode().count("<script")
    assert "\x1b" not in text
    assert 'onclick="' not in text


def test_a_matrix_is_read_and_rendered_from_its_folder(tmp_path: Path) -> None:
    """`msgcheck report` takes the file and its folder; a form that it has not is refused with those it has."""
    (tmp_path / "mutants.json").write_bytes(encode(matrix()))
    assert read(tmp_path) == read(tmp_path / "mutants.json") == matrix()
    assert CliRunner().invoke(report, [str(tmp_path)]).exit_code == 0
    assert scenario_name("status", 2) in (tmp_path / "report.html").read_text("utf-8")
    with pytest.raises(NoSuchForm, match="a kill matrix has no form junit: it has html"):
        made("junit", matrix())


def test_a_matrix_of_a_newer_form_or_cut_off_is_refused(tmp_path: Path) -> None:
    """As any other record."""
    file = tmp_path / "mutants.json"
    whole = encode(matrix())
    file.write_bytes(whole.replace(b'"schema_version": 1', b'"schema_version": 2'))
    with pytest.raises(Unreadable, match="written by a newer one"):
        read(file)
    file.write_bytes(whole.replace(b'"bars"', b'"beers"'))
    with pytest.raises(Unreadable, match=r"not as `msgcheck mutants` writes it.*mutants\.schema"):
        read(file)
