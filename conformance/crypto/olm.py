"""Olm: a session with each other device, whose keys change with every message (``olm.v1``).

A session begins with one claimed key of the other device and needs no answer: until one comes, each
message (`type` 0) carries all that the receiver needs to begin its side. Afterwards messages are of
`type` 1. Both sides may begin at the same time, so a device keeps every session that it has with another
and sends with the one that was used last.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vodozemac import AnyOlmMessage, Curve25519PublicKey, PreKeyMessage, Session

from .device import OwnDevice
from .encoding import decode_bytes, encode_bytes
from .errors import Tampered, UnknownSession
from .signing import Peer, SignedKey

Json = Any

PRE_KEY = 0
NORMAL = 1
"""The `type` of a ciphertext: one that may begin a session, and one within it."""


class OlmSessions:
    """All pairwise sessions of a device."""

    def __init__(self, own: OwnDevice) -> None:
        self._own = own
        self._with: dict[str, list[Session]] = {}
        """By the other device's `curve25519`; the one to send with comes first."""

    def has(self, peer: Peer) -> bool:
        """Whether there is a session to encrypt in."""
        return peer.curve25519 in self._with

    def begin(self, peer: Peer, key: SignedKey) -> None:
        """Begin a session with a claimed, verified key."""
        session = self._own.account.create_outbound_session(
            Curve25519PublicKey.from_base64(peer.curve25519),
            Curve25519PublicKey.from_base64(key.key),
        )
        self._with.setdefault(peer.curve25519, []).insert(0, session)

    def encrypt(self, peer: Peer, plaintext: bytes) -> dict[str, Json]:
        """A ciphertext ``{type, body}`` for one device. Raises `UnknownSession` before `begin`."""
        if not self.has(peer):
            raise UnknownSession(f"there is no session with {peer.address}: claim a key of it")
        kind, body = self._with[peer.curve25519][0].encrypt(plaintext).to_parts()
        return {"type": kind, "body": encode_bytes(body)}

    def decrypt(self, peer: Peer, ciphertext: Mapping[str, Json]) -> bytes:
        """The plaintext of a ciphertext from `peer`. Raises `Tampered` or `UnknownSession`.

        What fails leaves the sessions as they were: a forged message must not break one.
        """
        kind = ciphertext.get("type")
        try:
            body = decode_bytes(ciphertext.get("body"))
            message = AnyOlmMessage.from_parts(PRE_KEY if kind == PRE_KEY else NORMAL, body)
        except ValueError as error:
            raise Tampered(f"this is no Olm message: {error}") from None
        beginning = message.to_pre_key()
        if beginning is not None:
            return self._decrypt_first(peer, beginning, message)
        sessions = self._with.get(peer.curve25519, [])
        if not sessions:
            raise UnknownSession(f"there is no session with {peer.address}")
        for session in sessions:
            try:
                return self._used(peer, session, session.decrypt(message))
            except ValueError:
                continue
        raise Tampered(f"no session with {peer.address} decrypts this, or not once more")

    def _decrypt_first(self, peer: Peer, beginning: PreKeyMessage, message: AnyOlmMessage) -> bytes:
        """A message of `type` 0: of a session that is known, or begins here."""
        try:
            for session in self._with.get(peer.curve25519, []):
                if session.session_matches(beginning):
                    return self._used(peer, session, session.decrypt(message))
            session, plaintext = self._own.account.create_inbound_session(
                Curve25519PublicKey.from_base64(peer.curve25519), beginning
            )
        except ValueError as error:
            raise Tampered(
                f"this does not decrypt as a message of {peer.address}: {error}"
            ) from None
        return self._used(peer, session, plaintext)

    def _used(self, peer: Peer, session: Session, plaintext: bytes) -> bytes:
        sessions = self._with.setdefault(peer.curve25519, [])
        self._with[peer.curve25519] = [session, *(each for each in sessions if each is not session)]
        return plaintext
