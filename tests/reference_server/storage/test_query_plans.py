"""How SQLite answers what is asked for every message: by an index, whatever the store has grown to.

Each query runs once with a trace of what SQLite executes, and each statement's plan is then asked for
(`EXPLAIN QUERY PLAN`). SCAN is a walk through a whole table; TEMP B-TREE is sorting, so the cost of a page
would be that of all that it was taken from.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from reference_server.core import log
from reference_server.core.log import Author
from reference_server.core.model import TextBody, User
from reference_server.core.receipts import Marks
from reference_server.core.times import rfc3339
from reference_server.storage import sqlite_order
from reference_server.storage.sqlite import SqliteCommands, SqliteStore
from reference_server.storage.sqlite_queries import SqliteQueries

NOW = 1_763_000_000_000
SORTED = {"chats", "conversation"}
"""What sorts: the chats of who has few, by when they moved last, and a conversation's members."""

QUERIES: dict[str, Callable[[SqliteQueries], object]] = {
    "identity": lambda queries: queries.identity(b"digest"),
    "user": lambda queries: queries.user("alice"),
    "conversation": lambda queries: queries.conversation("c1"),
    "stay": lambda queries: queries.stay("c1", "alice"),
    "page after": lambda queries: queries.entries_after("c1", 0, 100, 50),
    "page before": lambda queries: queries.entries_before("c1", 100, 1, 50),
    "latest page": lambda queries: queries.entries_before("c1", 2**62, 1, 50),
    "entry": lambda queries: queries.entry("c1", 1),
    "earlier send": lambda queries: queries.earlier_send("c1", "alice", "m"),
    "unread": lambda queries: queries.unread("c1", "alice", 0, 1),
    "senders": lambda queries: queries.senders_between("c1", 0, 1),
    "risen at": lambda queries: queries.risen_at("c1", "alice", "delivered", 1),
    "chats": lambda queries: queries.chats("alice", None, 50),
    "backlog": lambda queries: queries.backlog("alice", "phone"),
    "direct partners": lambda queries: queries.direct_partners("alice"),
    "asset seen": lambda queries: queries.sees_asset("a", "alice"),
}


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    """Alice and Bob, and a conversation with one message."""
    store = SqliteStore(tmp_path)
    store.begin()
    for name in ("alice", "bob"):
        store.commands.add_user(User(name, name, rfc3339(NOW)), b"hash", NOW)
        store.commands.add_device(name, "phone", None, NOW)
    conversation = log.new_direct("c1", ("alice", "bob"), NOW)
    store.commands.add_conversation(conversation, ("alice", "bob"))
    append(store.commands, "m")
    store.commit()
    return store


def append(commands: SqliteCommands, client_message_id: str) -> None:
    """Another message, as a send has it written."""
    conversation = commands.conversation("c1")
    assert conversation is not None
    change = log.append(conversation, Author("alice"), TextBody("hello"), NOW, client_message_id)
    commands.append(change.conversation, change.entries[0], None)


def executed(connection: sqlite3.Connection, work: Callable[[], object]) -> list[str]:
    """The statements that `work` has executed, with their values."""
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    work()
    connection.set_trace_callback(None)
    assert statements
    return statements


def plan(connection: sqlite3.Connection, statement: str) -> list[str]:
    """How SQLite goes about it, step by step."""
    return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}")]


def walks(step: str) -> bool:
    """Whether a step goes through a whole table; a list that the query itself made is none."""
    return step.startswith("SCAN") and not step.startswith(("SCAN CONSTANT", "SCAN (subquery"))


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_finds_by_index(name: str, store: SqliteStore) -> None:
    """It searches, it does not walk; and but for `SORTED`, it finds in the order that it gives."""
    queries = store.commands
    queries.forget()
    for statement in executed(store._writer, lambda: QUERIES[name](queries)):
        steps = plan(store._writer, statement)
        assert not any(walks(step) for step in steps), (statement, steps)
        sorts = any("TEMP B-TREE FOR ORDER BY" in step for step in steps)
        assert not sorts or name in SORTED, (statement, steps)
    store.close()


@pytest.mark.parametrize("name", ["chats", "backlog"])
def test_what_grows_with_ones_chats_is_in_index_order_for_who_has_many(
    name: str, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No sorting then, and nothing is looked at that is not asked for."""
    monkeypatch.setattr(sqlite_order, "MANY", 1)
    store.begin()
    store.commands.add_conversation(log.new_direct("c2", ("alice", "bob"), NOW), None)
    store.commit()
    statements = executed(store._writer, lambda: QUERIES[name](store.commands))
    for statement in statements:
        assert not any("TEMP B-TREE" in step for step in plan(store._writer, statement)), statement
    assert any("stays_in_order" in step for step in plan(store._writer, statements[-1]))
    store.close()


def test_a_send_and_an_acknowledgement_touch_rows_by_their_keys(store: SqliteStore) -> None:
    """The changes that every message makes."""
    marks = Marks(delivered_seq=1, read_seq=1)

    def work() -> None:
        stay = store.commands.stay("c1", "bob")
        assert stay is not None
        append(store.commands, "n")
        store.commands.set_marks("c1", stay, marks)
        store.commands.raise_device_mark("bob", "phone", "c1", 1)
        store.commands.add_rise("c1", "bob", "delivered", 1, NOW)

    store.begin()
    for statement in executed(store._writer, work):
        steps = plan(store._writer, statement)
        assert not any(walks(step) for step in steps), (statement, steps)
    store.rollback()
    store.close()
