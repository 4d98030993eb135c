"""Verbs of end-to-end encryption: keys published and claimed, messages sealed and read.

What belongs to them: `encryption` does the work of a client, `tampering` that of an attacker.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import trio
from msgspec import UNSET

from .. import encryption
from ..adapters.base import Refusal
from ..cast import Device
from ..concurrently import side_by_side
from ..crypto import Address, Peer, Rejected, SignedKey, canonical
from ..language.encryption import (
    Algorithm,
    Claim,
    Encrypt,
    Identity,
    MakeKeys,
    PublishKeys,
    ToDevice,
    ToDeviceAck,
)
from .base import Verb, address_of, id_of, line_of, optional
from .tampering import tamper

Json = Any


# ── keys ──────────────────────────────────────────────────────────────────────────────────────


async def make_keys(device: Device, args: MakeKeys) -> Json:
    """Make and sign keys, and keep them to oneself."""
    await trio.lowlevel.checkpoint()
    return _made(device, args.one_time, args.identity)


def _made(device: Device, one_time: int, identity: Identity) -> dict[str, Json]:
    if identity == "new":
        device.keyring = encryption.fresh_keyring(device)
    own = encryption.keyring_of(device).own
    listed = [_public(key) for key in own.new_one_time_keys(one_time)]
    return {
        "identity": own.identity(),
        "fallback_key": _public(own.new_fallback_key()),
        "one_time": {
            key["key_id"]: {"key": key["key"], "signature": key["signature"]} for key in listed
        },
        "listed": listed,
    }


def _public(key: SignedKey) -> dict[str, str]:
    return {"key_id": key.key_id, "key": key.key, "signature": key.signature}


async def publish_keys(device: Device, args: PublishKeys) -> Json:
    """Publish identity keys, a fallback key, and one-time keys."""
    made = _made(device, args.one_time, args.identity)
    identity = made["identity"]
    if args.fallback:
        identity = {**identity, "fallback_key": made["fallback_key"]}
    await device.client.publish_keys(identity)
    count = 0
    if made["one_time"]:
        count = (await device.client.add_one_time_keys(made["one_time"]))["count"]
    return {**made, "count": count}


async def sign(device: Device, args: Json) -> Json:
    """Sign any JSON value, in its canonical form."""
    await trio.lowlevel.checkpoint()
    return {"signature": encryption.keyring_of(device).own.sign(canonical(args))}


async def devices_of(device: Device, args: Json) -> Json:
    """List a user's devices; none of their keys may be wrongly signed."""
    user_id = id_of(args, "user_id")
    listed = await device.client.devices_of(user_id)
    for each in listed["devices"]:
        encryption.verified(Address(user_id, each["device_id"]), each)
    return listed


async def claim(device: Device, args: Claim) -> Json:
    """Claim keys, once or several times at the same moment, and verify what is given."""
    devices = args.devices if isinstance(args.devices, list) else [args.devices]
    addresses = [address_of(each) for each in devices]
    wanted: dict[str, list[str]] = {}
    for address in addresses:
        wanted.setdefault(address.user_id, []).append(address.device_id)
    answers: list[Json] = []

    async def one(_number: int) -> None:
        answers.append(await device.client.claim_keys(wanted))

    await side_by_side(range(args.times), one)
    return await _pooled(device, answers)


async def _pooled(device: Device, answers: Iterable[Json]) -> dict[str, list[Json]]:
    """What several claims gave, as lists; every key verified."""
    pooled: dict[str, list[Json]] = {"one_time": [], "fallback": [], "missing": []}
    peers: dict[str, list[Peer]] = {}
    for answer in answers:
        for user_id, keys in answer["keys"].items():
            if keys and user_id not in peers:
                peers[user_id] = await encryption.peers_of(device, user_id)
            for device_id, key in keys.items():
                encryption.check_claimed(peers[user_id], Address(user_id, device_id), key)
                kind = "fallback" if key["fallback"] else "one_time"
                pooled[kind].append({"user_id": user_id, "device_id": device_id, **key})
        pooled["missing"] += [
            {"user_id": user_id, "device_id": device_id}
            for user_id, devices in answer["missing"].items()
            for device_id in devices
        ]
    return pooled


# ── messages ──────────────────────────────────────────────────────────────────────────────────


async def encrypt(device: Device, args: Encrypt) -> Json:
    """Encrypt a message, and send nothing of it."""
    body = {"kind": "text", "text": args.text} if args.text is not UNSET else optional(args.body)
    return await sealed(device, args.algorithm, args.conversation, body, optional(args.relates_to))


async def sealed(
    device: Device, algorithm: Algorithm, conversation: Json, body: Json, relates_to: Json
) -> Json:
    """The encrypted body for a conversation; without a body, of a text that is a canary."""
    if body is None:
        body = {"kind": "text", "text": device.cast.canary(f"a text of {device.lane}")}
    return await encryption.encrypt(
        device, algorithm, id_of(conversation, "conversation_id"), body, relates_to
    )


async def decrypt(device: Device, args: Json) -> Json:
    """Read an encrypted log entry. Refuses, as a client does, what is not to be believed."""
    try:
        return await encryption.decrypt(device, args)
    except Rejected as rejected:
        told = {"code": rejected.code, "detail": str(rejected)}
        raise Refusal(rejected.code, None, told) from None


# ── past every conversation ───────────────────────────────────────────────────────────────────


async def to_device(device: Device, args: ToDevice) -> Json:
    """Send a payload to devices, and wait until it is accepted."""
    targets = args.to if isinstance(args.to, list) else [args.to]
    messages: dict[str, dict[str, Json]] = {}
    for address in map(address_of, targets):
        messages.setdefault(address.user_id, {})[address.device_id] = args.payload
    line = line_of(device)
    frame_id = device.cast.seeds.word(device.next_what("to_device"), 12)
    if args.id is not UNSET:
        frame_id = args.id
    return await line.settled(await line.send_to_device(frame_id, messages))


async def to_device_ack(device: Device, args: ToDeviceAck) -> None:
    """Acknowledge payloads up to a position."""
    await line_of(device).acknowledge_to_device(args.up_to)


ENCRYPTION: dict[str, Verb] = {
    "make_keys": make_keys,
    "publish_keys": publish_keys,
    "sign": sign,
    "devices_of": devices_of,
    "claim": claim,
    "encrypt": encrypt,
    "decrypt": decrypt,
    "tamper": tamper,
    "to_device": to_device,
    "to_device_ack": to_device_ack,
}
