"""What somebody on the way could do to keys and ciphertexts: the verb `tamper`.

It never changes what it is given: the result is saved under a name of its own.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import trio
from msgspec import UNSET

from ..cast import Device
from ..findings import ScenarioFault
from ..language.encryption import Tamper
from ..values import describe
from .base import address_of

Json = Any

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


async def tamper(_device: Device, args: Tamper) -> Json:
    """Spoil a text or an encrypted body; answer the spoilt one."""
    await trio.lowlevel.checkpoint()
    if isinstance(args.that, str):
        return _flipped(args.that)
    if not isinstance(args.that, dict):
        raise ScenarioFault(f"`tamper` is for a text or a body, and this is {describe(args.that)}")
    body = copy.deepcopy(args.that)
    if args.swap is not UNSET:
        _swap(body, *args.swap)
    elif args.without is not UNSET:
        _take(body, args.without)
    elif args.copy_to is not UNSET:
        to = address_of(args.copy_to)
        first = next(_ciphertexts(body))
        body["ciphertexts"].setdefault(to.user_id, {})[to.device_id] = dict(first)
    else:
        for holder in list(_ciphertexts(body)):
            member = "ciphertext" if holder is body else "body"
            holder[member] = _flipped(holder[member])
    return body


def _ciphertexts(body: dict[str, Json]) -> Iterator[dict[str, Json]]:
    """Each object that holds a ciphertext: a body of Megolm itself, or one per device of Olm."""
    if isinstance(body.get("ciphertext"), str):
        yield body
        return
    devices = [
        device for each in (body.get("ciphertexts") or {}).values() for device in each.values()
    ]
    if not devices:
        raise ScenarioFault("there is no ciphertext in this body to tamper with")
    yield from devices


def _flipped(text: str) -> str:
    """Another base64 text of the same length: one bit differs, in the middle and so in no padding."""
    if not text or not set(text) <= set(_ALPHABET):
        raise ScenarioFault(f"this is no unpadded base64 to flip a bit of: {describe(text)}")
    at = len(text) // 2
    return text[:at] + _ALPHABET[_ALPHABET.index(text[at]) ^ 1] + text[at + 1 :]


def _take(body: dict[str, Json], device: Json) -> Json:
    """Take a device's ciphertext out of a body of Olm."""
    address = address_of(device)
    devices = (body.get("ciphertexts") or {}).get(address.user_id, {})
    if address.device_id not in devices:
        raise ScenarioFault(f"there is no ciphertext for {address} in this body")
    taken = devices.pop(address.device_id)
    if not devices:
        del body["ciphertexts"][address.user_id]
    return taken


def _swap(body: dict[str, Json], one: Json, other: Json) -> None:
    first, second = _take(body, one), _take(body, other)
    for device, ciphertext in ((one, second), (other, first)):
        to = address_of(device)
        body["ciphertexts"].setdefault(to.user_id, {})[to.device_id] = ciphertext
