"""A store that was damaged while nobody looked: what needs the damaged part is unavailable, nothing else is.

The damage is real: the file is opened, found in order, and bad where it is read later.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from reference_server.app import running_service
from reference_server.core.errors import Unavailable
from reference_server.core.limits import Limits
from reference_server.service import THROWAWAY, Service
from reference_server.storage.sqlite import FILE_NAME, SqliteStore

from ..people import Person, direct, login, newcomer, say


@asynccontextmanager
async def serving(data: Path) -> AsyncIterator[Service]:
    """The use cases over a store in `data`."""
    store = SqliteStore(data)
    try:
        async with running_service(store, Limits(), THROWAWAY) as service:
            yield service
    finally:
        store.close()


def break_the_page(file: Path) -> None:
    """Overwrite where the entries begin."""
    with sqlite3.connect(file) as database:
        (size,) = database.execute("PRAGMA page_size").fetchone()
        (page,) = database.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'entries'"
        ).fetchone()
    database.close()
    content = bytearray(file.read_bytes())
    content[(page - 1) * size : page * size] = b"\xff" * size
    file.write_bytes(content)


def break_the_bodies(file: Path) -> None:
    """Cut what the entries say."""
    with sqlite3.connect(file) as database:
        database.execute("UPDATE entries SET body = CAST('{' AS BLOB)")
    database.close()


async def conversation_in(data: Path) -> tuple[Person, str]:
    """Alice, and her conversation with one message."""
    async with serving(data) as service:
        alice = await newcomer(service, "alice")
        chat = await direct(service, alice, await newcomer(service, "bob"))
        await say(service, alice, chat, "hello")
    return alice, chat


@pytest.mark.parametrize("damage", [break_the_page, break_the_bodies])
async def test_reading_what_is_damaged_is_unavailable(
    damage: Callable[[Path], None], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """§9: 503 rather than 500, with a line for the operator; what is whole is still served."""
    alice, chat = await conversation_in(tmp_path)
    damage(tmp_path / FILE_NAME)
    async with serving(tmp_path) as service:
        with pytest.raises(Unavailable):
            await service.messages.page(alice.identity, chat, limit=None, before=None, after=None)
        assert (await service.accounts.profile("bob")).user_id == "bob"
    told_of_trouble(caplog)


async def test_writing_where_it_is_damaged_is_unavailable(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """And the writer goes on with what is whole."""
    alice, chat = await conversation_in(tmp_path)
    break_the_page(tmp_path / FILE_NAME)
    async with serving(tmp_path) as service:
        with pytest.raises(Unavailable):
            await say(service, alice, chat, "again")
        assert (await login(service, "alice", "tablet")).user_id == "alice"
    told_of_trouble(caplog)


def told_of_trouble(caplog: pytest.LogCaptureFixture) -> None:
    """The log names the store, in one line without a traceback."""
    errors = [record for record in caplog.records if record.levelname == "ERROR"]
    assert errors
    for record in errors:
        assert record.getMessage().startswith("the store is in trouble: ")
        assert record.exc_info is None
