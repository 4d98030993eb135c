"""The embedded store: one SQLite file in WAL mode with `synchronous=FULL`.

One connection belongs to the writer thread; a small pool of others to readers, each of which sees the
snapshot of its moment. WAL lets both go on at once; FULL makes a commit wait for the disk, so what was
answered survives a kill or a power cut (§9).

The writer keeps the conversations it touched in memory (head and members), because it is the only one
who changes them. A rollback forgets them all.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from ..core.model import (
    Asset,
    Conversation,
    Identity,
    Membership,
    Message,
    Role,
    Upload,
    User,
    assets_of,
)
from ..core.receipts import Acknowledged, Marks
from ..core.relations import edited_place
from .base import StoreTrouble, StoreUnusable
from .blobs import Blobs
from .partials import Partials
from .possession import Possession
from .sqlite_connection import trouble
from .sqlite_keys import KeyCommands
from .sqlite_order import OrderCommands
from .sqlite_queries import SqliteQueries, encode_content
from .sqlite_standings import StandingCommands

FILE_NAME = "messenger.sqlite3"
BLOBS_NAME = "blobs"
PARTIALS_NAME = "uploads"
APPLICATION_ID = 0x6D736763  # "msgc"
CACHED_CONVERSATIONS = 10_000
WRITER_CACHE_KIB = 16_000
READER_CACHE_KIB = 2_000
"""Pages that a connection keeps. There may be as many readers as worker threads, and each keeps its own copy;
what falls out of it is mostly still in the system's memory."""

_SCHEMA = Path(__file__).parent / "schema"
_STEPS = {2: "sqlite.sql", 3: "sqlite_3_keys.sql", 4: "sqlite_4_order.sql"}
"""What makes a file of this version out of one of the version before; the first step makes a new one."""
SCHEMA_VERSION = max(_STEPS)

F = TypeVar("F", bound=Callable[..., Any])


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
                _prepare(self._writer, self.path)
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
        """Commit it, fsync included."""
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


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Make the schema in a new file, bring an older one up to it; refuse any other file."""
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if tables and application_id != APPLICATION_ID:
        raise StoreUnusable(f"{path} is a database of something else; it was left as it is.")
    if tables and version not in _STEPS:
        raise StoreUnusable(
            f"{path} has schema version {version}, this program knows {SCHEMA_VERSION}; "
            "it was left as it is. Use the program that wrote it, or another --data folder."
        )
    connection.execute("PRAGMA journal_mode = WAL")  # it is written into the file, so only now
    steps = [file for step, file in _STEPS.items() if not tables or step > version]
    if not steps:
        return
    connection.executescript(
        f"BEGIN; PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION};"
        + "".join((_SCHEMA / file).read_text(encoding="utf-8") for file in steps)
    )
    connection.execute(
        "INSERT OR IGNORE INTO meta VALUES ('cursor_secret', ?)", (secrets.token_bytes(32),)
    )
    connection.execute("COMMIT")


class SqliteCommands(SqliteQueries, StandingCommands, KeyCommands, OrderCommands):
    """The writer's changes; the writer rolls back on any error."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(connection)
        self._known: OrderedDict[str, Conversation] = OrderedDict()
        self._activity: int = connection.execute(
            "SELECT max(coalesce((SELECT max(activity) FROM conversations), 0),"
            " coalesce((SELECT max(left_activity) FROM stays), 0))"
        ).fetchone()[0]

    def forget(self) -> None:
        """Drop what is remembered, after a rollback."""
        self._known.clear()
        self._forget_blocks()

    def conversation(self, conversation_id: str) -> Conversation | None:
        """As `Queries.conversation`, remembered."""
        known = self._known.get(conversation_id)
        if known is None:
            known = super().conversation(conversation_id)
            if known is not None:
                self._remember(known)
        return known

    def _remember(self, conversation: Conversation) -> None:
        self._known[conversation.conversation_id] = conversation
        self._known.move_to_end(conversation.conversation_id)
        if len(self._known) > CACHED_CONVERSATIONS:
            self._known.popitem(last=False)

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
        self._do(
            "INSERT INTO device_marks"
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
        self._do(
            "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            entry.conversation_id, entry.seq, entry.sender_id, entry.sender_device_id,
            entry.client_message_id, fingerprint, entry.created_at, *encode_content(entry),
            entry.expires_at,
        )  # fmt: skip
        self._do(
            "UPDATE conversations SET head_seq = ?, last_at = ?, last_message_seq = ?, activity = ?"
            " WHERE conversation_id = ?",
            conversation.head_seq, conversation.last_at, conversation.last_message_seq,
            self._next_activity(), conversation.conversation_id,
        )  # fmt: skip
        self._move(conversation.conversation_id, self._activity)
        for asset_id in assets_of(entry.body):
            self._do(
                "INSERT OR IGNORE INTO carried VALUES (?, ?, ?, ?)",
                asset_id, entry.conversation_id, entry.seq, edited_place(entry) or entry.seq,
            )  # fmt: skip
        self._remember(conversation)

    def set_title(self, conversation_id: str, title: str) -> None:
        self._do(
            "UPDATE conversations SET title = ? WHERE conversation_id = ?", title, conversation_id
        )

    def begin_stay(self, conversation_id: str, user_id: str, role: Role, joined_seq: int) -> None:
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
        self._do(
            "UPDATE stays SET left_seq = ?, left_title = ?, left_count = ?, left_activity = ?"
            " WHERE conversation_id = ? AND user_id = ? AND joined_seq = ?",
            left_seq, conversation.title, len(conversation.members), self._activity,
            conversation.conversation_id, user_id, joined_seq,
        )  # fmt: skip

    def set_role(self, conversation_id: str, user_id: str, joined_seq: int, role: Role) -> None:
        self._do(
            "UPDATE stays SET role = ? WHERE conversation_id = ? AND user_id = ? AND joined_seq = ?",
            role, conversation_id, user_id, joined_seq,
        )  # fmt: skip

    # acknowledgements

    def set_marks(self, conversation_id: str, stay: Membership, marks: Marks) -> None:
        self._do(
            "UPDATE stays SET delivered_seq = ?, read_seq = ?"
            " WHERE conversation_id = ? AND user_id = ? AND joined_seq = ?",
            marks.delivered_seq, marks.read_seq, conversation_id, stay.user_id, stay.joined_seq,
        )  # fmt: skip

    def raise_device_mark(
        self, user_id: str, device_id: str, conversation_id: str, up_to_seq: int
    ) -> None:
        self._do(
            "INSERT INTO device_marks VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE"
            " SET delivered_seq = excluded.delivered_seq WHERE excluded.delivered_seq > delivered_seq",
            user_id, device_id, conversation_id, up_to_seq,
        )  # fmt: skip

    def add_rise(
        self, conversation_id: str, user_id: str, status: Acknowledged, up_to_seq: int, now: int
    ) -> None:
        self._do(
            "INSERT INTO rises VALUES (?, ?, ?, ?, ?)",
            conversation_id, user_id, status, up_to_seq, now,
        )  # fmt: skip

    def set_idempotency_key(
        self, user_id: str, key: str, fingerprint: bytes, conversation_id: str, now: int
    ) -> None:
        self._do(
            "INSERT OR REPLACE INTO idempotency_keys VALUES (?, ?, ?, ?, ?)",
            user_id, key, fingerprint, conversation_id, now,
        )  # fmt: skip

    # media

    def add_asset(self, asset: Asset) -> None:
        self._do(
            "INSERT INTO assets VALUES (?, ?, ?, ?, ?, ?)",
            asset.asset_id, asset.owner_id, asset.media_type, asset.size, asset.sha256,
            asset.created_at,
        )  # fmt: skip

    def add_upload(self, upload: Upload) -> None:
        self._do(
            "INSERT INTO uploads VALUES (?, ?, ?, ?, ?, ?, ?)",
            upload.upload_id, upload.owner_id, upload.media_type, upload.metadata, upload.size,
            upload.expires_at, upload.asset_id,
        )  # fmt: skip

    def finish_upload(self, upload_id: str, asset_id: str) -> None:
        self._do("UPDATE uploads SET asset_id = ? WHERE upload_id = ?", asset_id, upload_id)

    def remove_upload(self, upload_id: str) -> None:
        self._do("DELETE FROM uploads WHERE upload_id = ?", upload_id)

    def remove_uploads(self, expired_before: int) -> None:
        self._do("DELETE FROM uploads WHERE expires_at <= ?", expired_before)

    def remove_orphans(self, created_before: int, limit: int) -> int:
        rows = self._all(
            "DELETE FROM assets WHERE asset_id IN (SELECT asset_id FROM assets a WHERE created_at < ?"
            " AND NOT EXISTS (SELECT 1 FROM carried c WHERE c.asset_id = a.asset_id) LIMIT ?)"
            " RETURNING 1",
            created_before, limit,
        )  # fmt: skip
        return len(list(rows))
