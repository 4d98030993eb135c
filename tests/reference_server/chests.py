"""The keys of a device, signed as its client would sign them, and bodies that look encrypted.

The server cannot read a ciphertext, so any bytes will do for one here.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from typing import Any

import rfc8785
from nacl.signing import SigningKey

from reference_server.core.keys import IdentityKeys, SignedKey
from reference_server.service import Service
from reference_server.service.conversations import CreateRequest
from reference_server.service.keys import PublishRequest, UploadedKey, UploadRequest

from .people import Person


def base64(data: bytes) -> str:
    """Unpadded standard base64."""
    return b64encode(data).rstrip(b"=").decode()


def public_key(name: str) -> str:
    """Some public key; the same for the same name."""
    return base64(sha256(name.encode()).digest())


class Chest:
    """The keys of one device, all from `seed`."""

    def __init__(self, user_id: str, device_id: str, seed: str = "") -> None:
        self.user_id = user_id
        self.device_id = device_id
        self._seed = f"{user_id}/{device_id}/{seed}"
        self._signing = SigningKey(sha256(self._seed.encode()).digest())
        self.ed25519 = base64(bytes(self._signing.verify_key))
        self.curve25519 = public_key(self._seed)

    def sign(self, **content: str) -> str:
        """A signature over what is signed, which names user and device unless `content` does."""
        whole = {"user_id": self.user_id, "device_id": self.device_id} | content
        return base64(self._signing.sign(rfc8785.dumps(dict(whole))).signature)

    def identity(self) -> IdentityKeys:
        """The identity keys."""
        signature = self.sign(curve25519=self.curve25519, ed25519=self.ed25519)
        return IdentityKeys(self.curve25519, self.ed25519, signature)

    def key(self, key_id: str) -> SignedKey:
        """A one-time or fallback key."""
        key = public_key(f"{self._seed}/{key_id}")
        return SignedKey(key_id, key, self.sign(key_id=key_id, key=key))

    def publication(self, fallback: str | None = None) -> PublishRequest:
        """What is published, with a fallback key of this id."""
        own = self.identity()
        key = None if fallback is None else self.key(fallback)
        return PublishRequest(own.curve25519, own.ed25519, own.signature, key)

    def upload(self, *key_ids: str) -> UploadRequest:
        """One-time keys of these ids."""
        keys = map(self.key, key_ids)
        return UploadRequest({each.key_id: UploadedKey(each.key, each.signature) for each in keys})


async def equip(
    service: Service, who: Person, *key_ids: str, fallback: str | None = None, seed: str = ""
) -> Chest:
    """Publish a person's keys, with one-time keys of these ids."""
    chest = Chest(who.user_id, who.identity.device_id, seed)
    await service.keys.publish(who.identity, chest.publication(fallback))
    if key_ids:
        await service.keys.upload(who.identity, chest.upload(*key_ids))
    return chest


async def encrypted_direct(service: Service, one: Person, other: Person) -> str:
    """The id of an encrypted direct conversation."""
    request = CreateRequest("direct", [other.user_id], encrypted=True)
    created = await service.conversations.create(one.identity, request, None, None)
    return created.conversation.conversation_id


async def encrypted_group(service: Service, owner: Person, *others: Person) -> str:
    """The id of an encrypted group."""
    request = CreateRequest("group", [other.user_id for other in others], encrypted=True)
    created = await service.conversations.create(owner.identity, request, None, None)
    return created.conversation.conversation_id


def ciphertext(text: str) -> str:
    """Stands for a ciphertext of `text`."""
    return base64(f"sealed: {text}".encode())


def olm(sender: Chest, text: str, *devices: Chest, **others: Any) -> dict[str, Any]:
    """An `olm.v1` body with a ciphertext of its own for each device."""
    ciphertexts: dict[str, dict[str, Any]] = {}
    for device in devices:
        sealed = {"type": 0, "body": ciphertext(f"{text} for {device.user_id}/{device.device_id}")}
        ciphertexts.setdefault(device.user_id, {})[device.device_id] = sealed
    return {
        "kind": "encrypted",
        "algorithm": "olm.v1",
        "sender_key": sender.curve25519,
        "ciphertexts": ciphertexts,
    } | others


def megolm(sender: Chest, text: str, **others: Any) -> dict[str, Any]:
    """A `megolm.v1` body."""
    return {
        "kind": "encrypted",
        "algorithm": "megolm.v1",
        "sender_key": sender.curve25519,
        "session_id": public_key("session"),
        "ciphertext": ciphertext(text),
    } | others


def own_part(body: dict[str, Any], device: Chest) -> dict[str, Any]:
    """The body as this device is shown it."""
    own = body["ciphertexts"].get(device.user_id, {}).get(device.device_id)
    kept = {} if own is None else {device.user_id: {device.device_id: own}}
    return body | {"ciphertexts": kept}
