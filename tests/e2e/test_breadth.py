"""The suite meets the whole contract: measured on a run against the reference server."""

from __future__ import annotations

from pathlib import Path

from .processes import msgcheck

PATIENCE_S = 300
"""For all scenarios, on a machine with other things to do."""


def test_no_route_answer_frame_or_code_is_without_a_scenario(tmp_path: Path) -> None:
    """Nor any requirement. What was added to the contract and forgotten in the suite shows here."""
    done = msgcheck("run", "--seed", "30", cwd=tmp_path, patience_s=PATIENCE_S)
    assert done.status == 0, done.stdout + done.stderr
    shown = msgcheck("coverage", "--results", "msgcheck-report", cwd=tmp_path)
    assert (shown.status, shown.stderr) == (0, ""), shown.stdout
    assert "Without one" not in shown.stdout
