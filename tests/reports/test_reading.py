"""A `results.json` that is none is refused, with what is wrong and what to do."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from reports.cli import report
from reports.formats import FORMATS
from reports.model import SCHEMA_VERSION, Results, encode
from reports.reading import Unreadable, read
from tests.conformance.results import finding, results, scenario

WHOLE = encode(results(scenario("a.b", "fail", finding("ORD-1"))))


def changed(**members: object) -> bytes:
    """A whole record with other members."""
    return json.dumps(json.loads(WHOLE) | members).encode()


REFUSED: dict[str, tuple[bytes, str]] = {
    "truncated": (WHOLE[: len(WHOLE) // 2], "is no whole JSON document"),
    "empty": (b"", "is no whole JSON document"),
    "not UTF-8": (b'{"schema_version": "\xff"}', "is no whole JSON document"),
    "nested without end": (b"[" * 100_000, "nested too deep"),
    "somebody else's": (b'{"results": {"tool": {"name": "jest"}}}', "no record of a run"),
    "a list": (b"[1, 2]", "no record of a run"),
    "newer": (
        changed(schema_version=SCHEMA_VERSION + 1),
        f"has schema version {SCHEMA_VERSION + 1}, and this msgcheck knows {SCHEMA_VERSION}",
    ),
    "incomplete": (b'{"schema_version": 1}', "missing required field `run`"),
    "of another type": (changed(totals=[]), "at `$.totals`"),
    "of an unknown verdict": (changed(verdict="splendid"), "at `$.verdict`"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_record_is_refused_with_the_reason(case: str, tmp_path: Path) -> None:
    """Naming the file, in one line, on stderr; exit status 2 and no report."""
    content, told = REFUSED[case]
    file = tmp_path / "results.json"
    file.write_bytes(content)
    done = CliRunner().invoke(report, [str(file)])
    assert done.exit_code == 2
    assert told in done.stderr
    assert str(file) in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """With the command that makes one."""
    with pytest.raises(Unreadable, match=r"no such file\. `msgcheck run` and"):
        read(tmp_path)


def test_a_record_is_read_from_its_folder_too(tmp_path: Path) -> None:
    """What a report folder is for."""
    (tmp_path / "results.json").write_bytes(WHOLE)
    assert read(tmp_path) == read(tmp_path / "results.json")


def test_members_of_a_later_minor_form_are_ignored(tmp_path: Path) -> None:
    """The version rises only when a reader could be misled."""
    (tmp_path / "results.json").write_bytes(changed(weather="fine"))
    record = read(tmp_path)
    assert isinstance(record, Results)
    assert record.run.seed == 7


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a record."""
    (tmp_path / "results.json").write_bytes(WHOLE)
    return tmp_path


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_is_written_beside_the_record(name: str, folder: Path) -> None:
    """Under its usual name, which is told."""
    done = CliRunner().invoke(report, [str(folder), "--format", name])
    assert done.exit_code == 0, done.output
    file = folder / FORMATS[name].file
    assert done.stdout == f"{file}\n"
    assert file.stat().st_size > 0


def test_a_report_goes_to_standard_output_when_asked(folder: Path) -> None:
    """And nothing else with it."""
    done = CliRunner().invoke(report, [str(folder / "results.json"), "-f", "badge", "-o", "-"])
    assert done.exit_code == 0
    assert done.stdout.startswith("<svg")
    assert not (folder / "badge.svg").exists()


def test_one_output_takes_one_format(folder: Path) -> None:
    """Two reports in one file would be none."""
    done = CliRunner().invoke(report, [str(folder), "-f", "badge", "-f", "ctrf", "-o", "x"])
    assert done.exit_code == 2
    assert "--output takes one --format" in done.stderr


def test_a_report_that_cannot_be_written_is_told(folder: Path) -> None:
    """With the place and the reason."""
    done = CliRunner().invoke(report, [str(folder), "-o", str(folder / "no" / "report.html")])
    assert done.exit_code == 2
    assert "report.html cannot be written: No such file" in done.stderr
