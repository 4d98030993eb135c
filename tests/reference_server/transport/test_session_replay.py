"""A replay while the world goes on, over every lane: neither gap nor repeat, and everything in its place.

The replay is held at a gate: it has asked the store, and is let go when the test has done what happens
meanwhile.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio.testing

from reference_server.core.model import Identity, Message
from reference_server.core.parcels import shipment
from reference_server.service import Service
from reference_server.service.messages import Messages, Waiting
from reference_server.storage.base import Backlog, Queries
from reference_server.transport import session as session_module

from ..people import Person, acknowledge, all_committed, direct, group, say
from .peers import PATIENCE_S, Frame, Lane, Peer, hears, online, rest, send, texts


class Gate:
    """Holds the first question about a backlog, or the first page of one, after it was answered."""

    def __init__(self) -> None:
        self.reached = trio.Event()
        self.opened = trio.Event()

    async def pass_(self) -> None:
        """Wait at the gate."""
        self.reached.set()
        await self.opened.wait()

    async def held(self) -> None:
        """Return when somebody waits."""
        with trio.fail_after(PATIENCE_S):
            await self.reached.wait()


@asynccontextmanager
async def replaying(lane: Lane, person: Person, gate: Gate) -> AsyncIterator[Peer]:
    """A connection whose replay waits at the gate."""
    async with lane.connect(person) as peer:
        await hears(peer, "welcome")
        await gate.held()
        yield peer


async def said(service: Service, one: Person, other: Person, *words: str) -> str:
    """The id of a direct conversation in which the one has said this."""
    chat = await direct(service, one, other)
    for word in words:
        await say(service, one, chat, word)
    return chat


async def up_to_completion(peer: Peer) -> list[Frame]:
    """What comes before `replay_complete`."""
    frames: list[Frame] = []
    while (frame := await peer.next())["type"] != "replay_complete":
        frames.append(frame)
    return frames


@pytest.fixture
def after_the_question(monkeypatch: pytest.MonkeyPatch) -> Gate:
    """The replay knows what there is, and has shown nothing yet."""
    gate = Gate()
    genuine = Messages.waiting

    async def waiting(messages: Messages, me: Identity) -> Waiting:
        answer = await genuine(messages, me)
        await gate.pass_()
        return answer

    monkeypatch.setattr(Messages, "waiting", waiting)
    return gate


@pytest.fixture
def before_the_question(monkeypatch: pytest.MonkeyPatch) -> Gate:
    """The connection is there, and the replay has not asked yet."""
    gate = Gate()
    genuine = Messages.waiting

    async def waiting(messages: Messages, me: Identity) -> Waiting:
        await gate.pass_()
        return await genuine(messages, me)

    monkeypatch.setattr(Messages, "waiting", waiting)
    return gate


@pytest.fixture
def after_the_first_page(monkeypatch: pytest.MonkeyPatch) -> Gate:
    """The replay is in the middle of a conversation; a page holds two entries."""
    gate = Gate()
    genuine = Messages.replay

    async def replay(messages: Messages, me: Identity, part: Backlog, limit: int) -> list[Message]:
        answer = await genuine(messages, me, part, limit)
        await gate.pass_()
        return answer

    monkeypatch.setattr(Messages, "replay", replay)
    monkeypatch.setattr(session_module, "REPLAY_PAGE", 2)
    return gate


@pytest.fixture(params=["before the question", "after the question", "after the first page"])
def gate(request: pytest.FixtureRequest) -> Gate:
    """Each place where the world may go on."""
    chosen: Gate = request.getfixturevalue(request.param.replace(" ", "_"))
    return chosen


@pytest.fixture(params=["before the question", "after the question"])
def about_the_question(request: pytest.FixtureRequest) -> Gate:
    """Where a conversation may begin that the backlog has, or has not."""
    chosen: Gate = request.getfixturevalue(request.param.replace(" ", "_"))
    return chosen


async def test_what_is_sent_during_a_replay_comes_once_and_in_order(
    gate: Gate, lane: Lane, service: Service, alice: Person, bob: Person
) -> None:
    """ORD-2, DLV-1: the backlog, what came meanwhile, `replay_complete`, and what comes later."""
    chat = await said(service, alice, bob, *"12345")
    async with replaying(lane, bob, gate) as phone:
        for number in range(6, 9):
            await say(service, alice, chat, f"{number}")
        gate.opened.set()
        heard = [await hears(phone, "message") for _ in range(8)]
        assert texts(heard) == list("12345678")
        assert await hears(phone, "replay_complete") == {"type": "replay_complete", "count": 8}
        await say(service, alice, chat, "9")
        assert texts((await rest(service, phone))[0]) == ["9"]


async def test_a_conversation_that_begins_during_a_replay_is_announced_first(
    about_the_question: Gate, lane: Lane, service: Service, alice: Person, bob: Person
) -> None:
    """`conversation` before its first `message`, which still comes once, in the backlog or behind it."""
    async with replaying(lane, bob, about_the_question) as phone:
        chat = await group(service, alice, bob)
        await say(service, alice, chat, "hello")
        about_the_question.opened.set()
        assert (await hears(phone, "conversation"))["conversation"]["conversation_id"] == chat
        assert texts([await hears(phone, "message") for _ in range(2)]) == ["created", "hello"]
        assert (await hears(phone, "replay_complete"))["count"] == 2
        assert await rest(service, phone) == [[]]


class SlowDisk:
    """Commits come back from the disk when the test lets them."""

    def __init__(self, commit: Callable[[], None]) -> None:
        self._commit = commit
        self.committed = threading.Event()
        self.returns = threading.Event()

    def commit(self) -> None:
        """Commit, and hold the writer's thread."""
        self._commit()
        self.committed.set()
        self.returns.wait(PATIENCE_S)


@pytest.mark.usefixtures("commits_apart")
async def test_a_conversation_that_is_stored_and_not_yet_told_is_announced_first(
    before_the_question: Gate,
    lane: Lane,
    service: Service,
    alice: Person,
    bob: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """§6: the replay finds its entries between their commit and their publication."""
    kernel = service.kernel
    disk = SlowDisk(kernel.store.commit)

    async def ask_at_once(query: Callable[[Queries], Any]) -> Any:
        with kernel.store.reading() as queries:
            return query(queries)

    async with trio.open_nursery() as nursery, replaying(lane, bob, before_the_question) as phone:
        await all_committed(service)
        monkeypatch.setattr(kernel, "ask", ask_at_once)
        monkeypatch.setattr(kernel.store, "commit", disk.commit)
        nursery.start_soon(group, service, alice, bob)
        assert await trio.to_thread.run_sync(disk.committed.wait, PATIENCE_S)
        before_the_question.opened.set()
        await trio.testing.wait_all_tasks_blocked()
        disk.returns.set()
        await hears(phone, "conversation")
        assert texts([await hears(phone, "message")]) == ["created"]
        await hears(phone, "replay_complete")
        assert await rest(service, phone) == [[]]


async def test_statuses_during_a_replay_are_not_lost(
    gate: Gate, lane: Lane, service: Service, alice: Person, bob: Person
) -> None:
    """They come once, before `replay_complete` or after it."""
    chat = await said(service, alice, bob, *"abc")
    async with replaying(lane, alice, gate) as phone:
        await acknowledge(service, bob, chat, "delivered", 3)
        gate.opened.set()
        frames = await up_to_completion(phone)
        (later,) = await rest(service, phone)
        told = [frame for frame in frames + later if frame["type"] == "status"]
        assert [(each["status"], each["up_to_seq"]) for each in told] == [("delivered", 3)]


async def test_acknowledgements_and_pings_are_served_during_a_replay(
    after_the_first_page: Gate, lane: Lane, service: Service, alice: Person, bob: Person
) -> None:
    """A client may acknowledge what it has while the rest is on its way."""
    chat = await said(service, alice, bob, *"abc")
    async with replaying(lane, bob, after_the_first_page) as phone:
        await phone.says({"type": "delivered", "conversation_id": chat, "up_to_seq": 2})
        await phone.says({"type": "ping", "id": "now"})
        assert (await hears(phone, "pong"))["id"] == "now"
        await all_committed(service)
        after_the_first_page.opened.set()
        assert texts([await hears(phone, "message") for _ in "abc"]) == list("abc")
        await hears(phone, "replay_complete")
    async with lane.connect(bob) as phone:
        assert [each["seq"] for each in await online(phone)] == [3]


async def test_a_send_during_a_replay_keeps_its_place(
    gate: Gate, lane: Lane, service: Service, alice: Person, bob: Person
) -> None:
    """`sent` stands in for the entry: behind all with a lower seq, before all with a higher one."""
    chat = await said(service, alice, bob, *"abc")
    async with replaying(lane, bob, gate) as phone:
        await phone.says(send(chat, "mine"), {"type": "ping", "id": "behind"})
        await say(service, alice, chat, "d")
        gate.opened.set()
        seqs: list[int] = []
        while (frame := await phone.next())["type"] != "pong":
            if frame["type"] == "message":
                seqs.append(frame["message"]["seq"])
            elif frame["type"] == "sent":
                assert frame["duplicate"] is False
                seqs.append(frame["seq"])
        (frames,) = await rest(service, phone)
        seqs += [f["seq"] if f["type"] == "sent" else f["message"]["seq"] for f in frames]
        assert seqs == [1, 2, 3, 4, 5]


async def test_one_who_is_removed_during_a_replay_sees_its_removal_and_no_more(
    gate: Gate, lane: Lane, service: Service, alice: Person, bob: Person
) -> None:
    """CONV-4."""
    chat = await group(service, alice, bob)
    await say(service, alice, chat, "a")
    async with replaying(lane, bob, gate) as phone:
        await service.conversations.remove_member(alice.identity, chat, "bob")
        await say(service, alice, chat, "secret")
        gate.opened.set()
        assert texts(await up_to_completion(phone)) == ["created", "a", "removed"]
        assert await rest(service, phone) == [[]]


async def test_a_device_that_is_replaced_during_its_replay_is_let_go(
    gate: Gate, lane: Lane, service: Service, alice: Person, bob: Person
) -> None:
    """4409 at once; the newer connection has the whole backlog."""
    await said(service, alice, bob, *"abc")
    async with replaying(lane, bob, gate) as older, lane.connect(bob) as newer:
        assert await older.ended() == 4409
        gate.opened.set()
        assert [each["body"]["text"] for each in await online(newer)] == list("abc")


async def test_a_long_backlog_is_replayed_page_by_page(
    lane: Lane, service: Service, alice: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over several conversations, and never further ahead of the reader than the limit."""
    monkeypatch.setattr(session_module, "REPLAY_PAGE", 3)
    monkeypatch.setattr(session_module, "REPLAY_BYTES", 500)
    chats = [await direct(service, alice, bob), await group(service, alice, bob)]
    for number in range(10):
        for chat in chats:
            await say(service, alice, chat, f"{number}")
    async with lane.connect(bob) as phone:
        backlog = await online(phone)
    for chat in chats:
        seqs = [each["seq"] for each in backlog if each["conversation_id"] == chat]
        assert seqs == list(range(1, len(seqs) + 1))
    assert len(backlog) == 21


async def test_a_payload_that_comes_during_a_replay_comes_once_and_before_what_needs_it(
    gate: Gate, lane: Lane, service: Service, alice: Person, bob: Person
) -> None:
    """ENC-7: a message's key is sent before the message, so it is shown before it, whenever they come."""
    chat = await said(service, alice, bob, *"123")
    await give(service, alice, bob, 1)
    async with replaying(lane, bob, gate) as phone:
        for position in (2, 3):
            await give(service, alice, bob, position)
            await say(service, alice, chat, f"needs {position}")
        gate.opened.set()
        frames = await up_to_completion(phone)
        await give(service, alice, bob, 4)
        frames += (await rest(service, phone))[0]
    positions = [frame["position"] for frame in frames if frame["type"] == "to_device"]
    assert positions == [1, 2, 3, 4]
    assert texts(frames) == ["1", "2", "3", "needs 2", "needs 3"]
    places = {frame.get("position") or texts([frame])[0]: n for n, frame in enumerate(frames)}
    assert places[2] < places["needs 2"]
    assert places[3] < places["needs 3"]


async def give(service: Service, sender: Person, receiver: Person, payload: object) -> None:
    """Send a payload to a device and wait until it is durable."""
    messages = {receiver.user_id: {receiver.identity.device_id: payload}}
    accepted: list[object] = []
    sent = shipment(messages)
    service.to_device.send_soon(sender.identity, f"t{payload}", sent, accepted.append)
    await all_committed(service)
    assert accepted == [[]]
