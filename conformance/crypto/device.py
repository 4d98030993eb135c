"""One's own device: the keys that it is known by, and those that others begin sessions with.

A device makes one account when it first logs in and keeps it. It publishes the public half: identity
keys, some one-time keys, and a fallback key for when those are used up. Each one-time key begins one
session and is forgotten; the fallback key may begin several, so it should be replaced now and then.
"""

from __future__ import annotations

from typing import Protocol, cast

from vodozemac import Account, Curve25519PublicKey

from .signing import Address, Peer, SignedKey, identity_statement, key_statement

KEY_ID_LENGTH = 22
"""Characters of a key that name it: 132 bits, so no two keys of a device ever share a name."""


class _FallbackKeys(Protocol):
    """What `Account` has and its type stubs (0.10) do not tell."""

    @property
    def fallback_key(self) -> dict[str, Curve25519PublicKey]: ...
    def generate_fallback_key(self) -> None: ...


class OwnDevice:
    """The private side of a device; what leaves it are public keys and signatures."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.account = Account()

    @property
    def curve25519(self) -> str:
        """The public key that sessions with this device are made with, the `sender_key`."""
        return self.account.curve25519_key.to_base64()

    @property
    def ed25519(self) -> str:
        """The public key that this device signs with and is known by."""
        return self.account.ed25519_key.to_base64()

    @property
    def peer(self) -> Peer:
        """The device as others know it."""
        return Peer(address=self.address, curve25519=self.curve25519, ed25519=self.ed25519)

    def sign(self, statement: bytes) -> str:
        """An Ed25519 signature, unpadded base64."""
        return self.account.sign(statement).to_base64()

    def identity(self) -> dict[str, str]:
        """The body of ``PUT /v1.0/keys``, without a fallback key."""
        statement = identity_statement(self.address, self.curve25519, self.ed25519)
        return {
            "curve25519": self.curve25519,
            "ed25519": self.ed25519,
            "signature": self.sign(statement),
        }

    def new_one_time_keys(self, count: int) -> list[SignedKey]:
        """So many fresh ones; the oldest unused are forgotten beyond what an account holds (vodozemac)."""
        self.account.generate_one_time_keys(count)
        keys = [self._signed(key, fallback=False) for key in self.account.one_time_keys.values()]
        self.account.mark_keys_as_published()
        return keys

    def new_fallback_key(self) -> SignedKey:
        """A fresh one; the one before still works, the one before that no more."""
        account = cast("_FallbackKeys", self.account)
        account.generate_fallback_key()
        (key,) = account.fallback_key.values()
        self.account.mark_keys_as_published()
        return self._signed(key, fallback=True)

    def _signed(self, public: Curve25519PublicKey, *, fallback: bool) -> SignedKey:
        key = public.to_base64()
        # Named after itself: the account counts from 0, and a server never takes a name twice.
        key_id = key[:KEY_ID_LENGTH]
        signature = self.sign(key_statement(self.address, key_id, key))
        return SignedKey(key_id=key_id, key=key, signature=signature, fallback=fallback)
