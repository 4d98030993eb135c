"""Device keys and the queues between devices in the embedded store (§8).

A one-time key is a row until it is handed out, which deletes it in the transaction of whoever is given it;
its id stays behind, so it never comes back.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

import msgspec

from ..core.keys import DeviceKeys, IdentityKeys, SignedKey
from ..core.parcels import EMPTY, Parcel, Queue, Queued
from .base import EarlierToDevice
from .sqlite_connection import Connected, stored

OF_A_DEVICE = (
    "device_keys",
    "one_time_keys",
    "one_time_key_ids",
    "queues",
    "queued",
    "to_device_sends",
)
"""Tables whose rows go with their device."""

_encode = msgspec.json.Encoder().encode
_decode = stored(msgspec.json.Decoder().decode)
_decode_pairs = stored(msgspec.json.Decoder(list[tuple[str, str]]).decode)


class KeyQueries(Connected):
    """The part of `base.Queries` about keys and queues."""

    def has_device(self, user_id: str, device_id: str) -> bool:
        row = self._one(
            "SELECT 1 FROM devices WHERE user_id = ? AND device_id = ?", user_id, device_id
        )
        return row is not None

    def shares_conversation(self, one: str, other: str) -> bool:
        row = self._one(
            "SELECT 1 FROM stays own JOIN stays common USING (conversation_id)"
            " WHERE own.user_id = ? AND own.latest = 1 AND own.left_seq IS NULL"
            " AND common.user_id = ? AND common.latest = 1 AND common.left_seq IS NULL LIMIT 1",
            one, other,
        )  # fmt: skip
        return row is not None

    def encrypted_partners(self, user_id: str) -> list[str]:
        rows = self._all(
            "SELECT DISTINCT other.user_id FROM stays own JOIN conversations c USING (conversation_id)"
            " JOIN stays other USING (conversation_id)"
            " WHERE own.user_id = ? AND own.latest = 1 AND own.left_seq IS NULL AND c.encrypted = 1"
            " AND other.latest = 1 AND other.left_seq IS NULL AND other.user_id <> own.user_id",
            user_id,
        )
        return [row[0] for row in rows]

    def identity_keys(self, user_id: str, device_id: str) -> IdentityKeys | None:
        row = self._one(
            "SELECT curve25519, ed25519, signature FROM device_keys"
            " WHERE user_id = ? AND device_id = ?",
            user_id, device_id,
        )  # fmt: skip
        return IdentityKeys(*row) if row else None

    def fallback_key(self, user_id: str, device_id: str) -> SignedKey | None:
        row = self._one(
            "SELECT fallback_key_id, fallback_key, fallback_signature FROM device_keys"
            " WHERE user_id = ? AND device_id = ? AND fallback_key_id IS NOT NULL",
            user_id, device_id,
        )  # fmt: skip
        return SignedKey(*row) if row else None

    def device_keys(self, user_id: str) -> list[DeviceKeys]:
        rows = self._all(
            "SELECT d.device_id, d.name, k.curve25519, k.ed25519, k.signature FROM devices d"
            " LEFT JOIN device_keys k USING (user_id, device_id) WHERE d.user_id = ?"
            " ORDER BY d.created_at, d.device_id",
            user_id,
        )
        return [DeviceKeys(*row) for row in rows]

    def devices_with_keys(self, conversation_id: str) -> list[tuple[str, str]]:
        rows = self._all(
            "SELECT k.user_id, k.device_id FROM stays s JOIN device_keys k USING (user_id)"
            " WHERE s.conversation_id = ? AND s.latest = 1 AND s.left_seq IS NULL",
            conversation_id,
        )
        return [(user_id, device_id) for user_id, device_id in rows]

    def count_one_time_keys(self, user_id: str, device_id: str) -> int:
        row = self._one(
            "SELECT count(*) FROM one_time_keys WHERE user_id = ? AND device_id = ?",
            user_id, device_id,
        )  # fmt: skip
        assert row is not None
        count: int = row[0]
        return count

    def used_key_ids(self, user_id: str, device_id: str, key_ids: Collection[str]) -> set[str]:
        rows = self._all(
            "SELECT key_id FROM one_time_key_ids WHERE user_id = ? AND device_id = ?"
            " AND key_id IN (SELECT value FROM json_each(?))",
            user_id, device_id, json.dumps(list(key_ids)),
        )  # fmt: skip
        return {row[0] for row in rows}

    def queue(self, user_id: str, device_id: str) -> Queue:
        row = self._one(
            "SELECT head, acknowledged, size FROM queues WHERE user_id = ? AND device_id = ?",
            user_id, device_id,
        )  # fmt: skip
        return Queue(*row) if row else EMPTY

    def queued(self, user_id: str, device_id: str, after: int, limit: int) -> list[Queued]:
        rows = self._all(
            "SELECT position, sender_id, sender_device_id, payload FROM queued"
            " WHERE user_id = ? AND device_id = ? AND position > ? ORDER BY position LIMIT ?",
            user_id, device_id, after, limit,
        )  # fmt: skip
        return [
            Queued(position, sender_id, sender_device_id, _decode(payload))
            for position, sender_id, sender_device_id, payload in rows
        ]

    def earlier_to_device(
        self, user_id: str, device_id: str, frame_id: str
    ) -> EarlierToDevice | None:
        row = self._one(
            "SELECT fingerprint, unknown, created_at FROM to_device_sends"
            " WHERE user_id = ? AND device_id = ? AND id = ?",
            user_id, device_id, frame_id,
        )  # fmt: skip
        return EarlierToDevice(row[0], _decode_pairs(row[1]), row[2]) if row else None


class KeyCommands(KeyQueries):
    """The part of `base.Commands`."""

    def set_identity_keys(self, user_id: str, device_id: str, keys: IdentityKeys) -> None:
        self._do(
            "INSERT INTO device_keys (user_id, device_id, curve25519, ed25519, signature)"
            " VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET curve25519 = excluded.curve25519,"
            " ed25519 = excluded.ed25519, signature = excluded.signature",
            user_id, device_id, keys.curve25519, keys.ed25519, keys.signature,
        )  # fmt: skip

    def set_fallback_key(self, user_id: str, device_id: str, key: SignedKey | None) -> None:
        columns = (None, None, None) if key is None else (key.key_id, key.key, key.signature)
        self._do(
            "UPDATE device_keys SET fallback_key_id = ?, fallback_key = ?, fallback_signature = ?"
            " WHERE user_id = ? AND device_id = ?",
            *columns, user_id, device_id,
        )  # fmt: skip

    def add_one_time_key(self, user_id: str, device_id: str, key: SignedKey) -> None:
        self._do("INSERT INTO one_time_key_ids VALUES (?, ?, ?)", user_id, device_id, key.key_id)
        self._do(
            "INSERT INTO one_time_keys SELECT ?1, ?2, coalesce(max(place), 0) + 1, ?3, ?4, ?5"
            " FROM one_time_keys WHERE user_id = ?1 AND device_id = ?2",
            user_id, device_id, key.key_id, key.key, key.signature,
        )  # fmt: skip

    def take_one_time_key(self, user_id: str, device_id: str) -> SignedKey | None:
        rows = self._all(
            "DELETE FROM one_time_keys WHERE user_id = ?1 AND device_id = ?2 AND place ="
            " (SELECT min(place) FROM one_time_keys WHERE user_id = ?1 AND device_id = ?2)"
            " RETURNING key_id, key, signature",
            user_id, device_id,
        )  # fmt: skip
        return next((SignedKey(*row) for row in rows), None)

    def drop_one_time_keys(self, user_id: str, device_id: str) -> None:
        self._do(
            "DELETE FROM one_time_keys WHERE user_id = ? AND device_id = ?", user_id, device_id
        )

    def enqueue(self, parcel: Parcel, queued: Queued) -> None:
        self._do(
            "INSERT INTO queues VALUES (?, ?, ?, 0, ?) ON CONFLICT DO UPDATE"
            " SET head = excluded.head, size = size + excluded.size",
            parcel.user_id, parcel.device_id, queued.position, parcel.size,
        )  # fmt: skip
        self._do(
            "INSERT INTO queued VALUES (?, ?, ?, ?, ?, ?)",
            parcel.user_id, parcel.device_id, queued.position, queued.sender_id,
            queued.sender_device_id, _encode(parcel.payload),
        )  # fmt: skip

    def dequeue(self, user_id: str, device_id: str, up_to: int) -> None:
        rows: Any = self._all(
            "DELETE FROM queued WHERE user_id = ? AND device_id = ? AND position <= ?"
            " RETURNING length(payload)",
            user_id, device_id, up_to,
        )  # fmt: skip
        self._do(
            "UPDATE queues SET acknowledged = ?, size = size - ? WHERE user_id = ? AND device_id = ?",
            up_to, sum(row[0] for row in rows), user_id, device_id,
        )  # fmt: skip

    def add_to_device(
        self, user_id: str, device_id: str, frame_id: str, sent: EarlierToDevice
    ) -> None:
        self._do(
            "INSERT OR REPLACE INTO to_device_sends VALUES (?, ?, ?, ?, ?, ?)",
            user_id, device_id, frame_id, sent.fingerprint, _encode(sent.unknown), sent.created_at,
        )  # fmt: skip

    def forget_to_device(self, created_before: int, limit: int) -> int:
        rows = self._all(
            "DELETE FROM to_device_sends WHERE (user_id, device_id, id) IN (SELECT user_id, device_id, id"
            " FROM to_device_sends WHERE created_at < ? LIMIT ?) RETURNING 1",
            created_before, limit,
        )  # fmt: skip
        return len(list(rows))

    def _remove_keys_and_queue(self, user_id: str, device_id: str) -> None:
        for table in OF_A_DEVICE:
            self._do(
                f"DELETE FROM {table} WHERE user_id = ? AND device_id = ?",  # noqa: S608 - fixed names
                user_id, device_id,
            )  # fmt: skip
