"""`msgcheck explore`: what it finds is a scenario that fails on the broken server, and on no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from .processes import Finished, listening, msgcheck

FAULT = "repeats-are-delivered-again"
PATIENCE_S = 180
"""For searching and shrinking on a busy machine; no test is judged by how long it took."""


def explored(*arguments: str, cwd: Path) -> Finished:
    """`msgcheck explore` with its own patience."""
    return msgcheck("explore", "--seed", "1", *arguments, cwd=cwd, patience_s=PATIENCE_S)


def test_a_fault_is_found_and_written_down(tmp_path: Path) -> None:
    """The file fails when it is run against the broken server, and passes on the healthy one."""
    found = explored("--time", "40", "--fault", FAULT, "--report-dir", "explored", cwd=tmp_path)
    assert found.status == 1, found.stdout + found.stderr
    (file,) = (tmp_path / "explored").glob("*.yaml")
    assert f"msgcheck run explored/{file.name} --seed 1 --fault {FAULT}" in found.stdout
    assert file.read_text("utf-8").startswith("# Found by `msgcheck explore --seed 1`")

    assert msgcheck("lint", str(file), cwd=tmp_path).status == 0
    broken = msgcheck("run", str(file), "--fault", FAULT, cwd=tmp_path)
    assert broken.status == 1, broken.stdout + broken.stderr
    healthy = msgcheck("run", str(file), cwd=tmp_path)
    assert healthy.status == 0, healthy.stdout + healthy.stderr


def test_nothing_is_found_on_the_healthy_server(tmp_path: Path) -> None:
    """Exit status 0, and no scenario; long searches are for the command line."""
    done = explored("--time", "3", cwd=tmp_path)
    assert done.status == 0, done.stdout + done.stderr
    assert "nothing was found" in done.stdout
    assert not list(tmp_path.rglob("*.yaml"))


@pytest.mark.parametrize("options", [(), ("--rich",)], ids=["plain", "rich"])
def test_nothing_is_found_on_another_right_server(options: tuple[str, ...], tmp_path: Path) -> None:
    """What is expected of a server is the contract's, not the reference server's."""
    with listening("tests.other_server", *options) as url:
        done = explored("--time", "5", "--target", url, cwd=tmp_path)
    assert done.status == 0, done.stdout + done.stderr


def test_a_target_that_is_not_there_is_no_finding(tmp_path: Path) -> None:
    """Exit status 3."""
    done = explored("--target", "http://127.0.0.1:9", cwd=tmp_path)
    assert done.status == 3
    assert "127.0.0.1:9" in done.stderr


def test_a_wrong_fault_is_the_users_mistake(tmp_path: Path) -> None:
    """Exit status 2, and the one that was probably meant."""
    done = explored("--fault", "statuses-fail", cwd=tmp_path)
    assert done.status == 2
    assert "did you mean `statuses-fall`" in done.stderr
    done = explored("--fault", "statuses-fall", "--target", "http://127.0.0.1:9", cwd=tmp_path)
    assert done.status == 2
