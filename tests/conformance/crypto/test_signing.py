"""Keys are believed if their own device signed just them, and never otherwise."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.crypto import WronglySigned, verified_key, verified_peer
from conformance.crypto.encoding import encode_bytes
from conformance.crypto.signing import Address, identity_statement, key_statement, verify

from .people import device

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
"""RFC 8032 §7.1, tests 1 to 3: public key, message, signature."""


def unpadded(hexadecimal: str) -> str:
    """A vector's bytes as the API writes them."""
    return encode_bytes(bytes.fromhex(hexadecimal))


@pytest.mark.parametrize(("public", "message", "signature"), RFC_8032)
def test_the_signatures_of_rfc_8032_hold(public: str, message: str, signature: str) -> None:
    """Those of section 7.1."""
    verify(unpadded(public), bytes.fromhex(message), unpadded(signature))


@pytest.mark.parametrize(("public", "message", "signature"), RFC_8032)
def test_no_signature_of_rfc_8032_holds_for_more_than_its_message(
    public: str, message: str, signature: str
) -> None:
    """One byte more is another message."""
    with pytest.raises(WronglySigned):
        verify(unpadded(public), bytes.fromhex(message) + b"\0", unpadded(signature))


def test_statements_are_canonical_json_of_their_members() -> None:
    """As api.md section 8 spells them."""
    bob = Address("bob", "phone")
    assert identity_statement(bob, "C", "E") == (
        b'{"curve25519":"C","device_id":"phone","ed25519":"E","user_id":"bob"}'
    )
    assert key_statement(bob, "k1", "K") == (
        b'{"device_id":"phone","key":"K","key_id":"k1","user_id":"bob"}'
    )


def test_a_device_verifies_as_what_it_published() -> None:
    """Its identity, its one-time keys and its fallback key."""
    bob = device("bob").own
    peer = verified_peer(bob.address, bob.identity())
    assert peer == bob.peer
    for key in (*bob.new_one_time_keys(3), bob.new_fallback_key()):
        claimed = {"key_id": key.key_id, "key": key.key, "signature": key.signature}
        assert verified_key(bob.peer, {**claimed, "fallback": key.fallback}) == key


def test_a_device_without_keys_is_none_that_can_be_encrypted_for() -> None:
    """Null before they are published, or left out."""
    assert verified_peer(Address("bob", "phone"), {"curve25519": None}) is None


def flipped(text: str) -> str:
    """Another text of the same length."""
    return ("B" if text[0] == "A" else "A") + text[1:]


@pytest.mark.parametrize("member", ["curve25519", "ed25519", "signature"])
@pytest.mark.parametrize("change", [flipped, lambda text: text + "=", lambda text: text[:-4], len])
def test_identity_keys_that_were_changed_are_not_believed(
    member: str, change: Callable[[str], Any]
) -> None:
    """Nor those whose spelling, length or type is wrong."""
    bob = device("bob").own
    listed = bob.identity()
    with pytest.raises(WronglySigned):
        verified_peer(bob.address, {**listed, member: change(listed[member])})


@pytest.mark.parametrize("missing", ["curve25519", "ed25519", "signature"])
def test_identity_keys_are_whole_or_not_believed(missing: str) -> None:
    """Half an identity is none."""
    bob = device("bob").own
    listed = {name: key for name, key in bob.identity().items() if name != missing}
    with pytest.raises(WronglySigned):
        verified_peer(bob.address, listed)


def test_a_signature_is_good_for_its_own_device_only() -> None:
    """The same keys under another device or user are somebody else's claim."""
    bob = device("bob").own
    for address in (Address("bob", "laptop"), Address("mallory", "phone")):
        with pytest.raises(WronglySigned):
            verified_peer(address, bob.identity())


def test_a_one_time_key_of_another_device_is_not_believed() -> None:
    """Mallory's key, signed by Mallory, is no key of Bob."""
    bob, mallory = device("bob").own, device("mallory").own
    (key,) = mallory.new_one_time_keys(1)
    with pytest.raises(WronglySigned, match="bob/phone"):
        verified_key(bob.peer, {"key_id": key.key_id, "key": key.key, "signature": key.signature})


def test_two_keys_cannot_exchange_their_names() -> None:
    """What is signed is the key under its id."""
    bob = device("bob").own
    one, other = bob.new_one_time_keys(2)
    with pytest.raises(WronglySigned):
        verified_key(bob.peer, {"key_id": other.key_id, "key": one.key, "signature": one.signature})


def test_keys_never_share_a_name() -> None:
    """A server ignores an id that it has seen of this device, fallback keys and new identities included."""
    bob, reset = device("bob").own, device("bob").own
    keys = [*bob.new_one_time_keys(50), bob.new_fallback_key(), bob.new_fallback_key()]
    keys += [*bob.new_one_time_keys(50), *reset.new_one_time_keys(50), reset.new_fallback_key()]
    assert len({key.key_id for key in keys}) == len(keys)
    assert all(len(key.key_id) <= 64 for key in keys)


@given(
    st.dictionaries(st.sampled_from(["curve25519", "ed25519", "signature"]), st.text() | st.none())
)
def test_nonsense_is_not_believed_and_breaks_nothing(listed: dict[str, Any]) -> None:
    """Whatever a server may write there."""
    with suppress(WronglySigned):
        assert verified_peer(Address("bob", "phone"), listed) is None
