"""The whole generator, with real sockets, against a server whose delays and mistakes are known.

Figures are held against bounds that a busy machine does not cross; that they are right to the third digit
is shown in virtual time (`tests/loadgen/test_fidelity.py`).
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reports.load_model import LoadResults, load

from .processes import PATIENCE_S, ROOT, msgcheck

BUDGET = """\
id: echo
title: A known server
population: {users: 6, pairs: random, read_after: 100ms}
load: {rate: 60/s, warmup: 0s, duration: 3s}
latency_ms:
  send_to_sent: {p99: 60000}
  send_to_delivered: {p99: 60000}
generator: {lag_p99_ms: 60000}
drain: 2s
"""


@contextmanager
def echo(*options: str) -> Iterator[str]:
    """The URL of an echo server."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.loadgen.echo_server", *options],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdin is not None
            yield process.stdout.readline().rpartition(" ")[2].strip()
            process.stdin.close()
            process.wait(PATIENCE_S)
        finally:
            process.kill()


def run(folder: Path, *server: str, options: tuple[str, ...] = ()) -> tuple[int, LoadResults]:
    """Exit status and record of a run against an echo server."""
    file = folder / "echo.yaml"
    file.write_text(BUDGET)
    with echo(*server) as url:
        done = msgcheck(
            *("load", "--target", url, "--budget", str(file), "--seed", "5", *options), cwd=folder
        )
    assert "Traceback" not in done.stderr, done.stderr
    return done.status, load(folder / "msgcheck-load" / "results.json")


def test_a_delay_is_at_least_what_was_injected(tmp_path: Path) -> None:
    """Each hop of 200 ms takes that long, and none is reported to have been faster."""
    status, record = run(tmp_path, "--delay", "200")
    assert status == 0, record.reasons
    hops = {hop.hop: hop for hop in record.hops}
    for name in ("send_to_sent", "send_to_delivered", "delivered_to_status", "read_to_status"):
        assert 199 <= hops[name].corrected.p50 < 2000
    assert record.counts.verified == record.counts.planned


def test_a_stall_is_seen_by_users_and_hidden_from_a_waiting_tester(tmp_path: Path) -> None:
    """Of three seconds the server stalls for one: a third of the messages wait, half a second on average."""
    status, record = run(tmp_path, "--stall", "1:1")
    assert status == 0, record.reasons
    sent = next(hop for hop in record.hops if hop.hop == "send_to_sent")
    assert 400 < sent.corrected.p90 < 3000
    assert sent.waiting.max > 700
    assert sent.waiting.p90 < sent.corrected.p90 / 2


@pytest.mark.parametrize(
    ("how", "wrong"),
    [
        ("lost", "lost"),
        ("duplicated", "duplicated"),
        ("reordered", "reordered"),
        ("history", "history_mismatch"),
    ],
)
def test_a_mistake_breaks_the_budget_for_its_own_reason(
    how: str, wrong: str, tmp_path: Path
) -> None:
    """One entry of each conversation; nothing else is blamed."""
    status, record = run(tmp_path, "--mistreat", how, options=("--duration", "1500ms"))
    assert status == 1
    assert [check.name for check in record.checks if not check.passed] == [wrong]
    assert getattr(record.counts, wrong) == 3


def test_a_budget_that_needs_what_the_target_lacks_gives_no_verdict(tmp_path: Path) -> None:
    """A server may leave a capability out; that is not slow."""
    with echo() as url:
        done = msgcheck("load", "--target", url, "--budget", "busy-group", cwd=tmp_path)
    assert done.status == 3
    assert "does not offer `groups`" in done.stderr


def test_several_processes_measure_what_one_does(tmp_path: Path) -> None:
    """The plan is the same, and nothing is lost between the workers and the record."""
    status, alone = run(tmp_path)
    assert status == 0, alone.reasons
    status, together = run(tmp_path, options=("--processes", "2"))
    assert status == 0, together.reasons
    assert together.counts == alone.counts
    assert [hop.count for hop in together.hops][:3] == [hop.count for hop in alone.hops][:3]
    assert together.run.processes == 2


def test_a_target_that_goes_away_gives_partial_results_and_no_verdict(tmp_path: Path) -> None:
    """What was measured is in the record, with the reason why there is no verdict."""
    file = tmp_path / "echo.yaml"
    file.write_text(BUDGET.replace("duration: 3s", "duration: 2s"))
    with subprocess.Popen(
        [sys.executable, "-m", "tests.loadgen.echo_server"],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as server:  # fmt: skip
        assert server.stdout is not None
        url = server.stdout.readline().rpartition(" ")[2].strip()
        with subprocess.Popen(
            [sys.executable, "-m", "conformance", "load", "--target", url, "--budget", str(file)],
            cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as command:  # fmt: skip
            assert command.stdout is not None
            for line in command.stdout:
                if line.startswith("warming up"):
                    break
            server.kill()
            told, errors = command.communicate(timeout=PATIENCE_S)
    assert command.returncode == 3, told + errors
    assert "Traceback" not in errors
    record = load(tmp_path / "msgcheck-load" / "results.json")
    assert record.verdict == "invalid"
    assert record.counts.disconnected > 0
