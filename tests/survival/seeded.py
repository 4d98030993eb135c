"""A data folder in which many users exist already, each with a device that is logged in.

A registration hashes a password, on purpose slowly; a crowd of thousands is put into the store directly, by
the store's own commands, before a server is started on it.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from reference_server.core.model import Identity, User
from reference_server.core.times import rfc3339
from reference_server.storage.sqlite import SqliteStore

SINCE = 1_763_000_000_000
"""When they registered, in milliseconds."""
NEVER = 2**52
"""When their tokens expire."""


def seed_users(data: Path, user_ids: Iterable[str]) -> dict[str, str]:
    """Put the users into the store in `data`; their tokens, by user id. Nobody can log in as one of them."""
    tokens = {user_id: f"token-of-{user_id}" for user_id in user_ids}
    store = SqliteStore(data)
    store.begin()
    for user_id, token in tokens.items():
        store.commands.add_user(User(user_id, user_id, rfc3339(SINCE)), b"", SINCE)
        store.commands.add_device(user_id, "phone", None, SINCE)
        identity = Identity(user_id, "phone", NEVER)
        store.commands.set_session(sha256(token.encode()).digest(), identity)
    store.commit()
    store.close()
    return tokens
