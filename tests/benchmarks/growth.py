"""How cost grows with what is stored: it should not.

`python -m tests.benchmarks.growth [ENTRIES]` fills a store with one long log (a million entries unless told
otherwise) and with a user of many conversations, and prints the CPU time of what is asked again and again, at
several depths and sizes. It works on the store itself, since what is above it does the same at any depth.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from reference_server.core import log
from reference_server.core.log import Author
from reference_server.core.model import TextBody, User
from reference_server.core.times import rfc3339
from reference_server.storage.sqlite import SqliteStore

NOW = 1_763_000_000_000
TIMES = 200
BATCH = 1_000
CONVERSATIONS = (10, 100, 1_000, 10_000)


def cpu_us(work: Callable[[], object], times: int = TIMES) -> float:
    """Microseconds of this process, each."""
    before = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - before) / times * 1e6


def new_user(store: SqliteStore, name: str) -> None:
    """With one device."""
    store.commands.add_user(User(name, name, rfc3339(NOW)), b"hash", NOW)
    store.commands.add_device(name, "phone", None, NOW)


def new_chat(store: SqliteStore, chat: str, pair: tuple[str, str]) -> None:
    """An empty conversation."""
    store.commands.add_conversation(log.new_direct(chat, pair, NOW), pair)


def send(store: SqliteStore, chat: str, number: int) -> None:
    """What a send has to look up and to write, but for the commit."""
    commands = store.commands
    key = f"m{number}"
    assert commands.earlier_send(chat, "alice", key) is None
    conversation = commands.conversation(chat)
    assert conversation is not None
    change = log.append(conversation, Author("alice", "phone"), TextBody("x" * 200), NOW, key)
    commands.append(change.conversation, change.entries[0], b"fingerprint")


def acknowledge(store: SqliteStore, chat: str) -> None:
    """Alice's phone has everything of it."""
    conversation = store.commands.conversation(chat)
    assert conversation is not None
    store.commands.raise_device_mark("alice", "phone", chat, conversation.head_seq)


def next_send_us(store: SqliteStore, sent: int) -> float:
    """What another send costs; nothing of it is kept."""
    numbers = iter(range(sent + 1, sent + 1 + TIMES))
    store.begin()
    cost = cpu_us(lambda: send(store, "long", next(numbers)))
    store.rollback()
    return cost


def page_us(store: SqliteStore, before: int) -> float:
    """What a page costs that ends there."""
    with store.reading() as queries:
        return cpu_us(lambda: queries.entries_before("long", before, 1, 50))


def long_log(store: SqliteStore, entries: int) -> None:
    """Fill one conversation; at each power of ten, tell what a send and a page cost."""
    store.begin()
    new_user(store, "alice")
    new_user(store, "bob")
    new_chat(store, "long", ("alice", "bob"))
    store.commit()
    print(
        f"{'entries':>10}  {'a send':>11}  {'oldest page':>11}  {'middle page':>11}  {'latest page':>11}"
    )
    sent, milestone = 0, 100
    while sent < entries:
        store.begin()
        for _ in range(min(BATCH, milestone - sent)):
            sent += 1
            send(store, "long", sent)
        store.commit()
        if sent < milestone:
            continue
        costs = [next_send_us(store, sent)] + [
            page_us(store, at) for at in (51, sent // 2, sent + 1)
        ]
        print(f"{sent:>10,}  " + "  ".join(f"{cost:>8.0f} µs" for cost in costs))
        milestone *= 10


def many_chats(store: SqliteStore) -> None:
    """Give a user ever more conversations, one of which has something new since the device was last seen."""
    print(f"\n{'chats':>10}  {'first page of the list':>22}  {'what is new at connecting':>26}")
    made = 0
    for target in CONVERSATIONS:
        store.begin()
        while made < target:
            made += 1
            new_user(store, f"friend-{made}")
            new_chat(store, f"chat-{made}", ("alice", f"friend-{made}"))
        for chat in ("long", "chat-1"):
            acknowledge(store, chat)
        store.commands.touch_device("alice", "phone", NOW)
        send(store, "chat-1", made)
        store.commit()
        with store.reading() as queries:
            listed = cpu_us(lambda: queries.chats("alice", None, 50), 20)
            backlog = cpu_us(lambda: queries.backlog("alice", "phone"), 20)
        print(f"{made:>10,}  {listed:>19.0f} µs  {backlog:>23.0f} µs")


def main(arguments: list[str]) -> None:
    """Fill a store and print both curves."""
    entries = int(arguments[0]) if arguments else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder))
        long_log(store, entries)
        many_chats(store)
        store.close()


if __name__ == "__main__":
    main(sys.argv[1:])
