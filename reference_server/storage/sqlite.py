"""The embedded store: one SQLite file in WAL mode with `synchronous=FULL`.

One connection belongs to the writer; a small pool of others to readers, each of which sees the
snapshot of its moment. WAL lets both go on at once; FULL makes a commit wait for the disk, so what was
answered survives a kill or a power cut (§9).

The writer keeps the conversations it touched in memory (`remembered`), and the rows that every message changes
until the batch commits (`write_behind`). A rollback forgets all of that.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from queue import Empty, SimpleQueue

from msgspec.structs import replace

from ..core.model import (
    Conversation,
    Identity,
    Membership,
    Message,
    Role,
    User,
    assets_of,
)
from ..core.receipts import Acknowledged, Marks
from ..core.relations import edited_place
from .base import EarlierSend, StoreTrouble, StoreUnusable
from .blobs import Blobs
from .partials import Partials
from .possession import Possession
from .remembered import Remembered
from .sqlite_connection import trouble
from .sqlite_keys import KeyCommands
from .sqlite_media import MediaCommands
from .sqlite_order import MOVE, OrderCommands
from .sqlite_queries import EARLIER_SEND, SqliteQueries, encode_content
from .sqlite_schema import prepare
from .sqlite_standings import StandingCommands
from .write_behind import WriteBehind

FILE_NAME = "messenger.sqlite3"
BLOBS_NAME = "blobs"
PARTIALS_NAME = "uploads"
WRITER_CACHE_KIB = 16_000
READER_CACHE_KIB = 2_000
"""Pages that a connection keeps. There may be as many readers as worker threads, and each keeps its own copy;
what falls out of it is mostly still in the system's memory."""

_APPEND = "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_MOVE_HEAD = (
    "UPDATE conversations SET head_seq = ?, last_at = ?, last_message_seq = ?, activity = ?"
    " WHERE conversation_id = ?"
)
_SET_MARKS = (
    "UPDATE stays SET delivered_seq = ?, read_seq = ?"
    " WHERE conversation_id = ? AND user_id = ? AND joined_seq = ?"
)
_RAISE_DEVICE_MARK = (
    "INSERT INTO device_marks VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE"
    " SET delivered_seq = excluded.delivered_seq WHERE excluded.delivered_seq > delivered_seq"
)
_ADD_RISE = "INSERT INTO rises VALUES (?, ?, ?, ?, ?)"


class SqliteStore:
    """A store in the folder `data`; the folder and the file are made when missing.

    Raises `StoreUnusable` for a folder that another server has, and for a file that is not ours, damaged,
    or from a newer version, and leaves it as it is.
    """

    def __init__(self, data: Path) -> None:
        self.path = data / FILE_NAME
        self._idle: SimpleQueue[sqlite3.Connection] = SimpleQueue()
        try:
            data.mkdir(parents=True, exist_ok=True)
            with ExitStack() as undo:
                self._possession = Possession(data)
                undo.callback(self._possession.close)
                self._writer = self._open(WRITER_CACHE_KIB)
                undo.callback(self._writer.close)
                prepare(self._writer, self.path)
                self.blobs = Blobs(data / BLOBS_NAME)
                self.partials = Partials(data / PARTIALS_NAME)
                self.commands = SqliteCommands(self._writer)
                undo.pop_all()
        except (sqlite3.Error, OSError) as error:
            raise StoreUnusable(f"{self.path} cannot be used as the store: {error}.") from error

    def _open(self, cache_kib: int) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA busy_timeout = 5000")
        connection.execute(f"PRAGMA cache_size = -{cache_kib}")
        connection.execute("PRAGMA wal_autocheckpoint = 8000")
        return connection

    @contextmanager
    def reading(self) -> Iterator[SqliteQueries]:
        """A reader's snapshot."""
        with trouble:
            try:
                connection = self._idle.get_nowait()
            except Empty:
                connection = self._open(READER_CACHE_KIB)
            try:
                connection.execute("BEGIN")
                try:
                    yield SqliteQueries(connection)
                finally:
                    connection.execute("COMMIT")
            except (StoreTrouble, sqlite3.Error):
                connection.close()
                raise
            except BaseException:
                self._idle.put(connection)
                raise
            else:
                self._idle.put(connection)

    def begin(self) -> None:
        """Begin the writer's transaction."""
        self._guarded("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Commit it with what waits to be written, fsync included."""
        self.commands.catch_up()
        self._guarded("COMMIT")

    def rollback(self) -> None:
        """Drop it, and what was remembered of it. What cannot be dropped makes `begin` fail."""
        self.commands.forget()
        if self._writer.in_transaction:
            with suppress(sqlite3.Error):
                self._writer.execute("ROLLBACK")

    def close(self) -> None:
        """Close all connections and let the folder go; readers must be done."""
        while True:
            try:
                self._idle.get_nowait().close()
            except Empty:
                break
        self._writer.close()
        self._possession.close()

    def _guarded(self, statement: str) -> None:
        with trouble:
            self._writer.execute(statement)


class SqliteCommands(
    WriteBehind, SqliteQueries, StandingCommands, KeyCommands, MediaCommands, OrderCommands
):
    """The writer's changes; the writer rolls back on any error.

    What every message asks is answered from memory, and what it changes is written behind.
    """

    unaffected = frozenset((EARLIER_SEND,))

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(connection)
        self._remembered = Remembered()
        self._activity: int = connection.execute(
            "SELECT max(coalesce((SELECT max(activity) FROM conversations), 0),"
            " coalesce((SELECT max(left_activity) FROM stays), 0))"
        ).fetchone()[0]

    def forget(self) -> None:
        """Drop what is remembered and what waits, after a rollback."""
        super().forget()
        self._remembered.clear()
        self._forget_blocks()

    def conversation(self, conversation_id: str) -> Conversation | None:
        """As `Queries.conversation`, remembered."""
        known = self._remembered.conversation(conversation_id)
        if known is None:
            known = super().conversation(conversation_id)
            if known is not None:
                self._remember(known)
        return known

    def _remember(self, conversation: Conversation) -> None:
        self._remembered.keep(conversation)

    def stay(self, conversation_id: str, user_id: str) -> Membership | None:
        """As `Queries.stay`, remembered."""
        known = self._remembered.stay(conversation_id, user_id)
        if known is None:
            known = super().stay(conversation_id, user_id)
            if known is not None:
                self._remembered.keep_stay(conversation_id, known)
        return known

    def senders_between(self, conversation_id: str, after: int, up_to: int) -> list[str]:
        """As `Queries.senders_between`, of the newest entries remembered."""
        known = self._remembered.senders(conversation_id, after, up_to)
        return super().senders_between(conversation_id, after, up_to) if known is None else known

    def earlier_send(
        self, conversation_id: str, sender_id: str, client_message_id: str
    ) -> EarlierSend | None:
        """As `Queries.earlier_send`, of this batch, too."""
        if self._waiting(_APPEND, (conversation_id, sender_id, client_message_id)) is not None:
            self.catch_up()
        return super().earlier_send(conversation_id, sender_id, client_message_id)

    def _next_activity(self) -> int:
        self._activity += 1
        return self._activity

    # accounts

    def add_user(self, user: User, password_hash: bytes, now: int) -> None:
        self._do(
            "INSERT INTO users VALUES (?, ?, ?, ?)",
            user.user_id, user.display_name, password_hash, now,
        )  # fmt: skip

    def set_display_name(self, user_id: str, display_name: str) -> None:
        self._do("UPDATE users SET display_name = ? WHERE user_id = ?", display_name, user_id)

    def add_device(self, user_id: str, device_id: str, name: str | None, now: int) -> None:
        self._do("INSERT INTO devices VALUES (?, ?, ?, ?, NULL, 0)", user_id, device_id, name, now)
        # An acknowledgement that was under way when a device of this name was removed has left its own.
        self._do(
            "INSERT OR REPLACE INTO device_marks"
            " SELECT s.user_id, ?, s.conversation_id, coalesce(s.left_seq, c.head_seq)"
            " FROM stays s JOIN conversations c USING (conversation_id)"
            " WHERE s.user_id = ? AND s.latest = 1",
            device_id, user_id,
        )  # fmt: skip

    def set_device_name(self, user_id: str, device_id: str, name: str) -> None:
        self._do(
            "UPDATE devices SET name = ? WHERE user_id = ? AND device_id = ?",
            name, user_id, device_id,
        )  # fmt: skip

    def touch_device(self, user_id: str, device_id: str, now: int) -> None:
        self._do(
            "UPDATE devices SET last_seen_at = ? WHERE user_id = ? AND device_id = ?",
            now, user_id, device_id,
        )  # fmt: skip
        self._settle(user_id, device_id, self._activity)

    def remove_device(self, user_id: str, device_id: str) -> None:
        for table in ("devices", "sessions", "device_marks"):
            self._do(
                f"DELETE FROM {table} WHERE user_id = ? AND device_id = ?",  # noqa: S608 - fixed names
                user_id, device_id,
            )  # fmt: skip
        self._remove_keys_and_queue(user_id, device_id)

    def set_session(self, token_hash: bytes, identity: Identity) -> None:
        self.end_session(identity.user_id, identity.device_id)
        self._do(
            "INSERT INTO sessions VALUES (?, ?, ?, ?)",
            token_hash, identity.user_id, identity.device_id, identity.expires_at,
        )  # fmt: skip

    def end_session(self, user_id: str, device_id: str) -> None:
        self._do("DELETE FROM sessions WHERE user_id = ? AND device_id = ?", user_id, device_id)

    # conversations

    def add_conversation(self, conversation: Conversation, pair: tuple[str, str] | None) -> None:
        self._do(
            "INSERT INTO conversations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            conversation.conversation_id, conversation.kind, conversation.title,
            conversation.encrypted, conversation.created_at, conversation.head_seq,
            conversation.last_at, conversation.last_message_seq, self._next_activity(),
            pair and " ".join(pair),
        )  # fmt: skip
        for user_id, member in conversation.members.items():
            self._do(
                "INSERT INTO stays"
                " (conversation_id, user_id, joined_seq, role, delivered_seq, read_seq, latest)"
                " VALUES (?, ?, ?, ?, 0, 0, 1)",
                conversation.conversation_id, user_id, member.joined_seq, member.role,
            )  # fmt: skip
            self._put_in_order(user_id, conversation.conversation_id)
        self._remember(conversation)

    def append(self, conversation: Conversation, entry: Message, fingerprint: bytes | None) -> None:
        self._put(
            _APPEND,
            (entry.conversation_id, entry.sender_id, entry.client_message_id or entry.seq),
            entry.conversation_id, entry.seq, entry.sender_id, entry.sender_device_id,
            entry.client_message_id, fingerprint, entry.created_at, *encode_content(entry),
            entry.expires_at,
        )  # fmt: skip
        self._put(
            _MOVE_HEAD,
            conversation.conversation_id,
            conversation.head_seq, conversation.last_at, conversation.last_message_seq,
            self._next_activity(), conversation.conversation_id,
        )  # fmt: skip
        self._put(MOVE, conversation.conversation_id, self._activity, conversation.conversation_id)
        for asset_id in assets_of(entry.body):
            self._do(
                "INSERT OR IGNORE INTO carried VALUES (?, ?, ?, ?)",
                asset_id, entry.conversation_id, entry.seq, edited_place(entry) or entry.seq,
            )  # fmt: skip
        self._remember(conversation)
        self._remembered.appended(entry)

    def set_title(self, conversation_id: str, title: str) -> None:
        self._do(
            "UPDATE conversations SET title = ? WHERE conversation_id = ?", title, conversation_id
        )

    def begin_stay(self, conversation_id: str, user_id: str, role: Role, joined_seq: int) -> None:
        self._remembered.forget_stay(conversation_id, user_id)
        self._do(
            "UPDATE stays SET latest = 0, place = NULL WHERE conversation_id = ? AND user_id = ?",
            conversation_id, user_id,
        )  # fmt: skip
        self._do(
            "INSERT INTO stays (conversation_id, user_id, joined_seq, role, delivered_seq, read_seq, latest)"
            " VALUES (?, ?, ?, ?, ?, ?, 1)",
            conversation_id, user_id, joined_seq, role, joined_seq - 1, joined_seq - 1,
        )  # fmt: skip
        self._put_in_order(user_id, conversation_id)

    def end_stay(
        self, conversation: Conversation, user_id: str, left_seq: int, joined_seq: int
    ) -> None:
        self._remembered.forget_stay(conversation.conversation_id, user_id)
        self._do(
            "UPDATE stays SET left_seq = ?, left_title = ?, left_count = ?, left_activity = ?"
            " WHERE conversation_id = ? AND user_id = ? AND joined_seq = ?",
            left_seq, conversation.title, len(conversation.members), self._activity,
            conversation.conversation_id, user_id, joined_seq,
        )  # fmt: skip

    def set_role(self, conversation_id: str, user_id: str, joined_seq: int, role: Role) -> None:
        self._remembered.forget_stay(conversation_id, user_id)
        self._do(
            "UPDATE stays SET role = ? WHERE conversation_id = ? AND user_id = ? AND joined_seq = ?",
            role, conversation_id, user_id, joined_seq,
        )  # fmt: skip

    # acknowledgements

    def set_marks(self, conversation_id: str, stay: Membership, marks: Marks) -> None:
        self._put(
            _SET_MARKS,
            (conversation_id, stay.user_id, stay.joined_seq),
            marks.delivered_seq, marks.read_seq, conversation_id, stay.user_id, stay.joined_seq,
        )  # fmt: skip
        known = self._remembered.stay(conversation_id, stay.user_id)
        if known is not None and known.joined_seq == stay.joined_seq:
            risen = replace(known, delivered_seq=marks.delivered_seq, read_seq=marks.read_seq)
            self._remembered.keep_stay(conversation_id, risen)

    def raise_device_mark(
        self, user_id: str, device_id: str, conversation_id: str, up_to_seq: int
    ) -> None:
        mark = user_id, device_id, conversation_id
        waiting = self._waiting(_RAISE_DEVICE_MARK, mark)
        if waiting is None or waiting[-1] < up_to_seq:
            self._put(_RAISE_DEVICE_MARK, mark, *mark, up_to_seq)

    def add_rise(
        self, conversation_id: str, user_id: str, status: Acknowledged, up_to_seq: int, now: int
    ) -> None:
        rise = conversation_id, user_id, status, up_to_seq
        self._put(_ADD_RISE, rise, *rise, now)

    def set_idempotency_key(
        self, user_id: str, key: str, fingerprint: bytes, conversation_id: str, now: int
    ) -> None:
        self._do(
            "INSERT OR REPLACE INTO idempotency_keys VALUES (?, ?, ?, ?, ?)",
            user_id, key, fingerprint, conversation_id, now,
        )  # fmt: skip
