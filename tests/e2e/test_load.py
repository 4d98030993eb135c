"""`msgcheck load` from outside: real processes, short runs, limits that no machine is too slow for."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from jsonschema import Draft202012Validator

from conformance.resources import SPECS
from reports import load_model

from .processes import msgcheck

PATIENT = """\
id: patient
title: Whatever the machine
population: {users: 8, pairs: random, read_after: 200ms}
load: {rate: 40/s, warmup: 500ms, duration: 1500ms}
latency_ms:
  send_to_sent: {p99: 60000}
  send_to_delivered: {p50: 60000, p99.9: 60000}
  delivered_to_status: {p99: 60000}
  read_to_status: {p99: 60000}
generator: {lag_p99_ms: 60000}
"""


@pytest.fixture
def budget(tmp_path: Path) -> Path:
    """A budget that a working server keeps on any machine."""
    file = tmp_path / "patient.yaml"
    file.write_text(PATIENT)
    return file


def test_a_working_server_is_within_a_patient_budget(budget: Path, tmp_path: Path) -> None:
    """Every message is accounted for, the reports hold it, and the exit status is 0."""
    done = msgcheck("load", "--budget", str(budget), "--seed", "7", cwd=tmp_path)
    assert done.status == 0, done.stdout + done.stderr
    assert "WITHIN BUDGET" in done.stdout
    record = load_model.load(tmp_path / "msgcheck-load" / "results.json")
    counts = record.counts
    assert counts.planned > 20
    assert counts.planned == counts.sent == counts.verified == counts.deliveries
    assert (counts.lost, counts.duplicated, counts.reordered, counts.history_mismatch) == (0,) * 4
    assert {hop.hop for hop in record.hops} == {
        "send_to_sent", "sent_queue", "sent_commit", "sent_rest", "send_to_delivered",
        "delivered_to_status", "read_to_status",
    }  # fmt: skip
    assert all(check.passed for check in record.checks)
    suite = ET.parse(tmp_path / "msgcheck-load" / "junit.xml").getroot()[0]  # noqa: S314
    assert suite.get("failures") == "0"
    published = json.loads((SPECS / "load-results.schema.json").read_text("utf-8"))
    Draft202012Validator(published).validate(
        json.loads((tmp_path / "msgcheck-load" / "results.json").read_bytes())
    )


def test_a_budget_that_cannot_be_kept_is_broken(budget: Path, tmp_path: Path) -> None:
    """No server stores a message within a microsecond: exit status 1, and the line that broke."""
    budget.write_text(PATIENT.replace("send_to_sent: {p99: 60000}", "send_to_sent: {p50: 0.001}"))
    done = msgcheck("load", "--budget", str(budget), cwd=tmp_path)
    assert done.status == 1, done.stdout + done.stderr
    assert "send_to_sent p50" in done.stdout
    suite = ET.parse(tmp_path / "msgcheck-load" / "junit.xml").getroot()[0]  # noqa: S314
    assert suite.get("failures") == "1"


def test_a_target_that_is_not_there_gives_no_verdict(budget: Path, tmp_path: Path) -> None:
    """Exit status 3, and what to look at."""
    target = "http://127.0.0.1:9"
    done = msgcheck("load", "--budget", str(budget), "--target", target, cwd=tmp_path)
    assert done.status == 3
    assert target in done.stderr
    assert "Traceback" not in done.stderr


def test_a_late_generator_says_invalid_and_not_slow(budget: Path, tmp_path: Path) -> None:
    """Nothing can be on time to a microsecond; the server is not blamed for it."""
    budget.write_text(PATIENT.replace("lag_p99_ms: 60000", "lag_p99_ms: 0.001"))
    done = msgcheck("load", "--budget", str(budget), cwd=tmp_path)
    assert done.status == 3, done.stdout + done.stderr
    assert "INVALID" in done.stdout
    assert "the generator was late itself" in done.stdout
