"""The embedded store's file: what may be in its place, and what happens when the disk is full."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from reference_server.core import log
from reference_server.core.log import Author
from reference_server.core.model import TextBody, User
from reference_server.core.times import rfc3339
from reference_server.storage import sqlite
from reference_server.storage.base import StoreTrouble, StoreUnusable
from reference_server.storage.sqlite import FILE_NAME, SqliteStore
from reference_server.storage.sqlite_order import MANY
from reference_server.storage.sqlite_schema import APPLICATION_ID, SCHEMA_VERSION

from .making import ALICE, NOW, committed, people, say

_KEYS = (Path(sqlite.__file__).parent / "schema" / "sqlite_3_keys.sql").read_text("utf-8")
UNDOING = {
    4: "DROP INDEX stays_in_order; DROP INDEX stays_to_move;"
    "ALTER TABLE stays DROP COLUMN place; ALTER TABLE devices DROP COLUMN settled;",
    3: "".join(
        f"DROP {kind} {name};"
        for kind, name in re.findall(r"CREATE (TABLE|INDEX) (\w+)", _KEYS)[::-1]
    ),
}
"""What makes a file of the version before out of one of this version, latest first."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder that is there already."""
    made = tmp_path / "data"
    made.mkdir()
    return made


def refusal(data: Path) -> str:
    """What opening the folder is refused with: one paragraph, which names the place."""
    with pytest.raises(StoreUnusable) as refused:
        SqliteStore(data)
    text = str(refused.value)
    assert "\n" not in text
    assert str(data) in text
    return text


def test_the_folder_is_made_with_all_above_it(tmp_path: Path) -> None:
    """A first start needs no preparation."""
    SqliteStore(tmp_path / "a" / "b").close()
    assert (tmp_path / "a" / "b" / FILE_NAME).is_file()


def test_an_empty_file_is_taken_as_a_new_store(folder: Path) -> None:
    """As SQLite itself does: a start that was killed before its first commit leaves one."""
    (folder / FILE_NAME).touch()
    store = SqliteStore(folder)
    with store.reading() as queries:
        assert queries.user("alice") is None
    store.close()


def test_commits_wait_for_the_disk(folder: Path) -> None:
    """WAL with FULL, for whoever writes (§9)."""
    store = SqliteStore(folder)
    with store.reading() as queries:
        assert queries._one("PRAGMA journal_mode") == ("wal",)
    assert store.commands._one("PRAGMA synchronous") == (2,)
    store.close()


def test_a_database_of_something_else_is_left_as_it_is(folder: Path) -> None:
    """Byte for byte, and nothing is put beside it."""
    file = folder / FILE_NAME
    foreign = sqlite3.connect(file)
    foreign.execute("CREATE TABLE recipes (name)")
    foreign.commit()
    foreign.close()
    before = file.read_bytes()
    assert "something else" in refusal(folder)
    assert file.read_bytes() == before
    assert list(folder.iterdir()) == [file]


def test_a_store_of_a_newer_version_is_left_as_it_is(folder: Path) -> None:
    """The message names both versions and a way out."""
    file = folder / FILE_NAME
    SqliteStore(folder).close()
    newer = sqlite3.connect(file)
    newer.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    newer.commit()
    newer.close()
    before = file.read_bytes()
    text = refusal(folder)
    assert f"version {SCHEMA_VERSION + 1}" in text
    assert "--data" in text
    assert file.read_bytes() == before


def test_a_file_that_is_no_database_is_left_as_it_is(folder: Path) -> None:
    """A letter is not overwritten."""
    file = folder / FILE_NAME
    file.write_bytes(b"Dear Bob, " * 1000)
    assert "not a database" in refusal(folder)
    assert file.read_bytes() == b"Dear Bob, " * 1000


def test_a_damaged_store_is_left_as_it_is(folder: Path) -> None:
    """Its head is ours, what follows is not readable."""
    file = folder / FILE_NAME
    SqliteStore(folder).close()
    whole = file.read_bytes()
    damaged = whole[:100] + b"\xff" * 3000 + whole[3100:]
    file.write_bytes(damaged)
    assert "malformed" in refusal(folder)
    assert file.read_bytes() == damaged


def test_a_file_in_place_of_the_folder_is_left_as_it_is(tmp_path: Path) -> None:
    """So is a folder below a file."""
    (tmp_path / "data").write_text("a shopping list")
    refusal(tmp_path / "data")
    refusal(tmp_path / "data" / "below")
    assert (tmp_path / "data").read_text() == "a shopping list"


def test_a_folder_in_place_of_the_file_is_refused(folder: Path) -> None:
    """Nothing is put into it."""
    (folder / FILE_NAME).mkdir()
    refusal(folder)
    assert list((folder / FILE_NAME).iterdir()) == []


def test_a_folder_in_use_is_left_to_who_has_it(folder: Path) -> None:
    """Also what another server is just receiving; when that one is done, the folder can be had."""
    first = SqliteStore(folder)
    with first.blobs.receive(0):
        before = sorted(folder.rglob("*"))
        assert "in use" in refusal(folder)
        assert sorted(folder.rglob("*")) == before
    first.close()
    SqliteStore(folder).close()


def test_a_folder_that_was_refused_is_not_kept(folder: Path) -> None:
    """Opening it may be tried again, in the same process."""
    file = folder / FILE_NAME
    file.write_bytes(b"Dear Bob, " * 1000)
    refusal(folder)
    file.unlink()
    SqliteStore(folder).close()


def test_the_file_says_whose_it_is(folder: Path) -> None:
    """SQLite's application id, which `file` shows."""
    SqliteStore(folder).close()
    plain = sqlite3.connect(folder / FILE_NAME)
    assert plain.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    plain.close()


def fill(store: SqliteStore) -> None:
    """Let the database grow no further, as on a full disk."""
    (pages,) = store.commands._one("PRAGMA page_count") or (0,)
    store.commands._do(f"PRAGMA max_page_count = {pages}")


def test_a_full_disk_is_trouble_and_the_store_goes_on(folder: Path) -> None:
    """Nothing of the transaction is kept, reading goes on, and with space writing does too."""
    store = SqliteStore(folder)
    fill(store)
    user = User("alice", "Alice", rfc3339(NOW))
    conversation = log.new_direct("c1", ("alice", "bob"), NOW)
    change = log.append(conversation, Author("alice"), TextBody("x" * 100_000), NOW, "m")
    store.begin()
    store.commands.add_user(user, b"hash", NOW)
    store.commands.append(change.conversation, change.entries[0], b"print")
    with pytest.raises(StoreTrouble, match="full"):
        store.commit()
    store.rollback()
    with store.reading() as queries:
        assert queries.user("alice") is None
    store.commands._do("PRAGMA max_page_count = 100000")
    store.begin()
    store.commands.add_user(user, b"hash", NOW)
    store.commit()
    with store.reading() as queries:
        assert queries.user("alice") == user
    store.close()


def test_a_rollback_that_fails_is_told_by_the_next_begin(folder: Path) -> None:
    """The writer outlives it, and its next transaction holds nothing of the last."""
    store = SqliteStore(folder)
    store.begin()
    store.commands.add_user(User("alice", "Alice", rfc3339(NOW)), b"hash", NOW)

    def no_rollback(action: int, operation: str | None, *_: object) -> int:
        rollback = action == sqlite3.SQLITE_TRANSACTION and operation == "ROLLBACK"
        return sqlite3.SQLITE_DENY if rollback else sqlite3.SQLITE_OK

    store._writer.set_authorizer(no_rollback)
    store.rollback()
    with pytest.raises(StoreTrouble):
        store.begin()
    store._writer.set_authorizer(None)
    store.rollback()
    store.begin()
    assert store.commands.user("alice") is None
    store.rollback()
    store.close()


def test_reading_what_is_closed_is_trouble(folder: Path) -> None:
    """A reader that fails is not used again."""
    store = SqliteStore(folder)
    with pytest.raises(StoreTrouble), store.reading() as queries:
        queries._one("SELECT * FROM no_such_table")
    with store.reading() as queries:
        assert queries.user("alice") is None
    store.close()


@pytest.mark.parametrize("version", [2, 3])
def test_a_store_of_a_version_before_is_brought_up(version: int, folder: Path) -> None:
    """With all that is in it, in one transaction; what is new is there and empty."""
    store = SqliteStore(folder)
    with store.reading() as queries:
        secret = queries.secret()
    store.close()
    with closing(sqlite3.connect(folder / FILE_NAME, isolation_level=None)) as file:
        for step, undo in UNDOING.items():
            if step > version:
                file.executescript(undo)
        file.execute(f"PRAGMA user_version = {version}")
    store = SqliteStore(folder)
    with store.reading() as queries:
        assert queries.secret() == secret
        assert queries._one("PRAGMA user_version") == (SCHEMA_VERSION,)
        assert queries.device_keys("alice") == []
    store.close()


def test_who_has_many_chats_in_an_older_store_has_them_in_order(folder: Path) -> None:
    """As if the program that wrote it had known how."""
    store = SqliteStore(folder)
    with committed(store) as commands:
        friends = [f"friend-{number}" for number in range(MANY)]
        people(commands, "alice", *friends)
        chats = [log.new_direct(f"c-{name}", ("alice", name), NOW) for name in friends]
        for chat in chats:
            commands.add_conversation(chat, None)
        say(commands, chats[0], ALICE, "hello")
    with store.reading() as queries:
        listed = queries.chats("alice", None, MANY)
    assert listed[0].conversation_id == chats[0].conversation_id
    store.close()
    with closing(sqlite3.connect(folder / FILE_NAME, isolation_level=None)) as file:
        file.executescript(UNDOING[4])
        file.execute("PRAGMA user_version = 3")
    store = SqliteStore(folder)
    with store.reading() as queries:
        assert queries._one("SELECT count(*) FROM stays WHERE place IS NOT NULL") == (MANY,)
        assert queries.chats("alice", None, MANY) == listed
    store.close()
