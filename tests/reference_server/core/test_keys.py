"""Device keys: one spelling, one text to sign, and no signature but the device's own (§8, ENC-4)."""

from __future__ import annotations

import struct
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict, replace

from reference_server.core import errors, keys
from reference_server.core.keys import IdentityKeys, SignedKey

from ..chests import Chest, base64, public_key

PHONE = Chest("alice", "phone")

# Canonical JSON, by the examples of RFC 8785.


def test_the_example_of_the_rfc_is_canonical() -> None:
    """RFC 8785, section 3.2.2 and its result in 3.2.3."""
    value: dict[str, Any] = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/",
        "literals": [None, True, False],
    }
    assert keys.canonical(value).decode() == (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )


def test_members_are_sorted_by_utf_16() -> None:
    """RFC 8785, section 3.2.3: code units, not code points, so the emoji comes before the dalet."""
    value = {
        "\u20ac": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "\U0001f600": "Emoji: Grinning Face",
        "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis",
    }
    expected = ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
    text = keys.canonical(value).decode()
    places = [text.index(value[name]) for name in expected]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("bits", "text"),
    [
        ("0000000000000000", "0"),
        ("8000000000000000", "0"),
        ("0000000000000001", "5e-324"),
        ("7fefffffffffffff", "1.7976931348623157e+308"),
        ("4340000000000000", "9007199254740992"),
        ("44b52d02c7e14af5", "9.999999999999997e+22"),
        ("444b1ae4d6e2ef4e", "999999999999999700000"),
        ("444b1ae4d6e2ef50", "1e+21"),
        ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
        ("3eb0c6f7a0b5ed8d", "0.000001"),
        ("41b3de4355555553", "333333333.3333332"),
    ],
)
def test_numbers_are_written_as_ecmascript_does(bits: str, text: str) -> None:
    """RFC 8785, appendix B."""
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    assert keys.canonical({"n": number}).decode() == f'{{"n":{text}}}'


# Signatures, by the examples of RFC 8032.

RFC_8032 = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
        "d25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
        "387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
        "4a7c15e9716ed28dc027beceea1ec40a",
    ),
]
"""RFC 8032, section 7.1, tests 1 to 3: public key, message, signature."""


@pytest.mark.parametrize(("key", "message", "signature"), RFC_8032)
def test_the_signatures_of_the_rfc_are_good(key: str, message: str, signature: str) -> None:
    """And with any of their bytes changed they are not."""
    parts = [bytes.fromhex(part) for part in (key, message, signature)]
    assert keys.verified(parts[0], parts[1], parts[2])
    for place in range(len(parts[2])):
        changed = bytearray(parts[2])
        changed[place] ^= 1
        assert not keys.verified(parts[0], parts[1], bytes(changed))
    assert not keys.verified(parts[0], parts[1] + b"\0", parts[2])


# The spelling of keys.


@given(st.binary(max_size=100))
def test_base64_without_padding_is_read(data: bytes) -> None:
    """Of any length."""
    assert keys.unpadded(base64(data)) == data


@given(st.text(max_size=50) | st.text("AQgw+/=-_ \n", max_size=9))
def test_bytes_have_one_spelling(text: str) -> None:
    """No padding, no URL alphabet, no white space, no stray bits at the end."""
    data = keys.unpadded(text)
    assert data is None or base64(data) == text


@pytest.mark.parametrize("text", ["QQ==", "QR", "Q", "-_-_", "QUI\n", "QU I", "é", "QUI=", "=" * 4])
def test_another_spelling_is_none(text: str) -> None:
    """Also where many decoders would look away."""
    assert keys.unpadded(text) is None


@pytest.mark.parametrize(
    "key",
    ["", base64(b"x" * 31), base64(b"x" * 33), b64encode(b"x" * 32).decode(), "x" * 44, "*" * 43],
)
def test_a_key_has_32_bytes(key: str) -> None:
    """The pointer says which key is not one."""
    with pytest.raises(errors.InvalidRequest) as refused:
        keys.check_key(key, "/curve25519")
    assert [each.pointer for each in refused.value.errors] == ["/curve25519"]


@pytest.mark.parametrize("key_id", ["", ".", "..", "a b", "é", "x" * 65, "a\n", "a~b"])
def test_a_key_id_that_is_none_is_refused(key_id: str) -> None:
    """Its letters are those of ids, with ``+ / =``."""
    assert keys.check_key_id("AZaz09._-+/=", "/key_id")
    with pytest.raises(errors.InvalidRequest):
        keys.check_key_id(key_id, "/key_id")


# Who signed.


def test_a_devices_own_keys_are_accepted() -> None:
    """Identity, one-time and fallback."""
    keys.check_identity("alice", "phone", PHONE.identity())
    keys.check_signed("alice", "phone", PHONE.ed25519, PHONE.key("k1"), "")


def strangers_identities() -> list[IdentityKeys]:
    """Identity keys that are not of alice's phone, or not signed as such."""
    own = PHONE.identity()
    return [
        Chest("alice", "laptop").identity(),
        Chest("bob", "phone").identity(),
        replace(own, curve25519=public_key("mallory")),
        replace(own, ed25519=Chest("mallory", "phone").ed25519),
        replace(own, signature=PHONE.key("k1").signature),
        *(replace(own, signature=signature) for signature in NO_SIGNATURES),
    ]


NO_SIGNATURES = ["", "x", "A" * 86, base64(b"x" * 63), base64(b"x" * 65), "A" * 88, "é" * 86]


@pytest.mark.parametrize("identity", strangers_identities())
def test_an_identity_that_the_device_did_not_sign_is_refused(identity: IdentityKeys) -> None:
    """A signature names the user and the device, so it is good nowhere else."""
    with pytest.raises(errors.BadSignature):
        keys.check_identity("alice", "phone", identity)


def strangers_keys() -> list[SignedKey]:
    """One-time keys that alice's phone did not sign."""
    own = PHONE.key("k1")
    return [
        Chest("alice", "laptop").key("k1"),
        Chest("alice", "phone", "new").key("k1"),
        replace(own, key_id="k2"),
        replace(own, key=public_key("mallory")),
        replace(own, signature=PHONE.identity().signature),
        *(replace(own, signature=signature) for signature in NO_SIGNATURES),
    ]


@pytest.mark.parametrize("signed", strangers_keys())
def test_a_key_that_the_device_did_not_sign_is_refused(signed: SignedKey) -> None:
    """And the pointer leads to its signature."""
    with pytest.raises(errors.BadSignature) as refused:
        keys.check_signed("alice", "phone", PHONE.ed25519, signed, "/keys/k1")
    assert [each.pointer for each in refused.value.errors] == ["/keys/k1/signature"]


def test_a_device_without_keys_has_signed_nothing() -> None:
    """Before the identity keys are published, all others are bad."""
    with pytest.raises(errors.BadSignature):
        keys.check_signed("alice", "phone", None, PHONE.key("k1"), "")


@given(st.sampled_from(["user_id", "device_id", "key_id", "key"]), st.text(max_size=8))
def test_a_signature_covers_every_member(member: str, value: str) -> None:
    """Whatever one of them is changed to."""
    own = PHONE.key("k1")
    content = {"user_id": "alice", "device_id": "phone", "key_id": own.key_id, "key": own.key}
    assert keys.signed_by(PHONE.ed25519, content, own.signature)
    changed = content | {member: value}
    assert keys.signed_by(PHONE.ed25519, changed, own.signature) is (changed == content)


@given(st.binary(min_size=32, max_size=32))
def test_no_key_makes_verifying_fail_otherwise(key: bytes) -> None:
    """Also points that are not on the curve, or of small order."""
    own = asdict(PHONE.key("k1"))
    assert not keys.signed_by(base64(key), {"key": own["key"]}, own["signature"])
