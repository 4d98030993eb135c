"""`msgcheck load` from outside: real processes against the reference server, short runs, patient limits.

Each run shows several things at once, because starting and ending it takes longer than what is looked at.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import httpx
import trustme
from jsonschema import Draft202012Validator

from conformance.resources import SPECS
from loadgen.budgets import load_budget
from loadgen.schedule import arrivals
from reports import load_model

from .loading import ended, free_port, loaded, loading, patient
from .processes import PATIENCE_S, ROOT, serving

STATUSES = {"send_to_sent", "send_to_delivered", "delivered_to_status", "read_to_status"}
SPLIT = {"sent_queue", "sent_commit", "sent_rest"}


def rows(command: subprocess.Popen[str], port: int) -> set[str]:
    """The hops on Locust's page, as soon as there are any, or at the command's end."""
    while command.poll() is None:
        try:
            told = httpx.get(f"http://127.0.0.1:{port}/stats/requests").json()["stats"]
        except httpx.TransportError:
            told = []
        if found := {row["name"] for row in told if row["method"] == "HOP"}:
            return found
        try:
            command.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
    return set()


def test_encrypted_groups_are_within_a_patient_budget_and_on_locusts_page(
    tmp_path: Path,
) -> None:
    """Every message is accounted for, the reports hold it, and the exit status is 0."""
    budget = patient(
        tmp_path, "users: 8, groups: {smallest: 3, largest: 4}, encrypted: true", duration="2500ms"
    )
    port = free_port()
    web = f"127.0.0.1:{port}"
    with loading(tmp_path, "--budget", budget, "--seed", "7", "--web", web) as command:
        assert rows(command, port) >= {"send_to_sent", "send_to_delivered"}
        done = ended(command)
    assert done.status == 0, done.stdout + done.stderr
    assert "WITHIN BUDGET" in done.stdout
    record = load_model.load(tmp_path / "msgcheck-load" / "results.json")
    counts = record.counts
    plan = load_budget(Path(budget)).what_is_planned
    assert counts.planned == len(list(arrivals(plan, 8, 7))) > 100
    assert counts.planned == counts.sent == counts.verified
    assert (counts.lost, counts.duplicated, counts.reordered, counts.history_mismatch) == (0,) * 4
    assert {hop.hop for hop in record.hops} == STATUSES | SPLIT
    assert all(check.passed for check in record.checks)
    suite = ET.parse(tmp_path / "msgcheck-load" / "junit.xml").getroot()[0]  # noqa: S314
    assert suite.get("failures") == "0"
    published = json.loads((SPECS / "load-results.schema.json").read_text("utf-8"))
    Draft202012Validator(published).validate(
        json.loads((tmp_path / "msgcheck-load" / "results.json").read_bytes())
    )


def test_files_histories_and_storms_are_carried_over_tls(tmp_path: Path) -> None:
    """Everybody is cut twice and comes back; nothing is missing, doubled or changed for it."""
    authority = trustme.CA()
    trusted, served = tmp_path / "authority.pem", tmp_path / "server.pem"
    authority.cert_pem.write_to_path(trusted)
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(served)
    budget = patient(
        tmp_path,
        "users: 6, groups: {smallest: 3, largest: 3, share: 0.5}, prefill: 5, asset_bytes: 5000",
        load=", mix: {text: 2, media: 1, history: 1}, storm: {every: 800ms, within: 100ms}",
    )
    options = ("--certfile", str(served), "--throwaway-accounts")
    with serving("reference_server", data=tmp_path / "data", options=options) as url:
        assert url.startswith("https")
        status, record = loaded(
            tmp_path, "--budget", budget, "--target", url, SSL_CERT_FILE=str(trusted)
        )
    assert status == 0, record.reasons
    hops = {hop.hop: hop.count for hop in record.hops}
    assert hops.keys() >= STATUSES | {"media_upload", "media_download", "history_page"}
    assert hops["connect_to_replayed"] == 2 * 6
    counts = record.counts
    assert counts.verified == counts.planned
    assert (counts.failed, counts.disconnected, counts.asset_mismatch) == (0, 0, 0)


def test_a_faulty_server_breaks_the_budget_for_what_is_wrong_with_it(tmp_path: Path) -> None:
    """Three faults of the reference server at once, in two processes of the generator: each is counted."""
    faults = ("a-delivery-is-lost", "a-delivery-comes-twice", "two-deliveries-change-places")
    options = ["--throwaway-accounts", *(part for name in faults for part in ("--fault", name))]
    with serving("reference_server", data=tmp_path / "data", options=options) as url:
        budget = patient(tmp_path, "users: 8, pairs: random", rate="200/s", drain="1s")
        status, record = loaded(
            tmp_path, "--budget", budget, "--target", url, "--processes", "2", "--seed", "3"
        )
    assert status == 1, record.reasons
    broken = {check.name for check in record.checks if not check.passed}
    assert broken == {"lost", "duplicated", "reordered"}
    assert record.counts.history_mismatch == record.counts.failed == 0
    suite = ET.parse(tmp_path / "msgcheck-load" / "junit.xml").getroot()[0]  # noqa: S314
    assert suite.get("failures") == "3"


def test_a_server_that_refuses_breaks_the_budget_and_its_word_for_it_is_told(
    tmp_path: Path,
) -> None:
    """Refusals are errors, all with their code, and nothing is lost; whoever reads along may go away."""
    options = ("--throwaway-accounts", "--rate-sends", "15 per 60 seconds")
    with serving("reference_server", data=tmp_path / "data", options=options) as url:
        budget = patient(tmp_path, "users: 4, pairs: random")
        with loading(tmp_path, "--budget", budget, "--target", url, "--seed", "3") as command:
            assert command.stdout is not None
            assert command.stdout.readline()
            command.stdout.close()
            assert command.wait(PATIENCE_S) == 1
            assert command.stderr is not None
            assert command.stderr.read() == ""
    record = load_model.load(tmp_path / "msgcheck-load" / "results.json")
    counts = record.counts
    assert counts.planned == counts.sent + counts.failed > counts.sent == counts.verified
    assert record.causes == {"rate_limited": counts.failed}
    (reason,) = record.reasons
    assert reason.endswith(f"over the limit of 0.001 ({counts.failed} × rate_limited)")
    assert [check.name for check in record.checks if not check.passed] == ["errors"]


def test_a_target_that_is_not_there_gives_no_verdict(tmp_path: Path) -> None:
    """Exit status 3, and what to look at."""
    target = "http://127.0.0.1:9"
    with loading(tmp_path, "--target", target, PYTHONPATH=str(ROOT)) as command:
        done = ended(command)
    assert done.status == 3
    assert target in done.stderr
