"""`msgcheck mutants` on a sample of the faults, and what the commands say about faults."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import jsonschema
import msgspec
import pytest

from conformance.resources import MUTANTS_SCHEMA
from reports.mutants_model import Matrix, Trial

from .processes import ROOT, Finished, command_line, msgcheck
from .serving import served

SAMPLE = 4
SEED = 5
PATIENCE_S = 180
"""Two runs side by side on a busy machine; nothing is judged by how long it took."""


def judged(*arguments: str, cwd: Path) -> Finished:
    """`msgcheck mutants` with its own patience."""
    done = subprocess.run(
        command_line("mutants", *arguments),
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    return Finished(done.returncode, done.stdout, done.stderr)


def matrix_in(folder: Path) -> Matrix:
    """The record, valid by its published schema."""
    content = (folder / "mutants.json").read_bytes()
    schema = json.loads(MUTANTS_SCHEMA.read_text("utf-8"))
    jsonschema.Draft202012Validator(schema).validate(json.loads(content))
    return msgspec.json.decode(content, type=Matrix)


def test_a_sample_of_the_faults_is_killed(tmp_path: Path) -> None:
    """Each by what it breaks, and the healthy server is not accused; the whole is for the command line."""
    done = judged(
        *("--scope", "proving", "--sample", str(SAMPLE), "--seed", str(SEED)),
        *("--report-dir", "mutants"),
        cwd=tmp_path,
    )
    assert done.status == 0, done.stdout + done.stderr
    matrix = matrix_in(tmp_path / "mutants")
    assert (matrix.killed, matrix.faults, matrix.false_alarms) == (SAMPLE, SAMPLE, 0)
    assert f"faults killed: {SAMPLE}/{SAMPLE}" in done.stdout
    assert all(blames_what_is_broken(trial) for trial in matrix.trials)


def blames_what_is_broken(trial: Trial) -> bool:
    """Whether each of its kills is by a requirement of the fault, at a place or by a checker."""
    return all(
        set(kill.requirements) <= set(trial.breaks) and bool(kill.place or kill.checker)
        for kill in trial.kills
    )


def test_a_fault_that_the_chosen_scenarios_cannot_see_survives(tmp_path: Path) -> None:
    """Exit status 1: the bars of what was played are not met."""
    done = judged(
        *("errors.unknown-paths", "--fault", "statuses-fall", "--report-dir", "mutants"),
        cwd=tmp_path,
    )
    assert done.status == 1, done.stdout + done.stderr
    assert "SURVIVED" in done.stdout
    (trial,) = matrix_in(tmp_path / "mutants").trials
    assert trial.verdict == "survived"


def test_an_interrupted_matrix_holds_what_was_played(tmp_path: Path) -> None:
    """Exit status 3: a whole one takes an hour, and what is known of the others stays known."""
    with subprocess.Popen(
        command_line("mutants", "errors.unknown-paths", "--jobs", "1", "--report-dir", "mutants"),
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            while not (line := process.stdout.readline()).startswith("  2/"):
                assert line, "it ended before it could be interrupted"
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
    assert process.returncode == 3, errors
    assert "the matrix holds what was played" in errors
    matrix = matrix_in(tmp_path / "mutants")
    played = [trial for trial in matrix.trials if trial.verdict != "not played"]
    assert 1 <= len(played) < len(matrix.trials)
    assert matrix.trials[-1].reason == "interrupted before its end"


@pytest.mark.parametrize(
    "arguments",
    [
        ("mutants", "--fault", "statuses-fail"),
        ("run", "--fault", "statuses-fail"),
    ],
)
def test_an_unknown_fault_is_the_users_mistake(arguments: tuple[str, ...], tmp_path: Path) -> None:
    """Exit status 2, and the one that was probably meant."""
    done = msgcheck(*arguments, cwd=tmp_path)
    assert done.status == 2
    assert "did you mean `statuses-fall`" in done.stderr


def test_a_fault_is_for_the_reference_server_alone(tmp_path: Path) -> None:
    """Somebody else's server has its own."""
    done = msgcheck(
        "run", "--fault", "statuses-fall", "--target", "http://127.0.0.1:9", cwd=tmp_path
    )
    assert done.status == 2
    assert "not for a --target" in done.stderr


def test_faults_are_listed(tmp_path: Path) -> None:
    """For people and for programs: name, what it breaks, what shows."""
    text = msgcheck("faults", cwd=tmp_path, PYTHONPATH=str(ROOT))
    assert text.status == 0
    assert "statuses-fall  STA-3, STA-2" in text.stdout
    listed = json.loads(msgcheck("faults", "--json", cwd=tmp_path, PYTHONPATH=str(ROOT)).stdout)
    (one,) = (each for each in listed if each["name"] == "statuses-fall")
    assert one["breaks"] == ["STA-3", "STA-2"]
    assert one["shows"].endswith(".")


def test_a_server_with_a_fault_says_so_loudly() -> None:
    """On standard error for people, and in the log."""
    with served("--fault", "statuses-fall", "--fault", "a-byte-is-lost") as server:
        server.process.terminate()
        status, errors = server.ends()
    assert status == 0
    assert "FAULTY ON PURPOSE" in errors
    assert "statuses-fall (STA-3, STA-2): A lower acknowledgement" in errors
    logged = [json.loads(line) for line in errors.splitlines() if line.startswith("{")]
    told = [line["fault"] for line in logged if line["event"] == "fault"]
    assert told == ["statuses-fall", "a-byte-is-lost"]


def test_a_server_refuses_a_fault_that_it_does_not_know() -> None:
    """Exit status 2, before it serves."""
    done = msgcheck("serve", "--fault", "statuses-fail", cwd=ROOT)
    assert done.status == 2
    assert "did you mean `statuses-fall`" in done.stderr
