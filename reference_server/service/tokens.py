"""Identities of valid tokens, remembered so that most requests ask no database.

An identity is forgotten in the same step in which the end of its session is published, so a revoked
token works nowhere from then on (SEC-5). A lookup that was under way when any session ended
may have read the past, so its result is used but not remembered.
"""

from __future__ import annotations

from collections import OrderedDict

from ..core.model import Identity

CAPACITY = 50_000


class TokenCache:
    """Token digests to identities; the oldest go first when it is full."""

    def __init__(self) -> None:
        self._identities: OrderedDict[bytes, Identity] = OrderedDict()
        self._digests: dict[tuple[str, str], bytes] = {}
        self._ended = 0

    def get(self, digest: bytes) -> Identity | None:
        """The identity, if it is remembered."""
        return self._identities.get(digest)

    def moment(self) -> int:
        """To be asked before a lookup and given to `remember` after it."""
        return self._ended

    def remember(self, digest: bytes, identity: Identity, moment: int) -> None:
        """Keep what a lookup found, unless a session ended since `moment`."""
        if moment != self._ended:
            return
        self._identities[digest] = identity
        self._digests[identity.user_id, identity.device_id] = digest
        if len(self._identities) > CAPACITY:
            _, oldest = self._identities.popitem(last=False)
            self._digests.pop((oldest.user_id, oldest.device_id), None)

    def forget(self, user_id: str, device_id: str) -> None:
        """The device's session has ended."""
        self._ended += 1
        digest = self._digests.pop((user_id, device_id), None)
        if digest is not None:
            self._identities.pop(digest, None)
