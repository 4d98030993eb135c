"""What a session does when its peer or its store is too slow, or gone; on channels of this process."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import pytest
import trio
import trio.testing

from reference_server.app import running_service
from reference_server.core import errors
from reference_server.core.limits import Limits
from reference_server.core.model import Identity
from reference_server.service import THROWAWAY, Service
from reference_server.service.kernel import Outcome
from reference_server.service.messages import Messages, Waiting
from reference_server.storage.base import Commands
from reference_server.storage.sqlite import SqliteStore
from reference_server.transport import session as session_module
from reference_server.transport import under_way

from ..people import Person, all_committed, direct, say
from .peers import PATIENCE_S, MemoryPeer, hears, in_memory, online, rest, send, texts

BUFFER_BYTES = 20_000
FOREVER_S = 1e9

Connect = Callable[[Person], AbstractAsyncContextManager[MemoryPeer]]


@pytest.fixture
async def service(store: SqliteStore) -> AsyncIterator[Service]:
    """A service with a small buffer for each connection."""
    limits = Limits(max_connection_buffer_bytes=BUFFER_BYTES)
    async with running_service(store, limits, THROWAWAY) as running:
        yield running


@pytest.fixture
def connect(service: Service) -> Connect:
    """How to connect."""
    return in_memory(service)


class Jam:
    """A job that keeps the writer busy until it is let go."""

    def __init__(self, service: Service) -> None:
        self._go = threading.Event()
        self._busy = trio.Event()
        self._trio = trio.lowlevel.current_trio_token()
        service.kernel.do_soon(self._linger, lambda _: None)

    def _linger(self, _: Commands) -> Outcome[None]:
        self._trio.run_sync_soon(self._busy.set)
        assert self._go.wait(PATIENCE_S)
        return Outcome(None)

    async def __aenter__(self) -> Jam:
        await self._busy.wait()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._go.set()


async def fill(service: Service, who: Person, chat: str, size: int) -> None:
    """Send texts of `size` bytes altogether."""
    for number in range(size // 1_000):
        await say(service, who, chat, f"{number:04}".ljust(1_000, "x"))


async def test_a_slow_reader_is_closed_with_4408_and_nobody_else_notices(
    connect: Connect,
    service: Service,
    alice: Person,
    bob: Person,
    carol: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """RT-6: when it reads again within the grace, it is told why."""
    monkeypatch.setattr("reference_server.hub.CLOSING_GRACE_S", FOREVER_S)
    chats = [await direct(service, alice, other) for other in (bob, carol)]
    async with connect(bob) as slow, connect(carol) as quick:
        await online(slow)
        await online(quick)
        slow.stalls()
        for chat in chats:
            await fill(service, alice, chat, 2 * BUFFER_BYTES)
        heard = [await hears(quick, "message") for _ in range(2 * BUFFER_BYTES // 1_000)]
        assert len(heard) == 40
        slow.reads_again()
        assert await slow.ended() == 4408
        assert await rest(service, quick) == [[]]


async def test_a_reader_that_never_reads_again_is_cut(
    connect: Connect,
    service: Service,
    alice: Person,
    bob: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """When even the close cannot be written; its place in the hub is free."""
    monkeypatch.setattr("reference_server.hub.CLOSING_GRACE_S", 0)
    chat = await direct(service, alice, bob)
    async with connect(bob) as slow:
        await online(slow)
        slow.stalls()
        await fill(service, alice, chat, 2 * BUFFER_BYTES)
        assert await slow.ended() is None
        assert list(service.kernel.hub) == []


async def test_a_stall_within_the_limit_loses_nothing(
    connect: Connect, service: Service, alice: Person, bob: Person
) -> None:
    """Everything comes when it reads again."""
    chat = await direct(service, alice, bob)
    async with connect(bob) as slow:
        await online(slow)
        slow.stalls()
        await fill(service, alice, chat, BUFFER_BYTES // 4)
        slow.reads_again()
        heard = texts([await hears(slow, "message") for _ in range(5)])
        assert [text[:4] for text in heard] == [f"{number:04}" for number in range(5)]


async def test_a_replay_longer_than_the_buffer_waits_for_its_reader(
    connect: Connect,
    service: Service,
    alice: Person,
    bob: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Backpressure: a slow reader of a long backlog is no reason to close."""
    monkeypatch.setattr(session_module, "REPLAY_BYTES", 5_000)
    chat = await direct(service, alice, bob)
    await fill(service, alice, chat, 3 * BUFFER_BYTES)
    async with connect(bob) as slow:
        slow.stalls()
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def read_later() -> None:
                await trio.testing.wait_all_tasks_blocked()
                slow.reads_again()

            assert len(await online(slow)) == 60
        assert await rest(service, slow) == [[]]


@pytest.mark.usefixtures("commits_apart")
async def test_no_more_than_so_many_frames_are_under_way(
    connect: Connect,
    service: Service,
    alice: Person,
    bob: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Beyond them the session reads no further; every answer makes room for another."""
    monkeypatch.setattr(under_way, "MAX_FRAMES", 4)
    chat = await direct(service, alice, bob)
    words = [f"w{number}" for number in range(20)]
    async with connect(alice) as phone:
        await online(phone)
        await all_committed(service)
        async with Jam(service):
            await phone.says(*(send(chat, word) for word in words))
            await trio.testing.wait_all_tasks_blocked()
            assert len(service.kernel.writer._waiting) == 4
        assert [(await hears(phone, "sent"))["id"] for _ in words] == words


@pytest.mark.usefixtures("commits_apart")
async def test_no_more_than_so_much_text_is_under_way(
    connect: Connect,
    service: Service,
    alice: Person,
    bob: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A few large frames weigh as much as many small ones."""
    chat = await direct(service, alice, bob)
    words = [f"w{number}" for number in range(6)]
    frames = [json.dumps(send(chat, word, unknown="x" * 1_000)) for word in words]
    room_for_three = 2 * len(frames[0]) + 1
    monkeypatch.setattr(under_way, "MAX_CHARACTERS", room_for_three)
    async with connect(alice) as phone:
        await online(phone)
        await all_committed(service)
        async with Jam(service):
            await phone.says(*frames)
            await trio.testing.wait_all_tasks_blocked()
            assert len(service.kernel.writer._waiting) == 3
        assert [(await hears(phone, "sent"))["id"] for _ in words] == words


@pytest.mark.usefixtures("commits_apart")
async def test_a_peer_that_goes_while_its_sends_are_under_way_has_sent_them(
    connect: Connect, service: Service, alice: Person, bob: Person
) -> None:
    """Only the answers are lost."""
    chat = await direct(service, alice, bob)
    async with connect(bob) as bobs:
        await online(bobs)
        async with connect(alice) as phone:
            await online(phone)
            await all_committed(service)
            async with Jam(service):
                await phone.says(send(chat, "a"), send(chat, "b"))
                await trio.testing.wait_all_tasks_blocked()
                phone.leaves()
                assert await phone.ended() is None
        assert texts([await hears(bobs, "message") for _ in range(2)]) == ["a", "b"]


async def test_a_store_in_trouble_ends_a_replay_with_1012(
    connect: Connect, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client reconnects and nothing is lost."""

    async def trouble(_: Messages, __: Identity) -> Waiting:
        raise errors.Unavailable

    monkeypatch.setattr(Messages, "waiting", trouble)
    async with connect(alice) as phone:
        await hears(phone, "welcome")
        assert await phone.ended() == 1012


async def test_a_full_disk_fails_a_send_with_a_retryable_code(
    connect: Connect, service: Service, store: SqliteStore, alice: Person, bob: Person
) -> None:
    """`unavailable`; reading goes on, and the same send succeeds when there is space (§9)."""
    chat = await direct(service, alice, bob)
    async with connect(alice) as phone, connect(bob) as bobs:
        await online(phone)
        await online(bobs)
        await all_committed(service)
        pages = store.commands._one("PRAGMA page_count")
        assert pages is not None
        store.commands._do(f"PRAGMA max_page_count = {pages[0]}")
        large = "x" * 16_000
        await phone.says(send(chat, "large") | {"body": {"kind": "text", "text": large}})
        failed = await hears(phone, "failed")
        assert (failed["error"]["code"], failed["error"]["retryable"]) == ("unavailable", True)
        assert (await service.conversations.get(bob.identity, chat)).head_seq == 0
        store.commands._do("PRAGMA max_page_count = 100000")
        await phone.says(send(chat, "large") | {"body": {"kind": "text", "text": large}})
        sent = await hears(phone, "sent")
        assert (sent["seq"], sent["duplicate"]) == (1, False)
        assert texts([await hears(bobs, "message")]) == [large]


async def test_nothing_is_taken_after_the_connection_was_closed(
    connect: Connect, service: Service, alice: Person, bob: Person
) -> None:
    """What came in the same read behind what cannot be decoded is not acted upon."""
    chat = await direct(service, alice, bob)
    async with connect(alice) as phone:
        await online(phone)
        await phone.says(send(chat, "a"), "nonsense", send(chat, "b"))
        assert await phone.ended() == 4400
    await all_committed(service)
    assert (await service.conversations.get(bob.identity, chat)).head_seq == 1
