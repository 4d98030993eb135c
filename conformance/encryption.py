"""A device of the scenario as an encrypting client: `crypto` over the adapter's verbs.

Sending asks for the members and their devices each time, verifies every key, claims a key of each device
that there is no session with, and hands on session keys. Receiving takes in what came over `to_device`
before it decrypts, and waits for a session key that is not there yet: the API does not say which of the two
arrives first.

Keys and ciphertexts are random and not of the seed. Secrets are planted in the history, for the `secrecy`
checker: a canary in every plaintext and file name, each session key, each file's key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

import trio

from .adapters.base import Connection
from .cast import Device
from .crypto import (
    Address,
    Keyring,
    Peer,
    Rejected,
    Shown,
    SignedKey,
    UnknownSession,
    WronglySigned,
    verified_key,
    verified_peer,
)
from .findings import ScenarioFault, StepFailed, rendered
from .language.encryption import Algorithm
from .matching import match

Json = Any


def keyring_of(device: Device) -> Keyring:
    """The device's keys, made when they are needed first."""
    if device.keyring is None:
        device.keyring = fresh_keyring(device)
    return device.keyring


def fresh_keyring(device: Device) -> Keyring:
    """Keys of another identity than before; what was encrypted for the old one is lost."""
    if device.client.device_id is None:
        raise ScenarioFault(f"{device.lane} is not logged in, so it is no device with keys yet")
    return Keyring(Address(device.client.user_id, device.client.device_id))


async def peers_of(device: Device, user_id: str) -> list[Peer]:
    """The devices of a user that have published keys, verified. Raises `StepFailed`."""
    listed = (await device.client.devices_of(user_id))["devices"]
    peers = [verified(Address(user_id, each["device_id"]), each) for each in listed]
    return [peer for peer in peers if peer is not None]


def verified(address: Address, listed: Mapping[str, Json]) -> Peer | None:
    """A listed device; None without keys. Raises `StepFailed` if they are wrongly signed."""
    try:
        return verified_peer(address, listed)
    except WronglySigned as wrong:
        raise _distrust(wrong, listed) from None


def _distrust(wrong: WronglySigned, key: Json) -> StepFailed:
    return StepFailed(
        f"the server hands out a key that is not to be trusted: {wrong}",
        got=rendered(key),
        requirements=("ENC-4",),
    )


def check_claimed(peers: Iterable[Peer], address: Address, key: Mapping[str, Json]) -> SignedKey:
    """A key that a claim gave for the device at `address`, verified. Raises `StepFailed`."""
    peer = next((peer for peer in peers if peer.address == address), None)
    if peer is None:
        raise StepFailed(
            f"a claim gave a key of {address}, which has published none, or was not asked for",
            got=rendered(key),
            requirements=("ENC-3",),
        )
    try:
        return verified_key(peer, key)
    except WronglySigned as wrong:
        raise _distrust(wrong, key) from None


async def encrypt(
    device: Device,
    algorithm: Algorithm,
    conversation_id: str,
    body: Json,
    relates_to: Json,
) -> Json:
    """The encrypted body of a message to a conversation, for its members' devices of this moment."""
    keyring = keyring_of(device)
    peers = await _devices_in(device, conversation_id)
    padding = device.cast.canary(f"a plaintext of {device.lane}")
    if algorithm == "olm":
        await _acquaint(device, keyring, peers)
        sealed = keyring.seal_olm(
            peers, conversation_id, body, relates_to=relates_to, padding=padding
        )
    else:
        await _share(device, keyring, peers, conversation_id)
        sealed = keyring.seal_megolm(conversation_id, body, relates_to=relates_to, padding=padding)
    file = body.get("file") if isinstance(body, dict) else None
    return sealed | ({"asset_ids": [file["asset_id"]]} if isinstance(file, dict) else {})


async def _devices_in(device: Device, conversation_id: str) -> list[Peer]:
    """The members' devices with keys, this one not among them."""
    conversation = await device.client.conversation(conversation_id)
    members = sorted(member["user_id"] for member in conversation.get("members") or ())
    own = keyring_of(device).own.address
    return [
        peer
        for user_id in members
        for peer in await peers_of(device, user_id)
        if peer.address != own
    ]


async def _acquaint(device: Device, keyring: Keyring, peers: Iterable[Peer]) -> None:
    """Begin a session with each device that there is none with."""
    strangers = keyring.strangers(peers)
    known = {peer.address: peer for peer in strangers}
    wanted: dict[str, list[str]] = {}
    for address in known:
        wanted.setdefault(address.user_id, []).append(address.device_id)
    claimed = (await device.client.claim_keys(wanted))["keys"] if wanted else {}
    for user_id, keys in claimed.items():
        for device_id, key in keys.items():
            address = Address(user_id, device_id)
            signed = check_claimed(strangers, address, key)
            keyring.begin(known[address], signed)
    if left := keyring.strangers(strangers):
        raise StepFailed(
            f"no key was given of {', '.join(str(peer.address) for peer in left)}, although one, or a "
            "fallback key, was published",
            requirements=("ENC-3",),
        )


async def _share(
    device: Device, keyring: Keyring, peers: Iterable[Peer], conversation_id: str
) -> None:
    """Give whoever lacks it the key of this device's session."""
    peers = list(peers)
    await _acquaint(device, keyring, keyring.due(peers, conversation_id))
    payloads: dict[str, dict[str, Json]] = {}
    for peer, payload in keyring.shares(peers, conversation_id):
        payloads.setdefault(peer.address.user_id, {})[peer.address.device_id] = payload
    if payloads:
        secret = keyring.session_key(conversation_id)
        device.cast.plant(secret, f"a session key of {device.lane}")
        await _tell(device, payloads)


async def _tell(device: Device, messages: Json) -> None:
    """Send payloads over the realtime connection, and wait for `accepted`."""
    line = device.client.connection
    if line is None:
        raise ScenarioFault(f"{device.lane} has no connection to share keys over: `connect` first")
    frame_id = device.cast.seeds.word(device.next_what("to_device"), 12)
    await line.settled(await line.send_to_device(frame_id, messages))


# ── receiving ─────────────────────────────────────────────────────────────────────────────────


async def decrypt(device: Device, entry: Json) -> Json:
    """The body that was encrypted in a log entry. Raises `crypto.Rejected`."""
    shown = await _as_shown(device, entry)
    keyring = keyring_of(device)
    line = device.client.connection
    with trio.move_on_after(device.cast.patience.seconds):
        while True:
            if line is not None:
                await _listen(device, keyring, line)
            if line is None or line.closed or keyring.can_read(shown.body):
                break
            await line.news()
    return keyring.read(shown)


async def _as_shown(device: Device, entry: Json) -> Shown:
    """An entry with its sender verified."""
    if not isinstance(entry, dict) or "message_id" not in entry:
        raise ScenarioFault(
            "`decrypt` is for a log entry: what `expect: {message: …}` saved, or a page"
        )
    edited = entry.get("edited_at") is not None
    body = entry.get("body")
    sender_key = body.get("sender_key") if isinstance(body, dict) else None
    peers = await peers_of(device, str(entry.get("sender_id")))
    for peer in peers:
        # An edit may come from another device than what it edits, and stands there in its place.
        if (peer.curve25519 if edited else peer.address.device_id) == (
            sender_key if edited else entry.get("sender_device_id")
        ):
            return Shown(
                message_id=entry["message_id"],
                conversation_id=entry["conversation_id"],
                seq=entry["seq"],
                sender=peer,
                body=body,
                relates_to=entry.get("relates_to"),
                edited=edited,
            )
    raise WronglySigned(f"seq {entry.get('seq')} is of a device that has published no keys")


async def _listen(device: Device, keyring: Keyring, line: Connection) -> None:
    """Take in the session keys that have come over `to_device`."""
    for frame in list(line.inbox):
        position = frame.content.get("position") if frame.type == "to_device" else None
        if not isinstance(position, int) or position in device.heard:
            continue
        device.heard.add(position)
        sender_id, device_id = frame.content.get("sender_id"), frame.content.get("sender_device_id")
        for peer in await peers_of(device, str(sender_id)):
            if peer.address.device_id == device_id:
                # What is no session key, or not to be believed, leaves closed what it was for.
                with suppress(Rejected):
                    keyring.learn(peer, frame.content.get("payload"))


def _broken_by(rejected: Rejected, entry: Json) -> str:
    """The promise that is broken when what nobody tampered with cannot be read."""
    whole = isinstance(entry.get("body"), dict) and "session_id" in entry["body"]
    lost_key = isinstance(rejected, UnknownSession) and whole
    return "ENC-7" if lost_key else "ENC-1"


async def expect_decrypted(device: Device, entry: Json, pattern: Json) -> None:
    """Compare what was encrypted with a pattern. Raises `StepFailed`."""
    try:
        body = await decrypt(device, entry)
    except Rejected as rejected:
        raise StepFailed(
            f"what came cannot be read: {rejected.code}: {rejected}",
            expected=f"a plaintext matching {rendered(pattern)}",
            got=rendered(entry),
            requirements=(_broken_by(rejected, entry),),
        ) from None
    if mismatches := match(pattern, body):
        raise StepFailed(
            "the plaintext is not as expected: " + "; ".join(map(str, mismatches[:4])),
            expected=rendered(pattern),
            got=rendered(body),
        )
