"""The suite catches broken servers, each by the requirement that it breaks and for the right reason."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from reports.model import Finding

from .processes import msgcheck, results_in


class Breakage(NamedTuple):
    """What a run against a broken server must say."""

    scenarios: tuple[str, ...]
    broken: str
    words: str
    """Part of the sentence that tells what was wrong."""
    also: tuple[str, ...] = ()
    """What the same defect may break too; how acknowledgements and frames come together decides it."""


BREAKAGES = {
    "two-deliveries-change-places": Breakage(
        ("ORD-2",),
        "ORD-2",
        "seq 13 came right after seq 11, without seq 12",
        also=("DLV-2",),  # if the two are swapped within a backlog
    ),
    "a-number-is-skipped": Breakage(
        ("ORD-1",),
        "ORD-1",
        "and nobody ever saw seq",
        # Where nobody reads the history, nobody can tell it from an entry that was lost on the way.
        also=("ORD-2", "DLV-7"),
    ),
    "a-delivery-comes-twice": Breakage(("delivery.burst-arrives-whole",), "DLV-1", " twice"),
    "an-entry-is-lost-between-pages": Breakage(
        ("pagination.walking-back-while-others-write",),
        "PAG-1",
        "walked the history before and missed",
    ),
    "statuses-fall": Breakage(
        ("STA-3",),
        "STA-3",
        "status",  # whether it falls or comes again depends on which acknowledgements come together
        also=("STA-2",),  # a fallen status is a wrong one
    ),
    "a-byte-is-lost": Breakage(
        ("media.uploaded-comes-back",), "AST-1", "they are not the 300001 that were uploaded"
    ),
    "newcomers-see-old-assets": Breakage(
        ("media.newcomers-see-no-older-assets",),
        "AST-2",
        "it succeeded, although it must be refused",
    ),
    "every-type-is-believed": Breakage(
        ("media.wrong-types-are-refused",), "AST-3", "it succeeded, although it must be refused"
    ),
    "ranges-end-early": Breakage(("media.parts-of-a-file",), "AST-4", "/size: expected"),
    "every-asset-can-be-passed-on": Breakage(
        ("media.unread-assets-cannot-be-passed-on",),
        "AST-6",
        "it succeeded, although it must be refused",
    ),
    "strangers-are-told-403": Breakage(
        ("CONV-5",),
        "CONV-5",
        'expected "unknown_conversation", got "not_permitted"',
        also=("ERR-1",),  # reading a conversation has no 403
    ),
    "the-servers-time-is-in-seconds": Breakage(
        ("delivery.burst-arrives-whole",),
        "ERR-1",
        "received a `welcome` frame that is not of its published shape; at /server_time",
    ),
    "messagepack-rounds-times": Breakage(("realtime.msgpack-and-text-agree",), "RT-7", '.000Z"'),
    "typing-is-kept-for-later": Breakage(
        ("EPH-1",), "EPH-1", "a `typing` frame came that must never come"
    ),
    "groups-are-told-who-is-online": Breakage(
        ("EPH-2",), "EPH-2", "a `presence` frame came that must never come"
    ),
    "any-device-takes-its-user-offline": Breakage(
        ("EPH-2",), "EPH-2", "a `presence` frame came that must never come"
    ),
    "the-last-key-is-given-to-everybody": Breakage(
        ("encryption.last-key-is-raced-for",), "ENC-3", "and once more to"
    ),
    "plaintext-goes-over-http": Breakage(
        ("encryption.plaintext-is-rejected",),
        "ENC-2",
        "it succeeded, although it must be refused",
        also=("ENC-9",),  # what was taken is shown
    ),
    "ciphertexts-are-spelled-anew": Breakage(
        ("encryption.group-message-decrypts",),
        "ENC-1",
        "has another `ciphertext` than was sent",
        also=("ERR-1",),  # that is not the API's base64
    ),
    "the-history-shows-another-devices-ciphertext": Breakage(
        ("encryption.each-device-sees-its-own",),
        "ENC-5",
        "holds the ciphertext for",
        also=("ENC-1",),  # its own is not there to be read
    ),
    "nobody-verifies-signatures": Breakage(
        ("encryption.identity-keys-are-signed", "encryption.one-time-keys-are-signed"),
        "ENC-4",
        "/status: expected 422, got 200",
    ),
    "payloads-for-the-absent-are-lost": Breakage(
        ("encryption.payloads-wait-for-the-device",), "ENC-7", "/position: expected 1, got 4"
    ),
}


def tells(finding: Finding, breakage: Breakage) -> bool:
    """Whether a finding blames the broken requirement, for the right reason and with evidence."""
    evidence = any(entry.guilty for entry in finding.timeline) or finding.place is not None
    return (
        breakage.broken in finding.requirements
        and finding.kind in ("step", "checker")
        and breakage.words in finding.message
        and evidence
    )


@pytest.mark.parametrize("fault", BREAKAGES)
def test_a_broken_server_is_caught_by_what_it_breaks(fault: str, tmp_path: Path) -> None:
    """Exit status 1, the right requirement failed with evidence, and none blamed that is not broken."""
    breakage = BREAKAGES[fault]
    against = ("--fault", fault, "--seed", "3", "--strict")
    done = msgcheck("run", *breakage.scenarios, *against, cwd=tmp_path)
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
