"""Programs under test as processes of their own, which leave nothing behind.

A server is told to stop when its standard input closes, and every process is killed, by its own id,
when the test that started it ends without it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from reports.model import Results

ROOT = Path(__file__).parent.parent.parent
PATIENCE_S = 60
"""For a run of a handful of scenarios; no test is judged by how long it took."""


class Finished(NamedTuple):
    """How a command ended and what it said."""

    status: int
    stdout: str
    stderr: str


@contextmanager
def serving(*command: str, data: Path, options: Sequence[str] = ()) -> Iterator[str]:
    """The reference server, or a broken one, started by ``python -m command…``, and its URL."""
    usual = ("--host", "127.0.0.1", "--port", "0", "--data", str(data), "--until-stdin-closes")
    with listening(*command, *usual, *options) as url:
        yield url


@contextmanager
def listening(*command: str) -> Iterator[str]:
    """A server started by ``python -m command…`` that says where it listens, and its URL."""
    with subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdin is not None
            line = process.stdout.readline()
            assert "listening on http" in line, f"no server: {line!r}"
            yield line.split("listening on ", 1)[1].split()[0]
            process.stdin.close()
            process.wait(PATIENCE_S)
        finally:
            process.kill()


def command_line(*arguments: str) -> list[str]:
    """The command ``msgcheck arguments…`` of this checkout, whatever the PATH says."""
    return [sys.executable, "-m", "conformance", *arguments]


def msgcheck(
    *arguments: str, cwd: Path, patience_s: float = PATIENCE_S, **environment: str
) -> Finished:
    """Run a `msgcheck` command to its end, with these changes to the environment."""
    done = subprocess.run(
        command_line(*arguments),
        cwd=cwd,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=patience_s,
        check=False,
    )
    return Finished(done.returncode, done.stdout, done.stderr)


def results_in(folder: Path) -> Results:
    """The record of a run, read as the type that it is published with."""
    return msgspec.json.decode((folder / "results.json").read_bytes(), type=Results)
