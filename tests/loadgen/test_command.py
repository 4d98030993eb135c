"""`msgcheck load`: what is wrong with a command line is told before anything is started."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from conformance.cli import main


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def refusal(*arguments: str) -> str:
    """What is said about it, on one line; the exit status is 2, and nothing was started."""
    done = CliRunner().invoke(main, ["load", *arguments])
    assert done.exit_code == 2, done.output
    assert not Path("msgcheck-load/generator.log").exists()
    assert not Path("msgcheck-load/server.log").exists()
    return " ".join(done.output.split())


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--worker", "--target", "http://a", "--users", "4"), "give --target, --users to the mas"),
        (("--worker", "--master"), "give --master to the master"),
        (("--master", ":0"), "`:0` is not HOST:PORT"),
        (("--master", "127.0.0.1", "--find-capacity"), "leave after the first"),
        (("--web", "somewhere:99999"), "`somewhere:99999` is not HOST:PORT"),
        (("--worker", "a:b"), "`a:b` is not HOST:PORT"),
        (("--users", "1"), "1 is not in the range"),
        (("--users", "100002"), "100002 is not in the range"),
        (("--users", "7"), "`users` must be even for pairs, not 7"),
        (("--rate", "1e99/s"), "is not a rate: 200/s or 30/m"),
        (("--rate", "0/s"), "`rate` must be more than 0"),
        (("--rate", "20000/s", "--shape", "spike"), "at most 50000/s at the peak of its shape"),
        (("--duration", "nan"), "is not a duration"),
        (("--budget", "direct-chta"), "did you mean `direct-chat`?"),
    ],
)
def test_a_command_line_that_cannot_be_is_refused(arguments: tuple[str, ...], why: str) -> None:
    """With what is wrong, and what to do."""
    assert why in refusal(*arguments)


@pytest.mark.parametrize("option", ["--web", "--master"])
def test_a_port_that_is_taken_is_told_before_anybody_is_registered(option: str, taken: int) -> None:
    """Which one, and what to do."""
    told = refusal(option, f"127.0.0.1:{taken}")
    assert f"cannot listen on 127.0.0.1:{taken}: Address already in use" in told
    assert "Choose another" in told
