"""Rows that wait to be written, and what is remembered meanwhile: nobody can tell them from the database."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_server.core.model import Conversation
from reference_server.core.receipts import Marks
from reference_server.storage import remembered
from reference_server.storage.sqlite import SqliteCommands, SqliteStore
from reference_server.storage.sqlite_queries import SqliteQueries
from reference_server.storage.write_behind import WriteBehind

from .making import ALICE, BOB, group, join, pair, people, remove, say

PUT = "INSERT INTO numbers VALUES (?, ?)"


class Numbers(WriteBehind):
    """A table of numbers by name."""

    unaffected = frozenset(("SELECT count(*) FROM numbers",))

    def __init__(self) -> None:
        super().__init__(sqlite3.connect(":memory:", isolation_level=None))
        self._do("CREATE TABLE numbers (name TEXT PRIMARY KEY, number INTEGER)")

    def put(self, name: str, number: int) -> None:
        """Keep a number, later."""
        self._put(PUT, name, name, number)

    def number(self, name: str) -> int | None:
        """The number of that name."""
        row = self._one("SELECT number FROM numbers WHERE name = ?", name)
        return row[0] if row else None

    def written(self) -> int:
        """How many are in the table already."""
        row = self._one("SELECT count(*) FROM numbers")
        assert row is not None
        return int(row[0])


def test_what_waits_is_written_before_anything_else_is_asked() -> None:
    """Once for each row, as it was put last; who looks at what waits does not make it be written."""
    numbers = Numbers()
    numbers.put("a", 1)
    numbers.put("a", 2)
    numbers.put("b", 3)
    assert numbers._waiting(PUT, "a") == ("a", 2)
    assert numbers._waiting(PUT, "c") is None
    assert numbers.written() == 0
    assert [numbers.number(name) for name in "abc"] == [2, 3, None]
    assert numbers._waiting(PUT, "a") is None
    assert numbers.written() == 2


def test_what_waits_is_written_before_anything_else_is_changed() -> None:
    """So changes keep their order."""
    numbers = Numbers()
    numbers.put("a", 1)
    numbers._do("UPDATE numbers SET number = number + 1")
    assert numbers._all("SELECT * FROM numbers") == [("a", 2)]
    numbers.put("b", 1)
    assert len(list(numbers._all("SELECT * FROM numbers"))) == 2


def test_what_is_forgotten_is_never_written() -> None:
    """After a rollback."""
    numbers = Numbers()
    numbers.put("a", 1)
    numbers.forget()
    numbers.catch_up()
    assert numbers.number("a") is None


def test_a_row_that_cannot_be_written_is_told_of() -> None:
    """When it is written, not when it is put."""
    numbers = Numbers()
    numbers.put("a", 1)
    numbers.catch_up()
    numbers.put("a", 1)
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        numbers.catch_up()


# the writer's commands


Step = Callable[[SqliteCommands, Conversation], Conversation]
NAMES = ("alice", "bob", "carol")


def _says(commands: SqliteCommands, chat: Conversation, who: int) -> Conversation:
    name = f"m{chat.head_seq}"
    return say(commands, chat, (ALICE, BOB)[who], name)


def _comes_or_goes(commands: SqliteCommands, chat: Conversation) -> Conversation:
    step = remove if "carol" in chat.members else join
    return step(commands, chat, "carol")


def _acknowledges(
    commands: SqliteCommands, chat: Conversation, who: str, up_to_seq: int
) -> Conversation:
    stay = commands.stay("g1", who)
    if stay is not None and up_to_seq <= chat.head_seq:
        marks = Marks(stay.delivered_seq, stay.read_seq).raised("read", up_to_seq)
        commands.set_marks("g1", stay, marks)
    return chat


STEPS: st.SearchStrategy[Step] = st.one_of(
    st.integers(0, 1).map(lambda who: lambda commands, chat: _says(commands, chat, who)),
    st.just(_comes_or_goes),
    st.tuples(st.sampled_from(NAMES), st.integers(1, 12)).map(
        lambda ack: lambda commands, chat: _acknowledges(commands, chat, *ack)
    ),
)


@given(st.lists(st.tuples(STEPS, st.booleans()), max_size=20))
def test_what_is_remembered_is_what_is_stored(steps: list[tuple[Step, bool]]) -> None:
    """Of conversations, stays and senders, whatever happens and wherever a batch ends."""
    with TemporaryDirectory() as folder, patch.object(remembered, "SENDERS", 4):
        store = SqliteStore(Path(folder))
        commands, plain = store.commands, SqliteQueries(store.commands._connection)
        store.begin()
        people(commands, *NAMES)
        chat = group(commands, "g1", "bob")
        for step, is_last_of_batch in steps:
            chat = step(commands, chat)
            told = [commands.stay("g1", name) for name in NAMES]
            senders = {
                (after, up_to): set(commands.senders_between("g1", after, up_to))
                for after in range(chat.head_seq)
                for up_to in range(after + 1, chat.head_seq + 1)
            }
            commands.catch_up()
            assert commands.conversation("g1") == plain.conversation("g1") == chat
            assert told == [plain.stay("g1", name) for name in NAMES]
            assert senders == {place: set(plain.senders_between("g1", *place)) for place in senders}
            if is_last_of_batch:
                store.commit()
                store.begin()
        store.commit()
        store.close()


def test_a_repeat_in_the_same_batch_is_found(tmp_path: Path) -> None:
    """Its first is not in the database yet (DLV-4)."""
    store = SqliteStore(tmp_path)
    store.begin()
    people(store.commands, "alice", "bob")
    say(store.commands, pair(store.commands), ALICE, "m")
    found = store.commands.earlier_send("c1", "alice", "m")
    assert found is not None
    assert (found.message.seq, found.fingerprint) == (1, b"m")
    assert store.commands.earlier_send("c1", "bob", "m") is None
    store.commit()
    store.close()


def test_large_groups_crowd_others_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes room are members, so they are counted; the latest is there however large it is."""
    monkeypatch.setattr(remembered, "MEMBERS", 5)
    store = SqliteStore(tmp_path)
    store.begin()
    people(store.commands, *NAMES)
    known = store.commands._remembered

    def there(*conversation_ids: str) -> list[bool]:
        return [known.conversation(each) is not None for each in conversation_ids]

    two = group(store.commands, "two", "bob")
    group(store.commands, "three", "bob", "carol")
    assert there("two", "three") == [True, True]
    two = say(store.commands, two, ALICE, "still here")
    group(store.commands, "late", "bob", "carol")
    assert there("two", "three", "late") == [True, False, True]
    join(store.commands, two, "carol")
    assert there("two", "late") == [True, False]
    monkeypatch.setattr(remembered, "MEMBERS", 1)
    group(store.commands, "last", "bob", "carol")
    assert there("two", "last") == [False, True]
    store.commit()
    store.close()


def test_what_is_remembered_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many conversations there are, and members of them."""
    monkeypatch.setattr(remembered, "CONVERSATIONS", 2)
    monkeypatch.setattr(remembered, "STAYS", 2)
    names = ("g1", "g2", "g3")
    store = SqliteStore(tmp_path)
    store.begin()
    people(store.commands, *NAMES)
    for name in names:
        group(store.commands, name, "bob", "carol")
        for who in NAMES:
            assert store.commands.stay(name, who) is not None
    known = store.commands._remembered
    assert [known.conversation(name) is None for name in names] == [True, False, False]
    assert known.senders("g1", 0, 1) is None
    assert known.senders("g3", 0, 1) == []
    assert len(known._stays) <= 2
    store.commit()
    store.close()
