"""Two load runs laid over each other."""

from pathlib import Path

from click.testing import CliRunner
from msgspec.structs import replace

from loadgen.comparing import compare as command
from reports.html.comparison import overlaid
from reports.html.load import charts
from reports.load_model import encode
from tests.loadgen.records import record

HOSTILE = "</script><script>window.hacked = 1</script> <b>"


def written(folder: Path, name: str, p99: float) -> Path:
    """A record of a run with this p99, in a file."""
    run = record([[5.0, p99 + second % 3, p99 * 2] for second in range(60)])
    file = folder / name
    file.write_bytes(encode(replace(run, run=replace(run.run, platform=HOSTILE))))
    return file


def test_the_page_tells_which_is_slower_and_how_sure_that_is(tmp_path: Path) -> None:
    """The verdict first, then each figure with its interval; what others chose is text."""
    page = tmp_path / "compare.html"
    a, b = written(tmp_path, "a.json", 20), written(tmp_path, "b.json", 30)
    done = CliRunner().invoke(command, [str(a), str(b), "--html", str(page)])
    assert done.exit_code == 1, done.output
    text = page.read_text("utf-8")
    assert "B is slower</h1>" in text
    assert "Slower in send → sent p99." in text
    assert "+48 %" in text
    assert HOSTILE not in text


def test_a_page_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """Before any verdict."""
    a = written(tmp_path, "a.json", 20)
    done = CliRunner().invoke(command, [str(a), str(a), "--html", str(tmp_path / "no" / "x.html")])
    assert done.exit_code != 0
    assert "cannot be written" in str(done.exception) + done.output


def test_the_seconds_of_both_runs_stand_under_each_other() -> None:
    """The longer one's last seconds stand alone."""
    before, after = record([[1.0, 5.0, 9.0]] * 3), record([[1.0, 7.0, 9.0]] * 2)
    drawn = overlaid(charts(before), charts(after))
    assert drawn["t"] == [1, 2, 3]
    (latency,) = drawn["latency"]
    assert latency["dotted"] == [5.0, 5.0, 5.0]
    assert latency["through"] == [7.0, 7.0, None]
