"""The receiver's judgement of one device about what it is shown (ENC-10).

Decrypting works once: the ratchet forgets each message key. So a client keeps what it read, and this is
where. Reading the same message again (a replay after a reconnect, the history) gives the same plaintext;
everything else that is shown twice was replayed by somebody.

    is its place known? ─ yes ▶ the plaintext that was kept (or `Replayed`: it was another message's)
          │ no
    decrypt (`olm`, `megolm`) ▶ envelope ▶ belongs here? ▶ in order? ▶ kept

An edited entry shows the body of its edit, so that body may stand at two places, and says nothing about
the order at the first.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from hashlib import sha256
from typing import Any

from msgspec import Struct

from .envelope import Envelope, opened
from .errors import Impostor, Misdirected, Reordered, Replayed, Tampered
from .megolm import GroupReceiver
from .olm import OlmSessions
from .signing import Address, Peer

Json = Any

OLM = "olm.v1"
MEGOLM = "megolm.v1"


class Shown(Struct, frozen=True, kw_only=True):
    """A log entry as the server shows it to this device; `sender` was verified by its published keys."""

    message_id: str
    conversation_id: str
    seq: int
    sender: Peer
    body: Json
    relates_to: Json = None
    edited: bool = False


class _Kept(Struct):
    envelope: Envelope
    message_id: str | None
    """The entry that it is; None while it was only seen as the new body of what it edits."""


class Reader:
    """What one device has read, and its judgement of what comes."""

    def __init__(self, own: Peer, olm: OlmSessions, groups: GroupReceiver) -> None:
        self._own = own
        self._olm = olm
        self._groups = groups
        self._kept: dict[bytes, _Kept] = {}
        """By the SHA-256 of a ciphertext's bytes and sender."""
        self._indices: set[tuple[str, int]] = set()
        """The places in Megolm sessions that were read."""
        self._places: dict[tuple[Address, str], list[tuple[int, int]]] = {}
        """The (seq, counter) of what a device sent to a conversation, ascending."""

    def read(self, shown: Shown) -> Envelope:
        """The envelope of an entry. Raises `Rejected` for whatever is not to be believed."""
        body = shown.body if isinstance(shown.body, dict) else {}
        if body.get("kind") != "encrypted":
            raise Tampered(f"a body of kind {body.get('kind')} stands where ciphertext must be")
        if body.get("sender_key") != shown.sender.curve25519:
            raise Impostor(f"the `sender_key` is not that of {shown.sender.address}")
        mark = _mark(shown.sender, body, self._own.address)
        kept = self._kept.get(mark)
        if kept is not None:
            return self._again(kept, shown)
        envelope = self._decrypted(body, shown)
        as_edit = self._belongs(envelope, shown)
        if not shown.edited:
            self._in_order(envelope, shown)
        self._kept[mark] = _Kept(envelope, None if as_edit else shown.message_id)
        return envelope

    def read_aside(self, sender: Peer, ciphertext: Json) -> Envelope:
        """What came over `to_device`, always Olm. Raises `Rejected`; it can be read once only."""
        if not isinstance(ciphertext, dict):
            raise Tampered("this payload holds no ciphertext")
        return opened(self._olm.decrypt(sender, ciphertext), sender, self._own)

    # ── each question ─────────────────────────────────────────────────────────────────────────

    def _again(self, kept: _Kept, shown: Shown) -> Envelope:
        if self._belongs(kept.envelope, shown):
            return kept.envelope
        if kept.message_id is None:
            kept.message_id = shown.message_id
        if kept.message_id != shown.message_id:
            raise Replayed(f"seq {shown.seq} is what was shown before as message {kept.message_id}")
        return kept.envelope

    def _decrypted(self, body: dict[str, Json], shown: Shown) -> Envelope:
        if body.get("algorithm") == OLM:
            ciphertext = own_ciphertext(body, self._own.address)
            plaintext = self._olm.decrypt(shown.sender, ciphertext)
            return opened(plaintext, shown.sender, self._own)
        session_id = body.get("session_id")
        plaintext, index = self._groups.decrypt(
            session_id, body.get("ciphertext"), shown.sender, shown.conversation_id
        )
        if (str(session_id), index) in self._indices:
            raise Replayed(f"seq {shown.seq} takes a place in its session that another one had")
        self._indices.add((str(session_id), index))
        return opened(plaintext, shown.sender, None)

    def _belongs(self, envelope: Envelope, shown: Shown) -> bool:
        """Whether the entry shows the body of an edit of it. Raises `Misdirected` if neither is true."""
        purpose = envelope.purpose
        if purpose.conversation_id != shown.conversation_id:
            raise Misdirected(f"seq {shown.seq} was encrypted for another conversation")
        if shown.edited and purpose.relates_to == _an_edit_of(shown.message_id):
            return True
        if purpose.relates_to != shown.relates_to:
            raise Misdirected(f"seq {shown.seq} was encrypted to relate to something else")
        return False

    def _in_order(self, envelope: Envelope, shown: Shown) -> None:
        place = (shown.seq, envelope.purpose.counter)
        places = self._places.setdefault((shown.sender.address, shown.conversation_id), [])
        at = bisect_left(places, place)
        before = places[at - 1][1] if at else -1
        behind = places[at][1] if at < len(places) else None
        if before >= place[1] or (behind is not None and behind <= place[1]):
            raise Reordered(
                f"seq {shown.seq} is the message that {shown.sender.address} sent as number "
                f"{place[1]}, and the entries around it are not its neighbours"
            )
        insort(places, place)


def _an_edit_of(message_id: str) -> dict[str, str]:
    return {"relation": "edit", "message_id": message_id}


def own_ciphertext(body: Json, own: Address) -> dict[str, Json]:
    """The device's own part of an Olm body. Raises `Tampered` if it holds none."""
    found = body.get("ciphertexts")
    for name in (own.user_id, own.device_id):
        found = found.get(name) if isinstance(found, dict) else None
    if not isinstance(found, dict):
        raise Tampered("there is no ciphertext for this device")
    return found


def _mark(sender: Peer, body: dict[str, Json], own: Address) -> bytes:
    """What identifies a ciphertext: its text, since base64 has one spelling (`encoding`)."""
    if body.get("algorithm") == OLM:
        text = str(own_ciphertext(body, own).get("body"))
    else:
        text = f"{body.get('session_id')} {body.get('ciphertext')}"
    return sha256(f"{sender.curve25519} {text}".encode()).digest()
