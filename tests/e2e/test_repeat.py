"""The repeater keeps what it is run for: the evidence of the one run that was not like the others."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from .processes import PATIENCE_S, ROOT, results_in


def repeat(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    return subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.repeat", *arguments],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def test_clean_runs_leave_nothing_behind(tmp_path: Path) -> None:
    """Each has its own seed and its line."""
    done = repeat("--runs", "2", "--keep", str(tmp_path), "--", "realtime.ping-gets-pong")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "seed 1: conformant" in done.stdout
    assert "seed 2: conformant" in done.stdout
    assert "2 runs: 2 conformant\n0 accused the server" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_accuses_keeps_its_reports(tmp_path: Path) -> None:
    """With the scenario's name and what was wrong in the output."""
    scenario = "ordering.conversations-count-for-themselves"
    keep = ("--keep", str(tmp_path / "kept"))
    done = repeat("--runs", "1", *keep, "--", scenario, "--fault", "all-chats-count-together")
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"fail {scenario}: " in done.stdout
    assert "1 accused the server" in done.stdout
    (result,) = results_in(tmp_path / "kept" / "seed-1").scenarios
    assert result.verdict == "fail"
    assert "NOT CONFORMANT" in (tmp_path / "kept" / "seed-1" / "output.txt").read_text()
