"""What a device says of its keys, and how another device comes to believe it.

A server hands out keys, and must not be able to slip in its own. So each device has one Ed25519 key by
which it is known (people compare it over another channel), and signs with it everything else that it
publishes: its identity, and each one-time key. A statement names user, device and purpose, so that a
signature is good for nothing but what it was made for. Whoever gets a key verifies the signature before
anything is encrypted for it; nothing here gives an unverified key away.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from .encoding import canonical, decode_bytes
from .errors import WronglySigned

Json = Any

KEY_BYTES = 32
"""Of a Curve25519 and of an Ed25519 public key (RFC 7748, RFC 8032)."""
SIGNATURE_BYTES = 64
"""Of an Ed25519 signature (RFC 8032)."""


class Address(Struct, frozen=True, order=True):
    """A device among all devices."""

    user_id: str
    device_id: str

    def __str__(self) -> str:
        return f"{self.user_id}/{self.device_id}"


class Peer(Struct, frozen=True):
    """Another device whose identity keys were verified; both are unpadded base64 of 32 bytes."""

    address: Address
    curve25519: str
    ed25519: str


class SignedKey(Struct, frozen=True):
    """A one-time or fallback key with its device's signature, as it is uploaded and claimed."""

    key_id: str
    key: str
    signature: str
    fallback: bool = False


def identity_statement(address: Address, curve25519: Json, ed25519: Json) -> bytes:
    """The bytes that a device signs to publish its identity keys (api.md §8)."""
    return canonical(
        {
            "user_id": address.user_id,
            "device_id": address.device_id,
            "curve25519": curve25519,
            "ed25519": ed25519,
        }
    )


def key_statement(address: Address, key_id: Json, key: Json) -> bytes:
    """The bytes that a device signs to publish a one-time or fallback key (api.md §8)."""
    return canonical(
        {
            "user_id": address.user_id,
            "device_id": address.device_id,
            "key_id": key_id,
            "key": key,
        }
    )


def verify(ed25519: Json, statement: bytes, signature: Json) -> None:
    """Check a signature (RFC 8032 §5.1.7). Raises `WronglySigned`, also for malformed arguments."""
    try:
        key, signed = decode_bytes(ed25519), decode_bytes(signature)
    except ValueError as error:
        raise WronglySigned(f"the key or its signature cannot be read: {error}") from None
    if len(key) != KEY_BYTES or len(signed) != SIGNATURE_BYTES:
        raise WronglySigned("the key or its signature has the wrong length")
    try:
        VerifyKey(key).verify(statement, signed)
    except BadSignatureError:
        raise WronglySigned("the signature is not that device's, over just this") from None


def verified_peer(address: Address, listed: Mapping[str, Json]) -> Peer | None:
    """A device of ``GET /users/{user_id}/devices``; None while it has published no keys.

    Raises `WronglySigned`: somebody wants to read along.
    """
    curve25519, ed25519 = listed.get("curve25519"), listed.get("ed25519")
    if curve25519 is None and ed25519 is None:
        return None
    _check_key(address, curve25519)
    statement = identity_statement(address, curve25519, ed25519)
    _verify_of(address, "identity keys", str(ed25519), statement, listed.get("signature"))
    return Peer(address=address, curve25519=str(curve25519), ed25519=str(ed25519))


def verified_key(peer: Peer, claimed: Mapping[str, Json]) -> SignedKey:
    """A one-time or fallback key from a claim. Raises `WronglySigned`."""
    key_id, key, signature = (claimed.get(name) for name in ("key_id", "key", "signature"))
    _check_key(peer.address, key)
    statement = key_statement(peer.address, key_id, key)
    _verify_of(peer.address, f"key {key_id}", peer.ed25519, statement, signature)
    return SignedKey(
        key_id=str(key_id),
        key=str(key),
        signature=str(signature),
        fallback=claimed.get("fallback") is True,
    )


def _check_key(address: Address, key: Json) -> None:
    try:
        length = len(decode_bytes(key))
    except ValueError as error:
        raise WronglySigned(f"a key of {address} cannot be read: {error}") from None
    if length != KEY_BYTES:
        raise WronglySigned(f"a key of {address} has {length} bytes, not {KEY_BYTES}")


def _verify_of(
    address: Address, what: str, ed25519: str, statement: bytes, signature: Json
) -> None:
    try:
        verify(ed25519, statement, signature)
    except WronglySigned as wrong:
        raise WronglySigned(f"the {what} of {address} are not to be trusted: {wrong}") from None
