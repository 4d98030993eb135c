"""The installed package works without the checkout: it carries its specs and finds them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.side_by_side

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `msgcheck` of an otherwise empty environment, installed from a built wheel."""
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    python = str(folder / "venv" / "bin" / "python")
    pip = [python, "-m", "pip", "--disable-pip-version-check", "-q"]
    subprocess.run([*pip, "wheel", "--no-deps", "-w", str(folder), str(CHECKOUT)], check=True)
    (wheel,) = folder.glob("messenger_conformance-*.whl")
    subprocess.run([*pip, "install", str(wheel)], check=True)
    return folder / "venv" / "bin" / "msgcheck"


def test_an_installed_msgcheck_judges_the_reference_server(installed: Path, tmp_path: Path) -> None:
    """Run from another folder, it starts the server, plays scenarios and writes its reports."""
    run = subprocess.run(
        [installed, "run", "status.delivered-then-read", "PAG-7"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    results = json.loads((tmp_path / "msgcheck-report" / "results.json").read_text())
    assert results["verdict"] == "conformant"
    assert {scenario["verdict"] for scenario in results["scenarios"]} == {"pass"}


def test_an_installed_msgcheck_finds_its_own_scenarios(installed: Path, tmp_path: Path) -> None:
    """`lint` without arguments checks what the wheel carries, and finds it right."""
    lint = subprocess.run(
        [installed, "lint"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert lint.returncode == 0, lint.stdout + lint.stderr
