"""What becomes of entries in the embedded store: standings, reactions, deadlines, failures; and blocks.

An entry's row is never touched again. A page of history asks once for the standings in its range, and
mostly gets none. Of an entry's standings only the newest is kept, and those that were the newest when
somebody left: a former member sees the log as it stood then.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from typing import Any

import msgspec

from ..core.model import Body
from ..core.standing import Standing
from .base import Deadline
from .sqlite_connection import Connected, stored

NEWEST = 2**62
REMEMBERED_BLOCKS = 10_000

_decode_body = stored(msgspec.json.Decoder(Body | None).decode)
_decode_counts = stored(msgspec.json.Decoder(dict[str, int]).decode)
_encode = msgspec.json.Encoder().encode


class StandingQueries(Connected):
    """The part of `base.Queries` about what became of entries."""

    def standings(
        self, conversation_id: str, first: int, last: int, as_of: int | None
    ) -> dict[int, Standing]:
        # Beside max(), the other columns are those of the row that has it (SQLite's "bare columns").
        rows = self._all(
            "SELECT target_seq, max(seq), body, edited_at, deleted, reactions FROM standings"
            " WHERE conversation_id = ? AND target_seq BETWEEN ? AND ? AND seq <= ?"
            " GROUP BY target_seq",
            conversation_id, first, last, NEWEST if as_of is None else as_of,
        )  # fmt: skip
        return {
            target_seq: Standing(
                seq=seq,
                body=_decode_body(body),
                edited_at=edited_at,
                deleted=bool(deleted),
                reactions=_decode_counts(reactions),
            )
            for target_seq, seq, body, edited_at, deleted, reactions in rows
        }

    def tombstones(
        self, conversation_id: str, seqs: Collection[int], as_of: int | None
    ) -> set[int]:
        rows = self._all(
            "SELECT target_seq FROM standings WHERE conversation_id = ? AND deleted = 1"
            " AND target_seq IN (SELECT value FROM json_each(?)) AND seq <= ?",
            conversation_id, _listed(seqs), NEWEST if as_of is None else as_of,
        )  # fmt: skip
        return {row[0] for row in rows}

    def reacted(self, conversation_id: str, target_seq: int, key: str, user_id: str) -> bool:
        row = self._one(
            "SELECT 1 FROM reactions WHERE conversation_id = ? AND target_seq = ? AND key = ?"
            " AND user_id = ?",
            conversation_id, target_seq, key, user_id,
        )  # fmt: skip
        return row is not None

    def expired(self, conversation_id: str, user_id: str, seqs: Collection[int]) -> set[int]:
        rows = self._all(
            "SELECT seq FROM failures WHERE conversation_id = ? AND user_id = ?"
            " AND seq IN (SELECT value FROM json_each(?))",
            conversation_id, user_id, _listed(seqs),
        )  # fmt: skip
        return {row[0] for row in rows}

    def failures(self, conversation_id: str, seq: int) -> dict[str, int]:
        rows = self._all(
            "SELECT user_id, at FROM failures WHERE conversation_id = ? AND seq = ?",
            conversation_id, seq,
        )  # fmt: skip
        return {user_id: at for user_id, at in rows}  # noqa: C416 - rows are sequences, not pairs

    def next_deadline(self) -> int | None:
        row = self._one("SELECT min(expires_at) FROM deadlines")
        return row[0] if row else None

    def deadlines(self, up_to: int, limit: int) -> list[Deadline]:
        rows = self._all(
            "SELECT expires_at, conversation_id, seq FROM deadlines WHERE expires_at <= ?"
            " ORDER BY expires_at LIMIT ?",
            up_to, limit,
        )  # fmt: skip
        return [Deadline(*row) for row in rows]

    def deadlines_in(self, conversation_id: str, up_to: int) -> list[Deadline]:
        rows = self._all(
            "SELECT expires_at, conversation_id, seq FROM deadlines WHERE expires_at <= ?"
            " AND conversation_id = ? ORDER BY expires_at, seq",
            up_to, conversation_id,
        )  # fmt: skip
        return [Deadline(*row) for row in rows]

    def blocked(self, one: str, other: str) -> bool:
        row = self._one(
            "SELECT 1 FROM blocks WHERE (blocker = ?1 AND blocked = ?2)"
            " OR (blocker = ?2 AND blocked = ?1)",
            one, other,
        )  # fmt: skip
        return row is not None


class StandingCommands(StandingQueries):
    """The part of `base.Commands`.

    Every send to a direct conversation asks for blocks, so the writer, who alone changes them,
    remembers what it found.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(connection)
        self._blocked: dict[tuple[str, str], bool] = {}

    def set_standing(self, conversation_id: str, target_seq: int, standing: Standing) -> None:
        self._do(
            "DELETE FROM standings WHERE conversation_id = ?1 AND target_seq = ?2 AND seq > coalesce("
            "(SELECT max(left_seq) FROM stays WHERE conversation_id = ?1 AND left_seq IS NOT NULL), 0)",
            conversation_id, target_seq,
        )  # fmt: skip
        self._do(
            "INSERT INTO standings VALUES (?, ?, ?, ?, ?, ?, ?)",
            conversation_id, target_seq, standing.seq, _encode(standing.body), standing.edited_at,
            standing.deleted, _encode(standing.reactions),
        )  # fmt: skip

    def add_reaction(self, conversation_id: str, target_seq: int, key: str, user_id: str) -> None:
        self._do(
            "INSERT INTO reactions VALUES (?, ?, ?, ?)", conversation_id, target_seq, key, user_id
        )

    def remove_reaction(
        self, conversation_id: str, target_seq: int, key: str, user_id: str
    ) -> None:
        self._do(
            "DELETE FROM reactions WHERE conversation_id = ? AND target_seq = ? AND key = ?"
            " AND user_id = ?",
            conversation_id, target_seq, key, user_id,
        )  # fmt: skip

    def add_deadline(self, deadline: Deadline) -> None:
        self._do("INSERT INTO deadlines VALUES (?, ?, ?)", *_columns(deadline))

    def remove_deadline(self, deadline: Deadline) -> None:
        self._do(
            "DELETE FROM deadlines WHERE expires_at = ? AND conversation_id = ? AND seq = ?",
            *_columns(deadline),
        )

    def add_failure(self, conversation_id: str, seq: int, user_id: str, now: int) -> None:
        self._do("INSERT INTO failures VALUES (?, ?, ?, ?)", conversation_id, seq, user_id, now)

    def add_block(self, blocker: str, blocked: str) -> None:
        self._forget_blocks()
        self._do("INSERT OR IGNORE INTO blocks VALUES (?, ?)", blocker, blocked)

    def remove_block(self, blocker: str, blocked: str) -> None:
        self._forget_blocks()
        self._do("DELETE FROM blocks WHERE blocker = ? AND blocked = ?", blocker, blocked)

    def blocked(self, one: str, other: str) -> bool:
        """As `Queries.blocked`, remembered."""
        found = self._blocked.get((one, other))
        if found is None:
            found = super().blocked(one, other)
            if len(self._blocked) >= REMEMBERED_BLOCKS:
                self._blocked.clear()
            self._blocked[one, other] = found
        return found

    def _forget_blocks(self) -> None:
        self._blocked.clear()


def _listed(seqs: Collection[int]) -> str:
    return _encode(sorted(seqs)).decode()


def _columns(deadline: Deadline) -> tuple[Any, ...]:
    return deadline.expires_at, deadline.conversation_id, deadline.seq
