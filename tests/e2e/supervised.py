"""A server that an outsider's shell command can kill or stop, and start again, as an operator's would.

The command writes its word into a FIFO and waits at another; a thread of the test, which is the server's
parent and so can await its end, does the work in between.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from .processes import PATIENCE_S, ROOT

_SIGNALS: Final[Mapping[str, int]] = {"kill": signal.SIGKILL, "stop": signal.SIGTERM}
_OVER: Final = "over"


class Supervised(NamedTuple):
    """Where the server is, and the commands that take it away and back."""

    url: str
    kill_command: str
    stop_command: str


@contextmanager
def supervised(*command: str, folder: Path) -> Iterator[Supervised]:
    """A server started by ``python -m command…``, with its data in `folder`."""
    asked, answered = folder / "asked", folder / "answered"
    os.mkfifo(asked)
    os.mkfifo(answered)
    server, port = _start(command, folder, 0)
    servers = [server]

    def supervise() -> None:
        while (word := asked.read_text().strip()) != _OVER:
            servers[-1].send_signal(_SIGNALS[word])
            servers[-1].wait(PATIENCE_S)
            servers.append(_start(command, folder, port)[0])
            answered.write_text("done\n")

    supervisor = threading.Thread(target=supervise)
    supervisor.start()
    try:
        yield Supervised(
            f"http://127.0.0.1:{port}", *(_says(word, asked, answered) for word in _SIGNALS)
        )
    finally:
        asked.write_text(f"{_OVER}\n")
        supervisor.join(PATIENCE_S)
        for each in servers:
            each.kill()
            each.communicate()


def _says(word: str, asked: Path, answered: Path) -> str:
    return f"echo {word} > {shlex.quote(str(asked))} && cat {shlex.quote(str(answered))}"


def _start(command: Sequence[str], folder: Path, port: int) -> tuple[subprocess.Popen[str], int]:
    usual = ("--host", "127.0.0.1", "--port", str(port), "--data", str(folder / "data"))
    process = subprocess.Popen(
        [sys.executable, "-m", *command, *usual, "--throwaway-accounts", "--until-stdin-closes"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert "listening on http" in line, f"no server: {line!r}"
    return process, int(line.rsplit(":", 1)[1])
