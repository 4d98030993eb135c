"""Who has many conversations is told the same about them as everybody else, only sooner."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_server.core import log
from reference_server.core.model import Conversation
from reference_server.storage import sqlite_order
from reference_server.storage.base import Backlog, Chat, Commands
from reference_server.storage.sqlite import SqliteStore

from .making import ALICE, BOB, NOW, committed, group, join, people, remove, say

OTHERS = ("bob", "carol", "dave")
DEEDS = ("direct", "group", "say", "join", "remove", "acknowledge", "seen", "device")
NEVER = 10**9


class Deed(NamedTuple):
    """One thing done to both stores; the numbers choose among what there is."""

    kind: str
    which: int
    whom: int


deeds = st.lists(
    st.builds(Deed, st.sampled_from(DEEDS), st.integers(0, 9), st.integers(0, 2)), max_size=30
)


class Town:
    """A store with Alice and others, and a way to do things there."""

    def __init__(self, store: SqliteStore, many: int) -> None:
        self.store = store
        self._many = many
        self._chats: list[Conversation] = []
        self._texts = 0
        with committed(store) as commands:
            people(commands, "alice", *OTHERS)
            commands.add_device("alice", "phone", None, NOW)

    def do(self, deed: Deed, patch: pytest.MonkeyPatch) -> None:
        """In a transaction of its own; what is impossible is left."""
        patch.setattr(sqlite_order, "MANY", self._many)
        with committed(self.store) as commands:
            getattr(self, f"_{deed.kind}")(commands, deed)

    def tell(self) -> tuple[list[list[Chat]], list[list[Backlog]]]:
        """Everybody's list of chats, page by page, and what is new to Alice's devices."""
        with self.store.reading() as queries:
            lists = []
            for user_id in ("alice", *OTHERS):
                page = queries.chats(user_id, None, 2)
                lists.append(page)
                while page:
                    page = queries.chats(user_id, page[-1].activity, 2)
                    lists.append(page)
            new = [queries.backlog("alice", device) for device in ("phone", "laptop")]
            return lists, [sorted(each, key=lambda part: part.conversation_id) for each in new]

    def _direct(self, commands: Commands, deed: Deed) -> None:
        number = len(self._chats)
        conversation = log.new_direct(f"c{number}", ("alice", OTHERS[deed.whom]), NOW)
        commands.add_conversation(conversation, None)
        self._chats.append(conversation)

    def _group(self, commands: Commands, deed: Deed) -> None:
        self._chats.append(group(commands, f"c{len(self._chats)}", OTHERS[deed.whom]))

    def _say(self, commands: Commands, deed: Deed) -> None:
        for place, chat in self._chosen(deed):
            self._texts += 1
            self._chats[place] = say(commands, chat, (ALICE, BOB)[deed.whom % 2], f"t{self._texts}")

    def _join(self, commands: Commands, deed: Deed) -> None:
        for place, chat in self._chosen(deed):
            if chat.kind == "group" and OTHERS[deed.whom] not in chat.members:
                self._chats[place] = join(commands, chat, OTHERS[deed.whom])

    def _remove(self, commands: Commands, deed: Deed) -> None:
        for place, chat in self._chosen(deed):
            if chat.kind == "group" and OTHERS[deed.whom] in chat.members:
                self._chats[place] = remove(commands, chat, OTHERS[deed.whom])

    def _acknowledge(self, commands: Commands, deed: Deed) -> None:
        for _, chat in self._chosen(deed):
            commands.raise_device_mark("alice", "phone", chat.conversation_id, chat.head_seq)

    def _seen(self, commands: Commands, _: Deed) -> None:
        commands.touch_device("alice", "phone", NOW)

    def _device(self, commands: Commands, deed: Deed) -> None:
        """A laptop comes, or goes, and with it what it has acknowledged."""
        known = [device.device_id for device in commands.devices("alice")]
        if "laptop" in known:
            commands.remove_device("alice", "laptop")
        else:
            commands.add_device("alice", "laptop", None, NOW)
            commands.touch_device("alice", "laptop", NOW)

    def _chosen(self, deed: Deed) -> Iterator[tuple[int, Conversation]]:
        if self._chats:
            place = deed.which % len(self._chats)
            yield place, self._chats[place]


@contextmanager
def towns() -> Iterator[list[Town]]:
    """One whose people have many conversations from two on, and one where nobody ever has."""
    with tempfile.TemporaryDirectory() as folder:
        stores = [SqliteStore(Path(folder, name)) for name in ("ordered", "sorted")]
        yield [Town(store, many) for store, many in zip(stores, (2, NEVER), strict=True)]
        for store in stores:
            store.close()


@settings(max_examples=40)
@given(done=deeds)
def test_in_order_or_sorted_it_is_the_same(done: list[Deed]) -> None:
    """Lists, pages and what is to be replayed, whatever happens in whichever order."""
    with pytest.MonkeyPatch.context() as patch, towns() as (ordered, unordered):
        for deed in done:
            ordered.do(deed, patch)
            unordered.do(deed, patch)
            assert ordered.tell() == unordered.tell()


def test_what_was_acknowledged_is_not_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device that has all of it begins behind all of it; what it lacks holds that back."""
    with towns() as (ordered, _):
        for kind in ("direct", "group"):
            ordered.do(Deed(kind, 0, 0), monkeypatch)
        ordered.do(Deed("acknowledge", 1, 0), monkeypatch)
        ordered.do(Deed("seen", 0, 0), monkeypatch)
        assert settled(ordered) == top(ordered)
        before = settled(ordered)
        ordered.do(Deed("say", 0, 0), monkeypatch)
        ordered.do(Deed("seen", 0, 0), monkeypatch)
        assert settled(ordered) == top(ordered) - 1 == before


def settled(town: Town) -> int:
    """Up to where nothing waits for Alice's phone."""
    row = town.store.commands._one("SELECT settled FROM devices WHERE device_id = 'phone'")
    assert row is not None
    return int(row[0])


def top(town: Town) -> int:
    """The latest activity of all."""
    (latest,) = town.tell()[0][0][:1]
    return latest.activity
