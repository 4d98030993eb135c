"""What the verbs of end-to-end encryption take.

Keys are made and ciphertexts written by the suite itself (`crypto`); a scenario says who encrypts what for
whom, and what is done to it on the way. ``make_keys``, ``sign``, ``encrypt``, ``decrypt`` and ``tamper``
happen in the device and ask the server only for the keys that they need.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType, field

from .nodes import Node, Value

Algorithm = Literal["olm", "megolm"]
"""``olm``: a ciphertext for each device. ``megolm``: one for all, its key shared over ``to_device``."""

Identity = Literal["own", "new"]
"""``own``: the identity keys that the device has; ``new``: others from now on, as after a reset."""

Count = Annotated[int, Meta(ge=0, le=50)]


class PublishKeys(Node, frozen=True, kw_only=True):
    """Publish this device's identity keys, a fallback key and one-time keys.

    Saves what ``make_keys`` saves, and ``count``, the one-time keys that the server has.
    """

    one_time: Count = 5
    """How many fresh one-time keys."""
    fallback: bool = True
    """Whether with a fresh fallback key."""
    identity: Identity = "own"


class MakeKeys(Node, frozen=True, kw_only=True):
    """Make and sign keys, and send nothing: for requests of the scenario's own.

    Saves ``{identity: {curve25519, ed25519, signature}, fallback_key: {key_id, key, signature},
    one_time: {<key_id>: {key, signature}}, listed: [{key_id, key, signature}…]}``.
    """

    one_time: Count = 5
    identity: Identity = "own"


class Claim(Node, frozen=True):
    """Claim a one-time key of each of these devices, and verify their signatures.

    Saves ``{one_time: [key…], fallback: [key…], missing: [{user_id, device_id}…]}``, each key with
    ``user_id``, ``device_id``, ``key_id``, ``key``, ``signature``.
    """

    devices: Value
    """A device (``$bob.phone``), or a list of devices."""
    times: Annotated[int, Meta(ge=1, le=100)] = 1
    """So many claims at the same time; what is saved holds what all of them gave."""


class Encrypt(Node, frozen=True, kw_only=True):
    """Encrypt a message for the devices of all members as they are now. Saves the encrypted body.

    The device asks for the members' keys, verifies them, claims one of each device that it has no
    session with, and (``megolm``) shares its session key with who lacks it.
    """

    conversation: Value = field(name="for")
    text: Value | UnsetType = UNSET
    """Neither ``text`` nor ``body``: a canary."""
    body: Value | UnsetType = UNSET
    """The body to encrypt. The asset of a ``file`` in it is named in ``asset_ids``."""
    relates_to: Value | UnsetType = UNSET
    """What the message will relate to: the receiver checks that nobody changed it."""
    algorithm: Algorithm = field(name="with", default="olm")


class Tamper(Node, frozen=True, kw_only=True):
    """Spoil a signature, a key, or an encrypted body, as somebody on the way could. Saves the result.

    One bit is flipped: of a base64 text, or of each ciphertext in a body. Or, in a body of ``olm``:
    """

    that: Value
    swap: Annotated[list[Value], Meta(min_length=2, max_length=2)] | UnsetType = UNSET
    """Exchange the ciphertexts of two devices."""
    without: Value | UnsetType = UNSET
    """Leave a device's ciphertext out."""
    copy_to: Value | UnsetType = UNSET
    """Address a copy of the first ciphertext to another device: ``{user_id, device_id}``."""


class ToDevice(Node, frozen=True, kw_only=True):
    """Send a payload to devices past every conversation. Saves ``{id, unknown}``."""

    to: Value
    """A device, or a list of devices."""
    payload: Value
    id: Value | UnsetType = UNSET
    """Default: a fresh one. The same again is a retry."""


class ToDeviceAck(Node, frozen=True):
    """Acknowledge what came over ``to_device``, up to a position. There is no answer."""

    up_to: Value
