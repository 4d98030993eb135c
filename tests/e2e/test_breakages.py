"""The suite catches broken servers, each by the requirement that it breaks and for the right reason."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from reports.model import Finding

from . import test_outages
from .broken_server import DEFECTS
from .processes import msgcheck, results_in, serving


class Breakage(NamedTuple):
    """What a run against a broken server must say."""

    scenarios: tuple[str, ...]
    broken: str
    words: str
    """Part of the sentence that tells what was wrong."""
    also: tuple[str, ...] = ()
    """What the same defect may break too; how acknowledgements and frames come together decides it."""


BREAKAGES = {
    "swap-two-deliveries": Breakage(
        ("ORD-2",),
        "ORD-2",
        "seq 13 came right after seq 11, without seq 12",
        also=("DLV-2",),  # if the two are swapped within a backlog
    ),
    "skip-a-seq": Breakage(
        ("ORD-1",), "ORD-1", "seq 13 follows seq 11, and nobody ever saw seq 12"
    ),
    "deliver-a-duplicate": Breakage(
        ("delivery.burst-arrives-whole",), "DLV-1", "received seq 12 twice"
    ),
    "lose-an-entry-at-a-page-edge": Breakage(
        ("pagination.walking-back-while-others-write",),
        "PAG-1",
        "walked the history before and missed",
    ),
    "let-a-status-fall": Breakage(
        ("STA-3",),
        "STA-3",
        "which falls",
        also=("STA-2",),  # a fallen status is a wrong one
    ),
    "give-other-bytes": Breakage(
        ("media.uploaded-comes-back",), "AST-1", "they are not the 300001 that were uploaded"
    ),
    "show-assets-to-newcomers": Breakage(
        ("media.newcomers-see-no-older-assets",),
        "AST-2",
        "it succeeded, although it must be refused",
    ),
    "believe-every-type": Breakage(
        ("media.wrong-types-are-refused",), "AST-3", "it succeeded, although it must be refused"
    ),
    "end-ranges-early": Breakage(("media.parts-of-a-file",), "AST-4", "/size: expected"),
    "send-any-asset": Breakage(
        ("media.unread-assets-cannot-be-passed-on",),
        "AST-6",
        "it succeeded, although it must be refused",
    ),
    "tell-a-stranger-403": Breakage(
        ("CONV-5",),
        "CONV-5",
        'expected "unknown_conversation", got "not_permitted"',
        also=("ERR-1",),  # reading a conversation has no 403
    ),
    "write-a-time-in-seconds": Breakage(
        ("delivery.burst-arrives-whole",),
        "ERR-1",
        "received a `welcome` frame that is not of its published shape; at /server_time",
    ),
    "round-times-in-messagepack": Breakage(("realtime.msgpack-and-text-agree",), "RT-7", '.000Z"'),
    "keep-typing-for-later": Breakage(
        ("EPH-1",), "EPH-1", "a `typing` frame came that must never come"
    ),
    "tell-groups-who-is-online": Breakage(
        ("EPH-2",), "EPH-2", "a `presence` frame came that must never come"
    ),
    "go-offline-with-any-device": Breakage(
        ("EPH-2",), "EPH-2", "a `presence` frame came that must never come"
    ),
    "give-the-last-key-again": Breakage(
        ("encryption.last-key-is-raced-for",), "ENC-3", "and once more to"
    ),
    "take-plaintext-over-http": Breakage(
        ("encryption.plaintext-is-rejected",),
        "ENC-2",
        "it succeeded, although it must be refused",
        also=("ENC-9",),  # what was taken is shown
    ),
    "write-ciphertext-anew": Breakage(
        ("encryption.group-message-decrypts",),
        "ENC-1",
        "has another `ciphertext` than was sent",
        also=("ERR-1",),  # that is not the API's base64
    ),
    "show-another-devices-ciphertext": Breakage(
        ("encryption.each-device-sees-its-own",),
        "ENC-5",
        "holds the ciphertext for",
        also=("ENC-1",),  # its own is not there to be read
    ),
    "believe-every-signature": Breakage(
        ("encryption.identity-keys-are-signed", "encryption.one-time-keys-are-signed"),
        "ENC-4",
        "/status: expected 422, got 200",
    ),
    "lose-payloads-of-absent-devices": Breakage(
        ("encryption.payloads-wait-for-the-device",), "ENC-7", "/position: expected 1, got 4"
    ),
}


def test_every_defect_has_its_test() -> None:
    """A defect that nobody looks for proves nothing."""
    assert {*BREAKAGES, *test_outages.BREAKAGES} == DEFECTS.keys()


def tells(finding: Finding, breakage: Breakage) -> bool:
    """Whether a finding blames the broken requirement, for the right reason and with evidence."""
    evidence = any(entry.guilty for entry in finding.timeline) or finding.place is not None
    return (
        breakage.broken in finding.requirements
        and finding.kind in ("step", "checker")
        and breakage.words in finding.message
        and evidence
    )


@pytest.mark.parametrize("defect", BREAKAGES)
def test_a_broken_server_is_caught_by_what_it_breaks(defect: str, tmp_path: Path) -> None:
    """Exit status 1, the right requirement failed with evidence, and none blamed that is not broken."""
    breakage = BREAKAGES[defect]
    with serving("tests.e2e.broken_server", defect, "--", data=tmp_path / "data") as url:
        target = ("--target", url, "--seed", "3", "--strict")
        done = msgcheck("run", *breakage.scenarios, *target, cwd=tmp_path)
    assert done.status == 1, done.stdout + done.stderr
    assert breakage.broken in done.stdout
    results = results_in(tmp_path / "msgcheck-report")
    blamed = {each.id for each in results.requirements if each.verdict in ("fail", "flaky")}
    assert {breakage.broken} <= blamed <= {breakage.broken, *breakage.also}
    findings = [finding for scenario in results.scenarios for finding in scenario.findings]
    assert any(tells(finding, breakage) for finding in findings), findings


def test_the_same_scenarios_pass_against_the_healthy_server(tmp_path: Path) -> None:
    """Otherwise a breakage would be caught by what is wrong with the scenarios."""
    scenarios = dict.fromkeys(name for each in BREAKAGES.values() for name in each.scenarios)
    done = msgcheck("run", *scenarios, "--seed", "3", cwd=tmp_path)
    assert done.status == 0, done.stdout + done.stderr
