"""Device keys: their spelling, and who signed them (§8, ENC-4).

A device publishes a pair of identity keys and uploads one-time keys for others to begin sessions with.
The server never needs a key; it verifies that each was signed by the device that it is said to be of, so
that nobody can slip in one of their own. Signed is the canonical JSON (RFC 8785) of an object that names
user and device, so a signature is good for one place only::

    identity keys            {user_id, device_id, curve25519, ed25519}
    one-time, fallback keys  {user_id, device_id, key_id, key}

Keys and signatures are unpadded standard base64 (RFC 4648 §4), in the one spelling that their bytes have:
two spellings of a key would be two keys to who compares texts.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

import rfc8785
from msgspec import Struct
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from . import errors
from .inputs import from_base64

KEY_BYTES = 32
"""A Curve25519 or Ed25519 public key (RFC 7748, RFC 8032)."""
SIGNATURE_BYTES = 64
FEW_ONE_TIME_KEYS = 10
"""With fewer, a device is told `keys_low` (§6)."""

_KEY_ID = re.compile(r"[A-Za-z0-9._+/=-]{1,64}", re.ASCII)


class IdentityKeys(Struct, frozen=True):
    """What a device publishes of itself, signed by its own `ed25519`."""

    curve25519: str
    ed25519: str
    signature: str


class SignedKey(Struct, frozen=True):
    """A one-time or fallback key, signed by its device."""

    key_id: str
    key: str
    signature: str


class DeviceKeys(Struct, frozen=True):
    """A device as others see it; its keys are None until it has published them."""

    device_id: str
    name: str | None
    curve25519: str | None
    ed25519: str | None
    signature: str | None


class ClaimedKey(Struct, frozen=True):
    """A key that was handed out; `fallback` for the one that is handed out again and again."""

    key_id: str
    key: str
    signature: str
    fallback: bool


def unpadded(value: str) -> bytes | None:
    """The bytes that `value` is the unpadded standard base64 of; None if it is that of none."""
    data = from_base64(value + "=" * (-len(value) % 4))
    one_spelling = data is not None and b64encode(data).rstrip(b"=") == value.encode()
    return data if one_spelling else None


def check_key_id(value: str, pointer: str) -> str:
    """`value` if it is an id that may also have ``+ / =`` (§1), else `InvalidRequest` at `pointer`."""
    if _KEY_ID.fullmatch(value) and value not in (".", ".."):
        return value
    raise errors.pointed(
        errors.InvalidRequest,
        pointer,
        "Expected a key id: 1 to 64 characters of A-Z a-z 0-9 . _ - + / = (not '.' or '..').",
    )


def check_key(value: str, pointer: str) -> str:
    """`value` if it is a public key in base64, else `InvalidRequest` at `pointer`."""
    data = unpadded(value)
    if data is not None and len(data) == KEY_BYTES:
        return value
    raise errors.pointed(
        errors.InvalidRequest,
        pointer,
        f"Expected a key: {KEY_BYTES} bytes in unpadded standard base64.",
    )


def check_identity(user_id: str, device_id: str, keys: IdentityKeys) -> None:
    """Whether a device's identity keys are keys (`InvalidRequest`) and its own (`BadSignature`)."""
    check_key(keys.curve25519, "/curve25519")
    check_key(keys.ed25519, "/ed25519")
    content = {
        "user_id": user_id,
        "device_id": device_id,
        "curve25519": keys.curve25519,
        "ed25519": keys.ed25519,
    }
    if not signed_by(keys.ed25519, content, keys.signature):
        raise errors.pointed(errors.BadSignature, "/signature", errors.BadSignature.title)


def check_form(signed: SignedKey, pointer: str) -> None:
    """Whether a one-time or fallback key has the form of one, else `InvalidRequest` below `pointer`."""
    check_key_id(signed.key_id, f"{pointer}/key_id")
    check_key(signed.key, f"{pointer}/key")


def check_signed(
    user_id: str, device_id: str, ed25519: str | None, signed: SignedKey, pointer: str
) -> None:
    """Whether the device with the identity `ed25519` signed the key, else `BadSignature`.

    A device without published keys (None) has signed nothing.
    """
    content = {
        "user_id": user_id,
        "device_id": device_id,
        "key_id": signed.key_id,
        "key": signed.key,
    }
    if ed25519 is None or not signed_by(ed25519, content, signed.signature):
        raise errors.pointed(errors.BadSignature, f"{pointer}/signature", errors.BadSignature.title)


def signed_by(ed25519: str, content: dict[str, str], signature: str) -> bool:
    """Whether `signature` is that of the key `ed25519` over the canonical JSON of `content`."""
    key, signed = unpadded(ed25519), unpadded(signature)
    if key is None or len(key) != KEY_BYTES or signed is None or len(signed) != SIGNATURE_BYTES:
        return False
    return verified(key, canonical(content), signed)


def canonical(content: Mapping[str, Any]) -> bytes:
    """The canonical JSON of an object (RFC 8785): the one text that everybody signs and verifies."""
    return rfc8785.dumps(dict(content))


def verified(key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the 64 bytes are an Ed25519 signature of the message by the 32 bytes of a key (RFC 8032)."""
    try:
        VerifyKey(key).verify(message, signature)
    except BadSignatureError:
        return False
    return True
