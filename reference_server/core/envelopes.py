"""Encrypted bodies: what the server can check of what it cannot read (§8, ENC-1, ENC-2, ENC-5, ENC-6).

With `megolm.v1` there is one ciphertext for everybody. With `olm.v1` there is one for each device of the
members that has published keys, but the sending one, and no other::

    the map has    a device of the members   another
    it                 ok                     extra
    it not             missing                ok

An entry is kept whole, and every way out of the server shows each device its own ciphertext and no other
(`for_device`). Ciphertexts are never decoded and encoded again, so they stay what they were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from msgspec import UNSET
from msgspec.structs import replace

from . import errors, inputs, keys, relations
from .limits import Limits
from .model import EncryptedBody, Message, OlmCiphertext, RelatesTo

MAX_ASSETS = 10


def body(relation: RelatesTo | None, value: Any, limits: Limits) -> EncryptedBody | None:
    """The body of a send to an encrypted conversation: none with a delete, else an encrypted one.

    Anything else is `PlaintextRejected`, and so is a reaction, whose key would be plaintext.
    """
    if relation is not None and relation.relation == "delete":
        relations.body(relation, value, limits)
        return None
    if relation is not None and relation.relation == "reaction":
        raise errors.PlaintextRejected(
            "In an encrypted conversation, reactions go inside messages."
        )
    if not isinstance(value, dict) or value.get("kind") != "encrypted":
        raise errors.PlaintextRejected("In an encrypted conversation, every body is encrypted.")
    algorithm = value.get("algorithm")
    read = _ALGORITHMS.get(algorithm) if isinstance(algorithm, str) else None
    if read is None:
        raise _wrong("/algorithm", f"Expected one of {', '.join(_ALGORITHMS)}.")
    return read(value)


def check_sender_key(sealed: EncryptedBody, own: keys.IdentityKeys | None) -> None:
    """Whether the body names the key that the sending device has published, else `InvalidBody`."""
    if own is None:
        raise _wrong("/sender_key", "This device has not published its keys.")
    if sealed.sender_key != own.curve25519:
        raise _wrong("/sender_key", "Expected the curve25519 key that this device has published.")


def check_devices(sealed: EncryptedBody, devices: Iterable[tuple[str, str]]) -> None:
    """Whether an `olm.v1` body is for exactly these devices, else `DeviceListStale`."""
    if sealed.ciphertexts is UNSET:
        return
    wanted = set(devices)
    given = {
        (user_id, device_id)
        for user_id, for_user in sealed.ciphertexts.items()
        for device_id in for_user
    }
    if wanted != given:
        raise errors.DeviceListStale(missing=sorted(wanted - given), extra=sorted(given - wanted))


def is_for_each_device(entry: Message) -> bool:
    """Whether the entry looks different to each device."""
    return isinstance(entry.body, EncryptedBody) and entry.body.ciphertexts is not UNSET


def for_device(entry: Message, user_id: str, device_id: str | None) -> Message:
    """The entry with no ciphertext but the device's own (ENC-5); None is a device without any."""
    sealed = entry.body
    if not isinstance(sealed, EncryptedBody) or sealed.ciphertexts is UNSET:
        return entry
    own = None if device_id is None else sealed.ciphertexts.get(user_id, {}).get(device_id)
    kept = {} if own is None or device_id is None else {user_id: {device_id: own}}
    return replace(entry, body=replace(sealed, ciphertexts=kept))


def _olm(value: dict[str, Any]) -> EncryptedBody:
    by_user = value.get("ciphertexts")
    if not isinstance(by_user, dict):
        raise _wrong("/ciphertexts", "Expected an object of objects, by user and device.")
    return EncryptedBody(
        algorithm="olm.v1",
        sender_key=_sender_key(value),
        ciphertexts={
            _id(user_id, "/ciphertexts"): _for_user(user_id, by_device)
            for user_id, by_device in by_user.items()
        },
        asset_ids=_asset_ids(value),
    )


def _for_user(user_id: str, by_device: Any) -> dict[str, OlmCiphertext]:
    place = f"/ciphertexts/{user_id}"
    if not isinstance(by_device, dict):
        raise _wrong(place, "Expected an object of ciphertexts, by device.")
    return {
        _id(device_id, place): _for_device(f"{place}/{device_id}", sealed)
        for device_id, sealed in by_device.items()
    }


def _for_device(place: str, sealed: Any) -> OlmCiphertext:
    if not isinstance(sealed, dict):
        raise _wrong(place, "Expected an object with `type` and `body`.")
    kind = sealed.get("type")
    if kind not in (0, 1) or isinstance(kind, bool):
        raise _wrong(f"{place}/type", "Expected 0 or 1.")
    return OlmCiphertext(1 if kind else 0, _base64(sealed.get("body"), f"{place}/body"))


def _megolm(value: dict[str, Any]) -> EncryptedBody:
    session_id = value.get("session_id")
    if not isinstance(session_id, str):
        raise _wrong("/session_id", "Expected a string.")
    try:
        keys.check_key_id(session_id, "")
    except errors.InvalidRequest as wrong:
        raise _wrong("/session_id", wrong.detail) from None
    return EncryptedBody(
        algorithm="megolm.v1",
        sender_key=_sender_key(value),
        session_id=session_id,
        ciphertext=_base64(value.get("ciphertext"), "/ciphertext"),
        asset_ids=_asset_ids(value),
    )


_ALGORITHMS: dict[str, Callable[[dict[str, Any]], EncryptedBody]] = {
    "olm.v1": _olm,
    "megolm.v1": _megolm,
}


def _sender_key(value: dict[str, Any]) -> str:
    key = value.get("sender_key")
    if not isinstance(key, str):
        raise _wrong("/sender_key", "Expected a string.")
    return key


def _asset_ids(value: dict[str, Any]) -> tuple[str, ...]:
    asset_ids = value.get("asset_ids")
    if asset_ids is None:
        return ()
    if not isinstance(asset_ids, list) or len(asset_ids) > MAX_ASSETS:
        raise _wrong("/asset_ids", f"Expected a list of at most {MAX_ASSETS} ids.")
    return tuple(_id(each, f"/asset_ids/{index}") for index, each in enumerate(asset_ids))


def _base64(value: Any, place: str) -> str:
    if isinstance(value, str) and value and keys.unpadded(value) is not None:
        return value
    raise _wrong(place, "Expected unpadded standard base64 of at least one byte.")


def _id(value: Any, place: str) -> str:
    if isinstance(value, str) and inputs.is_id(value):
        return value
    raise _wrong(place, "Expected an id: 1 to 64 characters of A-Z a-z 0-9 . _ -.")


def _wrong(place: str, detail: str) -> errors.ApiError:
    return errors.pointed(errors.InvalidBody, f"/body{place}", detail)
