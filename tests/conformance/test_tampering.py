"""The verb `tamper` spoils what it is told to, and nothing else."""

from __future__ import annotations

import copy
from typing import Any, cast

import pytest

from conformance.cast import Device
from conformance.crypto.encoding import decode_bytes
from conformance.findings import ScenarioFault
from conformance.language.encryption import Tamper
from conformance.steps.tampering import tamper

NOBODY = cast("Device", None)
"""Who tampers makes no difference."""

PHONE = {"user_id": "bob", "device_id": "phone", "token": "t"}
LAPTOP = {"user_id": "bob", "device_id": "laptop", "token": "t"}
BOB = {"user_id": "bob", "password": "p", "phone": PHONE}
EVE = {"user_id": "eve", "device_id": "main"}


def olm() -> dict[str, Any]:
    """A body for two devices."""
    return {
        "kind": "encrypted",
        "ciphertexts": {
            "bob": {"phone": {"type": 0, "body": "AAAA"}, "laptop": {"type": 1, "body": "BBBB"}}
        },
    }


@pytest.mark.parametrize("text", ["AAAA", "abcd+/09", "A" * 86, "QQ"])
async def test_one_bit_of_a_text_is_flipped(text: str) -> None:
    """The result is base64 of as many bytes, and different."""
    spoilt = await tamper(NOBODY, Tamper(that=text))
    assert len(spoilt) == len(text)
    assert spoilt != text
    if len(text) > 2:
        before, after = decode_bytes(text), decode_bytes(spoilt)
        changed = [one ^ other for one, other in zip(before, after, strict=True) if one != other]
        assert [bin(each).count("1") for each in changed] == [1]


async def test_every_ciphertext_of_a_body_is_spoilt_and_the_original_left_alone() -> None:
    """Each in itself; type and addresses stay."""
    body, group = olm(), {"kind": "encrypted", "ciphertext": "CCCC", "session_id": "S"}
    before = copy.deepcopy(body)
    spoilt = await tamper(NOBODY, Tamper(that=body))
    assert body == before
    for device, sealed in spoilt["ciphertexts"]["bob"].items():
        was = before["ciphertexts"]["bob"][device]
        assert sealed["body"] != was["body"]
        assert sealed["type"] == was["type"]
    assert (await tamper(NOBODY, Tamper(that=group)))["ciphertext"] != "CCCC"
    assert group["ciphertext"] == "CCCC"


async def test_two_devices_are_given_each_others_ciphertext() -> None:
    """And whoever else there is keeps its own."""
    swapped = await tamper(NOBODY, Tamper(that=olm(), swap=[PHONE, LAPTOP]))
    assert swapped["ciphertexts"] == {
        "bob": {"phone": {"type": 1, "body": "BBBB"}, "laptop": {"type": 0, "body": "AAAA"}}
    }


async def test_a_ciphertext_is_left_out_or_addressed_to_somebody_else_too() -> None:
    """An actor with one device stands for it; a user without ciphertexts is no member of the map."""
    without = await tamper(NOBODY, Tamper(that=olm(), without=BOB))
    assert list(without["ciphertexts"]["bob"]) == ["laptop"]
    nobody = await tamper(NOBODY, Tamper(that=without, without=LAPTOP))
    assert nobody["ciphertexts"] == {}
    more = await tamper(NOBODY, Tamper(that=olm(), copy_to=EVE))
    assert more["ciphertexts"]["eve"] == {"main": {"type": 0, "body": "AAAA"}}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (Tamper(that=7), "`tamper` is for a text or a body"),
        (Tamper(that=""), "no unpadded base64"),
        (Tamper(that="no base64!"), "no unpadded base64"),
        (Tamper(that={"kind": "text"}), "no ciphertext in this body"),
        (Tamper(that=olm(), without=EVE), "no ciphertext for eve/main"),
        (Tamper(that=olm(), swap=[PHONE, {"user_id": "bob"}]), "a `device_id` is needed"),
    ],
)
async def test_what_cannot_be_tampered_with_is_the_scenarios_fault(
    arguments: Tamper, told: str
) -> None:
    """And says what is wrong."""
    with pytest.raises(ScenarioFault, match=told):
        await tamper(NOBODY, arguments)
