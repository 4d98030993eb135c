"""The suite reads what is said, and not how: a right server passes behind what spells everything anew."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from .processes import listening, msgcheck, results_in, serving

PATIENCE_S = 300
"""For the whole suite through one more process, on a machine with other things to do."""
PASSES = 400
"""Scenarios that are to pass at least: all but those that need a restart."""


def test_a_server_behind_a_middlebox_is_found_conformant(tmp_path: Path) -> None:
    """With every capability, end-to-end encryption and resumable uploads among them."""
    with (
        serving("reference_server", data=tmp_path / "data") as behind,
        listening("tests.middlebox", behind) as url,
    ):
        done = msgcheck(
            "run", "--target", url, "--seed", "11", "--strict", cwd=tmp_path, patience_s=PATIENCE_S
        )
    assert done.status == 0, done.stdout + done.stderr
    verdicts = Counter(each.verdict for each in results_in(tmp_path / "msgcheck-report").scenarios)
    assert verdicts.keys() == {"pass", "not applicable"}
    assert verdicts["pass"] >= PASSES
