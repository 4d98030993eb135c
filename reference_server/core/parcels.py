"""Payloads from device to device (`to_device`, §6): what may be sent, and how much may wait (ENC-7).

A payload is any JSON value. The server carries it to the devices that are named, each of which has a queue
that keeps it until it is acknowledged. Payloads are for keys, so a queue is bounded: a sender is refused
when one that it names is full, and nothing that was accepted is ever dropped.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import Struct

from . import errors, inputs

MAX_DEVICES = 100
"""Devices in one `to_device` frame or one claim (§1)."""
MAX_PAYLOAD_BYTES = 32_768
MAX_QUEUED = 10_000
MAX_QUEUED_BYTES = 16_777_216
"""How much may wait for one device: payloads, and their bytes as JSON."""

_encode = msgspec.json.Encoder(order="sorted").encode


class Parcel(Struct, frozen=True):
    """A payload and the device that it is for; `size` in bytes of JSON."""

    user_id: str
    device_id: str
    payload: Any
    size: int


class Queued(Struct, frozen=True):
    """A payload that waits for its device, at its place in the device's queue."""

    position: int
    sender_id: str
    sender_device_id: str
    payload: Any


class Queue(Struct, frozen=True):
    """A device's queue: its last position, the last acknowledged one, and the bytes between."""

    head: int = 0
    acknowledged: int = 0
    size: int = 0

    def has_room(self, size: int) -> bool:
        """Whether a payload of so many bytes fits in."""
        waiting = self.head - self.acknowledged
        return waiting < MAX_QUEUED and self.size + size <= MAX_QUEUED_BYTES


EMPTY = Queue()


def check_number(devices: int, pointer: str) -> None:
    """Whether a claim or frame names few enough devices, else `InvalidRequest` at `pointer`."""
    if devices > MAX_DEVICES:
        raise errors.pointed(
            errors.InvalidRequest, pointer, f"At most {MAX_DEVICES} devices, not {devices}."
        )


class Shipment(Struct, frozen=True):
    """What a `to_device` frame says; `fingerprint` is equal for equal payloads to equal devices."""

    parcels: list[Parcel]
    fingerprint: bytes


def shipment(messages: dict[str, dict[str, Any]]) -> Shipment:
    """The payloads of a `to_device` frame; what is wrong is `InvalidRequest` with the place.

    In the fingerprint a payload's nulls count: they are carried as they are.
    """
    check_number(sum(map(len, messages.values())), "/messages")
    parcels = [
        _parcel(user_id, device_id, payload)
        for user_id, by_device in messages.items()
        for device_id, payload in by_device.items()
    ]
    return Shipment(parcels, blake2b(_encode(messages), digest_size=16).digest())


def _parcel(user_id: str, device_id: str, payload: Any) -> Parcel:
    inputs.check_id(user_id, "/messages")
    inputs.check_id(device_id, f"/messages/{user_id}")
    place = f"/messages/{user_id}/{device_id}"
    size = len(_encode(payload))
    if size > MAX_PAYLOAD_BYTES:
        raise errors.pointed(
            errors.InvalidRequest,
            place,
            f"A payload has at most {MAX_PAYLOAD_BYTES} bytes of JSON, this one {size}.",
        )
    if _has_huge_integer(payload):
        raise errors.pointed(
            errors.InvalidRequest,
            place,
            "An integer of more than 64 bits cannot be carried to every device; use a string.",
        )
    return Parcel(user_id, device_id, payload, size)


def _has_huge_integer(value: Any) -> bool:
    """MessagePack, which the receiving device may speak, has no form for one."""
    if isinstance(value, dict):
        return any(map(_has_huge_integer, value.values()))
    if isinstance(value, list):
        return any(map(_has_huge_integer, value))
    return isinstance(value, int) and not -(2**63) <= value < 2**64
