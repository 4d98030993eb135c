"""What stands inside a ciphertext beside the message itself.

A ratchet proves that the holder of a key wrote these bytes, and no more. A server could still show them
in another conversation, to another member (who shares an Olm session's sender), as an answer to something
else, or in another order. So the plaintext says for itself who wrote it, for whom, where, as what, and as
the how-manieth of its sender; `reading` holds each against what the server says.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from .errors import Impostor, Misdirected, Tampered
from .signing import Peer

Json = Any


class Purpose(Struct, frozen=True, kw_only=True):
    """Where a plaintext belongs: conversation, relation, and its place among its sender's messages.

    `relates_to` is what the log entry says, `{relation, message_id}` or None. `counter` rises with every
    message that a device encrypts for a conversation; gaps are fine, since a send may be refused.
    """

    conversation_id: str
    counter: int
    relates_to: Json = None


class Envelope(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A plaintext: the body, and what binds it. `recipient` is None for a whole group (Megolm)."""

    sender: Peer
    purpose: Purpose
    body: Json
    recipient: Peer | None = None
    padding: str = ""
    """Anything. The suite plants a canary here."""

    def to_bytes(self) -> bytes:
        """The bytes to encrypt."""
        return msgspec.json.encode(self)


def opened(plaintext: bytes, sender: Peer, recipient: Peer | None) -> Envelope:
    """The envelope in a plaintext that authenticated as `sender`'s.

    `recipient` is this device where there is one (Olm). Raises `Tampered`, `Impostor`, `Misdirected`.
    """
    try:
        envelope = msgspec.json.decode(plaintext, type=Envelope)
    except msgspec.MsgspecError as error:
        raise Tampered(f"the plaintext is not as a client writes it: {error}") from None
    if envelope.sender != sender:
        raise Impostor(
            f"it was written as {envelope.sender.address}, and came from {sender.address}"
        )
    if envelope.recipient != recipient:
        raise Misdirected("it was encrypted for another device")
    return envelope
