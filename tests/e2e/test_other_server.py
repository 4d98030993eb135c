"""The suite accuses nobody wrongly: a right server that is unlike ours passes it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from .processes import listening, msgcheck, results_in

PATIENCE_S = 300
"""For the whole suite against a server that takes its time, on a machine with other things to do."""

PLAIN_PASSES = 150
RICH_PASSES = 325
"""Scenarios that are to pass at least. When fewer do, something has become not applicable."""


@pytest.mark.parametrize(
    ("options", "passes"), [((), PLAIN_PASSES), (("--rich",), RICH_PASSES)], ids=["plain", "rich"]
)
def test_another_server_is_found_conformant(
    options: tuple[str, ...], passes: int, tmp_path: Path
) -> None:
    """Nothing of it fails, also not just once, and whatever could be judged has been."""
    with listening("tests.other_server", *options) as url:
        done = msgcheck(
            "run", "--target", url, "--seed", "11", "--strict", cwd=tmp_path, patience_s=PATIENCE_S
        )
    assert done.status == 0, done.stdout + done.stderr
    assert "CONFORMANT" in done.stdout
    scenarios = results_in(tmp_path / "msgcheck-report").scenarios
    verdicts = Counter(each.verdict for each in scenarios)
    assert verdicts.keys() == {"pass", "not applicable"}
    assert verdicts["pass"] >= passes
