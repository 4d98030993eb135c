"""The whole generator, with real sockets, against a server whose delays and mistakes are known.

Figures are held against bounds that a busy machine does not cross; that they are right to the third digit
is shown in virtual time (`tests/loadgen/test_fidelity.py`).
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from loadgen.budgets import load_budget
from loadgen.schedule import arrivals
from reports.load_model import load

from .loading import echo, ended, loaded, loading, patient
from .processes import ROOT


def test_delay_and_stall_are_seen_by_workers_of_a_master_and_the_stall_is_hidden_from_a_waiting_tester(
    tmp_path: Path,
) -> None:
    """Each hop takes the delay at least; of three seconds the server stalls for one.

    A third of the messages wait, half a second on average. Nothing is lost between workers and record.
    """
    budget = patient(tmp_path, duration="3s")
    plan = load_budget(Path(budget)).what_is_planned
    with echo("--delay", "100", "--stall", "1.5:1") as url, ExitStack() as workers:
        master = workers.enter_context(
            loading(
                tmp_path,
                "--target",
                url,
                "--budget",
                budget,
                "--seed",
                "5",
                "--master",
                "127.0.0.1",
                "--processes",
                "2",
            )
        )
        others = []
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            others.append(workers.enter_context(loading(tmp_path / name, "--worker")))
        done = ended(master)
        assert [ended(other).status for other in others] == [0, 0]
    assert done.status == 0, done.stdout + done.stderr
    record = load(tmp_path / "msgcheck-load" / "results.json")
    assert record.run.processes == 2
    assert record.counts.planned == len(list(arrivals(plan, 6, 5)))
    assert record.counts.verified == record.counts.planned
    hops = {hop.hop: hop for hop in record.hops}
    for name in ("send_to_sent", "send_to_delivered", "delivered_to_status", "read_to_status"):
        assert 99 <= hops[name].corrected.p50 < 2000
    sent = hops["send_to_sent"]
    assert 400 < sent.corrected.p90 < 3000
    assert sent.waiting.max > 700
    assert sent.waiting.p90 < sent.corrected.p90 / 2


def test_each_mistake_is_counted_as_what_it_is(tmp_path: Path) -> None:
    """In each of three conversations an entry is lost, doubled, late, not in the history; a status falls."""
    wrong = ("lost", "duplicated", "reordered", "history_mismatch", "status_mismatch")
    with echo("--mistreat", ",".join(wrong)) as url:
        status, record = loaded(
            tmp_path, "--target", url, "--budget", patient(tmp_path, drain="2s")
        )
    assert status == 1
    assert [check.name for check in record.checks if not check.passed] == list(wrong)
    assert [getattr(record.counts, name) for name in wrong] == [3] * 5


def test_a_budget_that_needs_what_the_target_lacks_gives_no_verdict(tmp_path: Path) -> None:
    """A server may leave a capability out; that is not slow."""
    with echo() as url, loading(tmp_path, "--target", url, "--budget", "busy-group") as command:
        done = ended(command)
    assert done.status == 3
    assert "does not offer `groups`" in done.stderr


def test_a_target_that_goes_away_gives_partial_results_and_no_verdict(tmp_path: Path) -> None:
    """What was measured is in the record, with the reason why there is no verdict."""
    budget = patient(tmp_path, duration="2s", drain="1s")
    with subprocess.Popen(
        [sys.executable, "-m", "tests.loadgen.echo_server"],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as server:  # fmt: skip
        assert server.stdout is not None
        url = server.stdout.readline().rpartition(" ")[2].strip()
        with loading(tmp_path, "--target", url, "--budget", budget) as command:
            assert command.stdout is not None
            for line in command.stdout:
                if line.startswith("warming up"):
                    break
            server.kill()
            done = ended(command)
    assert done.status == 3, done.stdout + done.stderr
    record = load(tmp_path / "msgcheck-load" / "results.json")
    assert record.verdict == "invalid"
    assert record.counts.disconnected > 0
