"""Somebody else's server is killed and stopped by commands of theirs, and judged by what it kept."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from .processes import msgcheck, results_in, serving
from .supervised import supervised

KILLED = "delivery.accepted-over-http-survives"


class Breakage(NamedTuple):
    """What a run against a server that stops badly must say."""

    scenario: str
    words: str
    also: tuple[str, ...] = ()
    """What it breaks too."""


BREAKAGES = {
    "stopping-looks-like-a-goodbye": Breakage(
        "realtime.stopping-server-says-goodbye", "the expected `closed` frame did not come"
    ),
    "stopping-forgets-the-rest": Breakage(
        "realtime.stopped-amid-traffic",
        "was accepted before the server was stopped, and is not in the history afterwards",
        # Its numbers are given to others then, with all that follows from it.
        also=("DLV-1", "DLV-2", "DLV-4", "ORD-4", "ORD-5", "ORD-6", "ORD-7", "STA-1"),
    ),
}


def test_a_server_at_an_address_is_killed_and_stopped_by_commands(tmp_path: Path) -> None:
    """Both kinds of scenario are played, and what they need is there."""
    with supervised("reference_server", folder=tmp_path) as server:
        done = msgcheck(
            *("run", KILLED, "RT-8", "--target", server.url),
            *("--restart-command", server.kill_command, "--stop-command", server.stop_command),
            cwd=tmp_path,
        )
    assert done.status == 0, done.stdout + done.stderr
    verdicts = [each.verdict for each in results_in(tmp_path / "msgcheck-report").scenarios]
    assert verdicts == ["pass"] * 3


def test_without_a_command_these_scenarios_are_not_applicable(tmp_path: Path) -> None:
    """The reason names the option that is missing."""
    with serving("reference_server", data=tmp_path / "data") as url:
        done = msgcheck("run", "RT-8", "--target", url, cwd=tmp_path)
    assert done.status == 0, done.stdout + done.stderr
    assert {
        (each.verdict, each.reason) for each in results_in(tmp_path / "msgcheck-report").scenarios
    } == {
        (
            "not applicable",
            "the target cannot be stopped in order: there is no --stop-command",
        )
    }


def test_a_command_that_fails_is_blamed_on_nobody(tmp_path: Path) -> None:
    """It is the operator's to mend."""
    with serving("reference_server", data=tmp_path / "data") as url:
        done = msgcheck(
            *("run", "realtime.stopping-server-says-goodbye", "--target", url),
            *("--stop-command", "exit 7"),
            cwd=tmp_path,
        )
    [scenario] = results_in(tmp_path / "msgcheck-report").scenarios
    assert (done.status, scenario.verdict) == (3, "error")
    assert "the stop command ended with status 7" in (scenario.reason or "")


@pytest.mark.parametrize("fault", BREAKAGES)
def test_a_server_that_stops_badly_is_caught(fault: str, tmp_path: Path) -> None:
    """RT-8 fails, for the right reason, and nothing else that is not broken."""
    breakage = BREAKAGES[fault]
    with supervised("reference_server", "--fault", fault, folder=tmp_path) as server:
        done = msgcheck(
            *("run", breakage.scenario, "--target", server.url, "--seed", "3"),
            *("--stop-command", server.stop_command),
            cwd=tmp_path,
        )
    assert done.status == 1, done.stdout + done.stderr
    results = results_in(tmp_path / "msgcheck-report")
    blamed = {each.id for each in results.requirements if each.verdict in ("fail", "flaky")}
    assert {"RT-8"} <= blamed <= {"RT-8", *breakage.also}
    messages = [finding.message for each in results.scenarios for finding in each.findings]
    assert any(breakage.words in message for message in messages), messages
