"""All that one device knows and must keep: its keys, its sessions, what it has read.

Nothing is sent here. A client asks the server for devices and keys, verifies them (`signing`), hands them
in, and sends what comes out::

    publish     own.identity(), own.new_one_time_keys()        ▶ PUT /keys, POST /keys/one-time
    olm.v1      devices ▶ strangers() ▶ claim ▶ begin()        ▶ seal_olm(): the body of a message
    megolm.v1   devices ▶ shares(): payloads for to_device     ▶ seal_megolm(): the body of a message
    receiving   a to_device frame ▶ learn() · a log entry ▶ read()
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from .device import OwnDevice
from .envelope import Envelope, Purpose
from .errors import Misdirected, Tampered
from .megolm import GroupReceiver, GroupSender
from .olm import OlmSessions
from .reading import MEGOLM, OLM, Reader, Shown
from .signing import Address, Peer, SignedKey

Json = Any

SESSION_KEY = "session_key"
"""The kind of a body that shares a Megolm session's key, inside Olm, over `to_device`."""


class Keyring:
    """The secrets of one device."""

    def __init__(self, address: Address) -> None:
        self.own = OwnDevice(address)
        self._olm = OlmSessions(self.own)
        self._sending: dict[str, GroupSender] = {}
        """By conversation."""
        self._groups = GroupReceiver()
        self._reader = Reader(self.own.peer, self._olm, self._groups)
        self._counters: Counter[str] = Counter()

    # ── sessions ──────────────────────────────────────────────────────────────────────────────

    def strangers(self, peers: Iterable[Peer]) -> list[Peer]:
        """Those with whom there is no session yet: claim a key of each, and `begin`."""
        return [peer for peer in peers if not self._olm.has(peer)]

    def begin(self, peer: Peer, key: SignedKey) -> None:
        """Begin a session with a claimed and verified key."""
        self._olm.begin(peer, key)

    # ── sending ───────────────────────────────────────────────────────────────────────────────

    def seal_olm(
        self,
        peers: Iterable[Peer],
        conversation_id: str,
        body: Json,
        *,
        relates_to: Json = None,
        padding: str = "",
    ) -> dict[str, Json]:
        """An `encrypted` body with a ciphertext for each of these devices."""
        purpose = self._next(conversation_id, relates_to)
        ciphertexts: dict[str, dict[str, Json]] = {}
        for peer in peers:
            ciphertexts.setdefault(peer.address.user_id, {})[peer.address.device_id] = self._to(
                peer, purpose, body, padding
            )
        return {
            "kind": "encrypted",
            "algorithm": OLM,
            "sender_key": self.own.curve25519,
            "ciphertexts": ciphertexts,
        }

    def due(self, members: Iterable[Peer], conversation_id: str) -> list[Peer]:
        """Which of the members' devices lack the key of the session that is used next."""
        return self._sending.setdefault(conversation_id, GroupSender()).due(members)

    def shares(
        self, members: Iterable[Peer], conversation_id: str, *, padding: str = ""
    ) -> Iterator[tuple[Peer, dict[str, Json]]]:
        """The `to_device` payloads that give the members' devices what they need to read on."""
        for peer in self.due(members, conversation_id):
            sending = self._sending[conversation_id]
            purpose = Purpose(conversation_id=conversation_id, counter=0)
            body = {"kind": SESSION_KEY, "session_key": sending.key}
            payload = {
                "kind": "encrypted",
                "algorithm": OLM,
                "sender_key": self.own.curve25519,
                "ciphertext": self._to(peer, purpose, body, padding),
            }
            sending.handed_to(peer)
            yield peer, payload

    def session_key(self, conversation_id: str) -> str:
        """The secret of the session that `seal_megolm` uses next; begun here if there is none."""
        return self._sending.setdefault(conversation_id, GroupSender()).key

    def seal_megolm(
        self, conversation_id: str, body: Json, *, relates_to: Json = None, padding: str = ""
    ) -> dict[str, Json]:
        """An `encrypted` body with one ciphertext for all who were given the session's key."""
        sending = self._sending.setdefault(conversation_id, GroupSender())
        envelope = Envelope(
            sender=self.own.peer,
            purpose=self._next(conversation_id, relates_to),
            body=body,
            padding=padding,
        )
        return {
            "kind": "encrypted",
            "algorithm": MEGOLM,
            "sender_key": self.own.curve25519,
            "session_id": sending.session_id,
            "ciphertext": sending.encrypt(envelope.to_bytes()),
        }

    def _next(self, conversation_id: str, relates_to: Json) -> Purpose:
        self._counters[conversation_id] += 1
        return Purpose(
            conversation_id=conversation_id,
            counter=self._counters[conversation_id],
            relates_to=relates_to,
        )

    def _to(self, peer: Peer, purpose: Purpose, body: Json, padding: str) -> dict[str, Json]:
        envelope = Envelope(
            sender=self.own.peer, recipient=peer, purpose=purpose, body=body, padding=padding
        )
        return self._olm.encrypt(peer, envelope.to_bytes())

    # ── receiving ─────────────────────────────────────────────────────────────────────────────

    def can_read(self, body: Json) -> bool:
        """Whether a Megolm body's session key has come; bodies of other algorithms need none."""
        megolm = isinstance(body, dict) and body.get("algorithm") == MEGOLM
        return not megolm or self._groups.has(str(body.get("session_id")))

    def learn(self, sender: Peer, payload: Json) -> None:
        """Take in a `to_device` payload that shares a session key. Raises `Rejected`."""
        if not isinstance(payload, dict) or payload.get("sender_key") != sender.curve25519:
            raise Misdirected(f"this payload is not encrypted by {sender.address}")
        envelope = self._reader.read_aside(sender, payload.get("ciphertext"))
        body = envelope.body if isinstance(envelope.body, dict) else {}
        if body.get("kind") != SESSION_KEY or not isinstance(body.get("session_key"), str):
            raise Tampered("this payload shares no session key")
        self._groups.learn(body["session_key"], sender, envelope.purpose.conversation_id)

    def read(self, shown: Shown) -> Json:
        """The body that was encrypted. Raises `Rejected`."""
        return self._reader.read(shown).body
