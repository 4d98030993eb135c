"""A server in a process of its own, on a fresh folder, and what the operating system says of it (Linux)."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_STOP_S = 10.0
_LISTENING = re.compile(r"http://[\d.]+:\d+")
PASSWORD = "benchmark"  # noqa: S105 - it protects nothing


class NotMeasured(Exception):
    """A benchmark could not be run; the text says why."""


def cpu_seconds(process_id: int) -> float:
    """User and system time of a process so far, all its threads (proc(5); ticks of 10 ms mostly)."""
    fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_S


class Serving:
    """A running server; `started_s` is how long it took to say that it serves."""

    def __init__(self, url: str, process_id: int, started_s: float) -> None:
        self.url = url
        self.started_s = started_s
        self._process_id = process_id

    def cpu_s(self) -> float:
        """User and system time so far."""
        return cpu_seconds(self._process_id)

    def resident_kib(self) -> int:
        """Its memory."""
        lines = Path(f"/proc/{self._process_id}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


@contextmanager
def serving(*options: str) -> Iterator[Serving]:
    """The reference server with these options; passwords are hashed cheaply."""
    with tempfile.TemporaryDirectory(prefix="msgcheck-bench-") as data:
        module = ("-m", "reference_server", "--port", "0", "--data", data)
        with started(*module, "--throwaway-accounts", "--until-stdin-closes", *options) as server:
            yield server


@contextmanager
def started(*arguments: str) -> Iterator[Serving]:
    """A server started by ``python arguments…`` that says where it listens."""
    began = time.perf_counter()
    process: subprocess.Popen[str] | None = None
    try:
        with _undisturbed():
            process = subprocess.Popen(  # noqa: S603 - our own programs
                [sys.executable, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                # Ctrl-C is for this program, which then stops the server.
                start_new_session=True,
            )
        assert process.stdout is not None
        line = process.stdout.readline()
        found = _LISTENING.search(line)
        if found is None:
            raise NotMeasured(f"the server did not start: {line!r}")
        yield Serving(found[0], process.pid, time.perf_counter() - began)
    finally:
        if process is not None:
            _end(process)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Put Ctrl-C off until afterwards: a process that is broken off while it starts has nobody to end it."""
    put_off: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _frame: put_off.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    for number in put_off:
        signal.raise_signal(number)


def _end(process: subprocess.Popen[str]) -> None:
    with process:
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()


def client_of(server: Serving) -> httpx.Client:
    """An HTTP client, independent of the environment."""
    return httpx.Client(base_url=server.url, trust_env=False, timeout=60)


def newcomer(http: httpx.Client, user_id: str) -> str:
    """Register and log in a user; the token."""
    credentials = {"user_id": user_id, "password": PASSWORD}
    http.post("/v1.0/users", json=credentials).raise_for_status()
    session = http.post("/v1.0/sessions", json=credentials).raise_for_status()
    return str(session.json()["token"])


def bearer(token: str) -> dict[str, str]:
    """The header of a request by a device."""
    return {"Authorization": f"Bearer {token}"}


def conversation(http: httpx.Client, token: str, kind: str, members: Sequence[str]) -> str:
    """Create a conversation; its id."""
    body = {"kind": kind, "members": list(members)}
    answer = http.post("/v1.0/conversations", json=body, headers=bearer(token))
    return str(answer.raise_for_status().json()["conversation_id"])
