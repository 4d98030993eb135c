"""`msgcheck load` for the tests: a budget that every machine keeps, the command, and its record."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reports.load_model import LoadResults, load

from .processes import PATIENCE_S, ROOT, Finished, command_line, listening

BUDGET = """\
id: patient
title: Whatever the machine
population: {{{population}, read_after: 100ms}}
load: {{rate: {rate}, warmup: 500ms, duration: {duration}{load}}}
latency_ms: {{send_to_sent: {{p99: 60000}}, send_to_delivered: {{p50: 60000, p99.9: 60000}}}}
generator: {{lag_p99_ms: 60000}}
drain: {drain}
"""


def patient(
    folder: Path,
    population: str = "users: 6, pairs: random",
    rate: str = "60/s",
    duration: str = "1500ms",
    load: str = "",
    drain: str = "10s",
) -> str:
    """The path of a budget that a working server keeps on any machine."""
    file = folder / "patient.yaml"
    file.write_text(
        BUDGET.format(population=population, rate=rate, duration=duration, load=load, drain=drain)
    )
    return str(file)


def free_port() -> int:
    """Of the loopback address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        found: int = probe.getsockname()[1]
    return found


@contextmanager
def loading(folder: Path, *arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A running ``msgcheck load arguments…``, killed at the end if it is still there."""
    with subprocess.Popen(
        command_line("load", *arguments),
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as command:
        try:
            yield command
        finally:
            command.kill()


def ended(command: subprocess.Popen[str]) -> Finished:
    """The command when it has come to its end, which was without a traceback."""
    told, errors = command.communicate(timeout=PATIENCE_S)
    assert "Traceback" not in errors, errors
    return Finished(command.returncode, told, errors)


def loaded(folder: Path, *arguments: str, **environment: str) -> tuple[int, LoadResults]:
    """Exit status and record of a run."""
    with loading(folder, *arguments, **environment) as command:
        done = ended(command)
    record = folder / "msgcheck-load" / "results.json"
    assert record.exists(), done.stdout + done.stderr
    return done.status, load(record)


@contextmanager
def echo(*options: str) -> Iterator[str]:
    """The URL of a server whose delays and mistakes are known."""
    with listening("tests.loadgen.echo_server", *options) as url:
        yield url
