"""Megolm: one ciphertext for a whole group (``megolm.v1``).

Each device has a session of its own in each conversation and hands its key to every device of every
member, each time inside Olm. The session counts its messages; whoever has its key from an index on can
read from there. It cannot be taken back, so when a member or a device leaves, a new session is begun: the
next ciphertext must be nothing to whoever is gone.

A session key comes with two facts that the ciphertext alone would not tell: whose it is and for which
conversation. Both are learnt inside Olm from the device itself, and every message is held against them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import Struct
from vodozemac import GroupSession, InboundGroupSession, MegolmMessage, SessionKey

from .errors import Impostor, Misdirected, Tampered, UnknownSession
from .signing import Peer

Json = Any


class GroupSender:
    """A device's outbound session in one conversation; `due` tells who still lacks its key."""

    def __init__(self) -> None:
        self._session = GroupSession()
        self._holders: set[Peer] = set()

    @property
    def session_id(self) -> str:
        """What a ciphertext is marked with."""
        return self._session.session_id

    @property
    def key(self) -> str:
        """The secret that reads this session from its next message on: only ever sent inside Olm."""
        return self._session.session_key.to_base64()

    def due(self, members: Iterable[Peer]) -> list[Peer]:
        """Who of the members' devices needs the key before the next message.

        If somebody holds it who is no member any more, a new session is begun, and everybody needs it.
        """
        present = set(members)
        if self._holders - present:
            self._session = GroupSession()
            self._holders = set()
        return sorted(present - self._holders, key=lambda peer: peer.address)

    def handed_to(self, peer: Peer) -> None:
        """The key is on its way to this device."""
        self._holders.add(peer)

    def encrypt(self, plaintext: bytes) -> str:
        """One ciphertext for all, unpadded base64."""
        return self._session.encrypt(plaintext).to_base64()


class _Inbound(Struct):
    session: InboundGroupSession
    owner: Peer
    conversation_id: str


class GroupReceiver:
    """The sessions of others, as far as they were shared with this device."""

    def __init__(self) -> None:
        self._sessions: dict[str, _Inbound] = {}

    def has(self, session_id: str) -> bool:
        """Whether its key has come."""
        return session_id in self._sessions

    def learn(self, key: str, owner: Peer, conversation_id: str) -> None:
        """Take a session key that came inside Olm from `owner`. Raises `Tampered`, `Impostor`.

        A key that is known already is not taken again: it might be of a later index.
        """
        try:
            session = InboundGroupSession(SessionKey(key))
        except ValueError as error:
            raise Tampered(f"this is no session key: {error}") from None
        known = self._sessions.setdefault(
            session.session_id, _Inbound(session, owner, conversation_id)
        )
        if known.owner != owner:
            raise Impostor(
                f"{owner.address} shares the session of {known.owner.address} as its own"
            )

    def decrypt(
        self, session_id: Json, ciphertext: Json, sender: Peer, conversation_id: str
    ) -> tuple[bytes, int]:
        """The plaintext and its index in the session.

        Raises `UnknownSession` while no key has come, `Impostor` and `Misdirected` where the session is
        not this sender's or not this conversation's, `Tampered` if it does not authenticate.
        """
        known = self._sessions.get(session_id) if isinstance(session_id, str) else None
        if known is None:
            raise UnknownSession(
                f"the key of session {session_id} was never shared with this device"
            )
        if known.owner != sender:
            raise Impostor(f"session {session_id} is not of {sender.address}")
        if known.conversation_id != conversation_id:
            raise Misdirected(f"session {session_id} is of another conversation")
        try:
            message = known.session.decrypt(MegolmMessage.from_base64(ciphertext))
        except (ValueError, TypeError) as error:
            raise Tampered(f"a message of session {session_id}: {error}") from None
        return bytes(message.plaintext), message.message_index
