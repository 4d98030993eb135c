"""Reading from the embedded store: rows to the structs of `core.model`.

The same queries serve a reader's snapshot and the writer's own transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import msgspec

from ..core.model import (
    Asset,
    Body,
    Conversation,
    Device,
    Identity,
    Member,
    Membership,
    Message,
    RelatesTo,
    Upload,
    User,
    message_id_of,
)
from ..core.receipts import Acknowledged
from ..core.times import rfc3339
from .base import Departure, EarlierKey, EarlierSend
from .sqlite_connection import stored
from .sqlite_keys import KeyQueries
from .sqlite_order import OrderQueries
from .sqlite_standings import NEWEST, StandingQueries

_ENTRY = (
    "SELECT conversation_id, seq, sender_id, sender_device_id, client_message_id, created_at, body,"
    " relates_to, expires_at FROM entries"
)
_STAY = "SELECT user_id, role, joined_seq, left_seq, delivered_seq, read_seq FROM stays"

EARLIER_SEND = (
    "SELECT seq, fingerprint FROM entries WHERE conversation_id = ? AND sender_id = ?"
    " AND client_message_id = ?"
)

_decode_body = stored(msgspec.json.Decoder(Body | None).decode)
_decode_relation = stored(msgspec.json.Decoder(RelatesTo).decode)
_encode = msgspec.json.Encoder().encode


def encode_content(entry: Message) -> tuple[str, bytes, bytes | None]:
    """The columns `kind`, `body` and `relates_to`."""
    relates_to, body = entry.relates_to, entry.body
    if relates_to is not None and relates_to.relation != "reply":
        return relates_to.relation, _encode(body), _encode(relates_to)
    assert body is not None
    kind = cast(str, body.__struct_config__.tag)
    return kind, _encode(body), None if relates_to is None else _encode(relates_to)


def _entry(row: Sequence[Any]) -> Message:
    (
        conversation_id,
        seq,
        sender_id,
        sender_device_id,
        client_message_id,
        created_at,
        body,
        relates_to,
        expires_at,
    ) = row
    return Message(
        message_id=message_id_of(conversation_id, seq),
        conversation_id=conversation_id,
        seq=seq,
        sender_id=sender_id,
        sender_device_id=sender_device_id,
        client_message_id=client_message_id,
        created_at=created_at,
        body=_decode_body(body),
        relates_to=None if relates_to is None else _decode_relation(relates_to),
        expires_at=expires_at,
    )


def _stay(row: Sequence[Any]) -> Membership:
    user_id, role, joined_seq, left_seq, delivered_seq, read_seq = row
    return Membership(
        user_id=user_id,
        role=role,
        joined_seq=joined_seq,
        left_seq=left_seq,
        delivered_seq=delivered_seq,
        read_seq=read_seq,
    )


class SqliteQueries(StandingQueries, KeyQueries, OrderQueries):
    """`base.Queries` on one connection."""

    # accounts

    def secret(self) -> bytes:
        row = self._one("SELECT value FROM meta WHERE name = 'cursor_secret'")
        assert row is not None
        return cast(bytes, row[0])

    def user(self, user_id: str) -> User | None:
        row = self._one("SELECT display_name, created_at FROM users WHERE user_id = ?", user_id)
        return User(user_id, row[0], rfc3339(row[1])) if row else None

    def unknown_users(self, user_ids: Sequence[str]) -> list[str]:
        return [
            user_id
            for user_id in user_ids
            if self._one("SELECT 1 FROM users WHERE user_id = ?", user_id) is None
        ]

    def password_hash(self, user_id: str) -> bytes | None:
        row = self._one("SELECT password_hash FROM users WHERE user_id = ?", user_id)
        return row[0] if row else None

    def identity(self, token_hash: bytes) -> Identity | None:
        row = self._one(
            "SELECT user_id, device_id, expires_at FROM sessions WHERE token_hash = ?", token_hash
        )
        return Identity(*row) if row else None

    def is_current(self, identity: Identity) -> bool:
        row = self._one(
            "SELECT 1 FROM sessions WHERE user_id = ? AND device_id = ? AND expires_at = ?",
            identity.user_id, identity.device_id, identity.expires_at,
        )  # fmt: skip
        return row is not None

    def devices(self, user_id: str) -> list[Device]:
        rows = self._all(
            "SELECT device_id, name, created_at, last_seen_at FROM devices WHERE user_id = ?"
            " ORDER BY created_at, device_id",
            user_id,
        )
        return [
            Device(device_id, name, rfc3339(created), None if seen is None else rfc3339(seen))
            for device_id, name, created, seen in rows
        ]

    # conversations

    def conversation(self, conversation_id: str) -> Conversation | None:
        row = self._one(
            "SELECT kind, title, encrypted, created_at, head_seq, last_at, last_message_seq"
            " FROM conversations WHERE conversation_id = ?",
            conversation_id,
        )
        if row is None:
            return None
        members: dict[str, Member] = {
            stay.user_id: Member(stay.role, stay.joined_seq)
            for stay in self.current_stays(conversation_id)
        }
        kind, title, encrypted, created_at, head_seq, last_at, last_message_seq = row
        return Conversation(
            conversation_id=conversation_id,
            kind=kind,
            title=title,
            encrypted=bool(encrypted),
            created_at=created_at,
            head_seq=head_seq,
            last_at=last_at,
            last_message_seq=last_message_seq,
            members=members,
        )

    def direct_conversation(self, pair: tuple[str, str]) -> str | None:
        row = self._one("SELECT conversation_id FROM conversations WHERE pair = ?", " ".join(pair))
        return row[0] if row else None

    def direct_partners(self, user_id: str) -> list[str]:
        rows = self._all(
            "SELECT other.user_id FROM stays own JOIN conversations c USING (conversation_id)"
            " JOIN stays other USING (conversation_id)"
            " WHERE own.user_id = ? AND own.latest = 1 AND c.kind = 'direct'"
            " AND other.user_id <> own.user_id",
            user_id,
        )
        return [row[0] for row in rows]

    def idempotency_key(self, user_id: str, key: str) -> EarlierKey | None:
        row = self._one(
            "SELECT fingerprint, conversation_id, created_at FROM idempotency_keys"
            " WHERE user_id = ? AND key = ?",
            user_id,
            key,
        )
        return EarlierKey(*row) if row else None

    def stay(self, conversation_id: str, user_id: str) -> Membership | None:
        row = self._one(
            f"{_STAY} WHERE conversation_id = ? AND user_id = ? AND latest = 1",
            conversation_id,
            user_id,
        )
        return _stay(row) if row else None

    def stays(self, conversation_id: str) -> list[Membership]:
        return [
            _stay(row) for row in self._all(f"{_STAY} WHERE conversation_id = ?", conversation_id)
        ]

    def current_stays(self, conversation_id: str) -> list[Membership]:
        rows = self._all(
            f"{_STAY} WHERE conversation_id = ? AND left_seq IS NULL ORDER BY joined_seq, user_id",
            conversation_id,
        )
        return [_stay(row) for row in rows]

    def departure(self, conversation_id: str, user_id: str) -> Departure | None:
        row = self._one(
            "SELECT left_title, left_count FROM stays WHERE conversation_id = ? AND user_id = ?"
            " AND latest = 1 AND left_seq IS NOT NULL",
            conversation_id,
            user_id,
        )
        return Departure(*row) if row else None

    # messages

    def entry(self, conversation_id: str, seq: int) -> Message | None:
        row = self._one(f"{_ENTRY} WHERE conversation_id = ? AND seq = ?", conversation_id, seq)
        return _entry(row) if row else None

    def entries_after(
        self, conversation_id: str, after: int, up_to: int, limit: int
    ) -> list[Message]:
        rows = self._all(
            f"{_ENTRY} WHERE conversation_id = ? AND seq > ? AND seq <= ? ORDER BY seq LIMIT ?",
            conversation_id, after, up_to, limit,
        )  # fmt: skip
        return [_entry(row) for row in rows]

    def entries_before(
        self, conversation_id: str, before: int, down_to: int, limit: int
    ) -> list[Message]:
        rows = self._all(
            f"{_ENTRY} WHERE conversation_id = ? AND seq < ? AND seq >= ? ORDER BY seq DESC LIMIT ?",
            conversation_id, before, down_to, limit,
        )  # fmt: skip
        return [_entry(row) for row in rows][::-1]

    def earlier_send(
        self, conversation_id: str, sender_id: str, client_message_id: str
    ) -> EarlierSend | None:
        row = self._one(EARLIER_SEND, conversation_id, sender_id, client_message_id)
        if row is None:
            return None
        message = self.entry(conversation_id, row[0])
        assert message is not None
        return EarlierSend(message, row[1])

    def unread(self, conversation_id: str, user_id: str, above: int, up_to: int) -> int:
        row = self._one(
            "SELECT count(*) FROM entries WHERE conversation_id = ? AND seq > ? AND seq <= ?"
            " AND sender_id <> ? AND kind NOT IN ('system', 'edit', 'delete', 'reaction')",
            conversation_id, above, up_to, user_id,
        )  # fmt: skip
        gone = self._one(
            # Whatever can be deleted or expire is a message.
            "SELECT count(*) FROM entries WHERE conversation_id = ?1 AND seq IN ("
            " SELECT target_seq FROM standings WHERE conversation_id = ?1"
            "  AND target_seq > ?2 AND target_seq <= ?3 AND deleted = 1 AND seq <= ?3"
            " UNION SELECT seq FROM failures WHERE conversation_id = ?1"
            "  AND seq > ?2 AND seq <= ?3 AND user_id = ?4"
            ") AND sender_id <> ?4",
            conversation_id, above, up_to, user_id,
        )  # fmt: skip
        assert row is not None
        assert gone is not None
        return cast(int, row[0]) - cast(int, gone[0])

    # statuses

    def senders_between(self, conversation_id: str, after: int, up_to: int) -> list[str]:
        rows = self._all(
            "SELECT DISTINCT sender_id FROM entries WHERE conversation_id = ? AND seq > ? AND seq <= ?"
            " AND kind <> 'system'",
            conversation_id, after, up_to,
        )  # fmt: skip
        return [row[0] for row in rows]

    def risen_at(
        self, conversation_id: str, user_id: str, status: Acknowledged, seq: int
    ) -> int | None:
        row = self._one(
            "SELECT at FROM rises WHERE conversation_id = ? AND user_id = ? AND status = ?"
            " AND up_to_seq >= ? ORDER BY up_to_seq LIMIT 1",
            conversation_id, user_id, status, seq,
        )  # fmt: skip
        return row[0] if row else None

    # media

    def asset(self, asset_id: str) -> Asset | None:
        row = self._one(
            "SELECT owner_id, media_type, size, sha256, created_at FROM assets WHERE asset_id = ?",
            asset_id,
        )
        if row is None:
            return None
        owner_id, media_type, size, sha256, created_at = row
        return Asset(
            asset_id=asset_id,
            owner_id=owner_id,
            media_type=media_type,
            size=size,
            sha256=sha256,
            created_at=created_at,
        )

    def sees_asset(self, asset_id: str, user_id: str) -> bool:
        row = self._one(
            "SELECT 1 FROM carried c JOIN stays s USING (conversation_id)"
            " WHERE c.asset_id = ? AND s.user_id = ? AND s.latest = 1"
            " AND c.seq >= s.joined_seq AND (s.left_seq IS NULL OR c.seq <= s.left_seq)"
            " AND NOT EXISTS (SELECT 1 FROM standings d WHERE d.conversation_id = c.conversation_id"
            "  AND d.target_seq = c.message_seq AND d.deleted = 1 AND d.seq <= coalesce(s.left_seq, ?))"
            " AND NOT EXISTS (SELECT 1 FROM failures f WHERE f.conversation_id = c.conversation_id"
            "  AND f.seq = c.message_seq AND f.user_id = s.user_id) LIMIT 1",
            asset_id, user_id, NEWEST,
        )  # fmt: skip
        return row is not None

    def upload(self, upload_id: str) -> Upload | None:
        row = self._one(
            "SELECT owner_id, media_type, metadata, size, expires_at, asset_id FROM uploads"
            " WHERE upload_id = ?",
            upload_id,
        )
        if row is None:
            return None
        owner_id, media_type, metadata, size, expires_at, asset_id = row
        return Upload(
            upload_id=upload_id,
            owner_id=owner_id,
            media_type=media_type,
            metadata=metadata,
            size=size,
            expires_at=expires_at,
            asset_id=asset_id,
        )

    def keeps_blob(self, sha256: bytes) -> bool:
        return self._one("SELECT 1 FROM assets WHERE sha256 = ? LIMIT 1", sha256) is not None
