"""Messages that expire: who is told, what is left to read, and what an acknowledgement saves (STA-9)."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import trio

from reference_server.core.limits import Limits
from reference_server.core.model import ExpiredBody, Message, TextBody
from reference_server.events import ExpiredEvent, Post
from reference_server.hub import Hub
from reference_server.metrics import Metrics
from reference_server.service import THROWAWAY, Kernel, Service
from reference_server.service import expiry as expiry_module
from reference_server.service.messages import SendRequest
from reference_server.storage.base import Store, StoreTrouble
from reference_server.storage.sqlite import SqliteStore
from reference_server.storage.writer import Writer

from ..people import Person, acknowledge, direct, group, login, say


class Clock:
    """Milliseconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1_763_000_000_000

    def __call__(self) -> int:
        """The moment."""
        return self.now


class RecordingHub(Hub):
    """A hub that remembers what it published."""

    def __init__(self) -> None:
        super().__init__()
        self.published: list[Post] = []

    def publish(self, post: Post) -> None:
        """Remember it and publish it."""
        self.published.append(post)
        super().publish(post)


@pytest.fixture
def clock() -> Clock:
    """The service's clock."""
    return Clock()


@pytest.fixture
def hub() -> RecordingHub:
    """The service's hub."""
    return RecordingHub()


@pytest.fixture
async def service(
    store: Store, limits: Limits, clock: Clock, hub: RecordingHub
) -> AsyncIterator[Service]:
    """The use cases with their writer running, and nothing else."""
    writer = Writer(store)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(writer.run)
        kernel = Kernel(store, writer, hub, limits, Metrics(hub), clock)
        yield Service(kernel, THROWAWAY)
        writer.stop()


async def whisper(
    service: Service, who: Person, conversation_id: str, text: str, seconds: int = 1
) -> Message:
    """Send a text that expires."""
    request = SendRequest(
        conversation_id=conversation_id,
        client_message_id=f"whisper-{text}",
        body={"kind": "text", "text": text},
        expires_in_s=seconds,
    )
    return (await service.messages.send(who.identity, request)).message


async def fail_due(service: Service) -> None:
    """Let the expiry begin anew, as after a restart: what is due has failed then."""
    async with trio.open_nursery() as nursery:
        await nursery.start(service.expiry.run)
        nursery.cancel_scope.cancel()


def failures(hub: RecordingHub) -> list[tuple[str, str, list[str]]]:
    """The user, the message, and who was told."""
    return [
        (post.event.user_id, post.event.message_id, list(post.to))
        for post in hub.published
        if isinstance(post.event, ExpiredEvent)
    ]


async def test_at_its_deadline_and_not_before_a_message_fails(
    service: Service, hub: RecordingHub, clock: Clock, alice: Person, bob: Person
) -> None:
    """Its sender is told, and sees it whole; its recipient sees that something expired."""
    chat = await direct(service, alice, bob)
    message = await whisper(service, alice, chat, "psst")
    clock.now += 999
    await fail_due(service)
    assert failures(hub) == []
    clock.now += 1
    await fail_due(service)
    assert failures(hub) == [("bob", message.message_id, ["alice"])]
    await fail_due(service)
    assert len(failures(hub)) == 1
    seen = await service.messages.message(bob.identity, message.message_id)
    assert (seen.body, seen.seq, seen.expires_at) == (ExpiredBody(), 1, message.expires_at)
    own = await service.messages.message(alice.identity, message.message_id)
    assert own.body == TextBody("psst")


async def test_an_acknowledgement_saves_it_exactly_before_the_deadline(
    service: Service, hub: RecordingHub, clock: Clock, alice: Person, bob: Person
) -> None:
    """At the deadline it is too late, though nobody has come to fail the message yet."""
    chat = await direct(service, alice, bob)
    early = await whisper(service, alice, chat, "early", 1)
    clock.now += 1
    late = await whisper(service, alice, chat, "late", 1)
    clock.now += 998
    await acknowledge(service, bob, chat, "delivered", early.seq)
    clock.now += 1
    await acknowledge(service, bob, chat, "read", early.seq)
    clock.now += 1
    await acknowledge(service, bob, chat, "read", late.seq)
    assert failures(hub) == [("bob", late.message_id, ["alice"])]
    await fail_due(service)
    assert len(failures(hub)) == 1
    for message, status in ((early, "read"), (late, "failed")):
        answer = await service.receipts.status_of(alice.identity, message.message_id)
        assert (answer.status, answer.recipients[0].status) == (status, status)


async def test_a_late_acknowledgement_fails_no_more_than_it_covers(
    service: Service, hub: RecordingHub, clock: Clock, alice: Person, bob: Person, carol: Person
) -> None:
    """For who acknowledges, at once; for the others in their turn, so that a large group holds nobody up."""
    chat = await group(service, alice, bob, carol)
    covered, behind = [await whisper(service, alice, chat, text) for text in ("one", "two")]
    clock.now += 1_000
    await acknowledge(service, bob, chat, "delivered", covered.seq)
    assert failures(hub) == [("bob", covered.message_id, ["alice"])]
    await fail_due(service)
    assert sorted(failures(hub)) == sorted(
        (who, message.message_id, ["alice"])
        for who in ("bob", "carol")
        for message in (covered, behind)
    )


async def test_the_acknowledgement_of_one_device_saves_it_for_all(
    service: Service, hub: RecordingHub, clock: Clock, alice: Person, bob: Person
) -> None:
    """It failed for a user, or not."""
    laptop = await login(service, "bob", "laptop")
    chat = await direct(service, alice, bob)
    message = await whisper(service, alice, chat, "psst")
    await acknowledge(service, laptop, chat, "delivered", 1)
    clock.now += 1_000
    await fail_due(service)
    assert failures(hub) == []
    seen = await service.messages.message(bob.identity, message.message_id)
    assert seen.body == TextBody("psst")


async def test_a_sender_who_left_is_told_nothing(
    service: Service, hub: RecordingHub, clock: Clock, alice: Person, bob: Person, carol: Person
) -> None:
    """It fails all the same."""
    club = await group(service, alice, bob, carol)
    message = await whisper(service, bob, club, "psst")
    await service.conversations.remove_member(bob.identity, club, "bob")
    clock.now += 1_000
    await fail_due(service)
    assert sorted(failures(hub)) == [
        ("alice", message.message_id, []),
        ("carol", message.message_id, []),
    ]


async def test_recipients_are_the_members_of_then(
    service: Service, hub: RecordingHub, clock: Clock, alice: Person, bob: Person, carol: Person
) -> None:
    """Who joined later could never see it; who left may still acknowledge it, and has not."""
    club = await group(service, alice, bob)
    message = await whisper(service, alice, club, "psst")
    await service.conversations.set_member(alice.identity, club, "carol", None)
    await service.conversations.remove_member(bob.identity, club, "bob")
    clock.now += 1_000
    await fail_due(service)
    assert failures(hub) == [("bob", message.message_id, ["alice"])]
    answer = await service.receipts.status_of(alice.identity, message.message_id)
    assert answer.status == "failed"


async def test_many_at_once_fail_in_several_transactions(
    service: Service,
    hub: RecordingHub,
    clock: Clock,
    alice: Person,
    bob: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And in their order."""
    monkeypatch.setattr(expiry_module, "AT_ONCE", 2)
    chat = await direct(service, alice, bob)
    for number in range(5):
        await whisper(service, alice, chat, str(number))
        clock.now += 1
    await say(service, alice, chat, "for ever")
    clock.now += 1_000
    await fail_due(service)
    assert [message_id for _, message_id, _ in failures(hub)] == [
        f"{chat}.{seq}" for seq in range(1, 6)
    ]


async def test_trouble_of_the_store_delays_and_loses_nothing(
    service: Service,
    hub: RecordingHub,
    clock: Clock,
    store: SqliteStore,
    alice: Person,
    bob: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is tried again."""
    monkeypatch.setattr(expiry_module, "TROUBLE_PAUSE_S", 0)
    troubles = iter([StoreTrouble("disk full"), StoreTrouble("disk full")])
    genuine = store.commands.next_deadline

    def next_deadline() -> int | None:
        if trouble := next(troubles, None):
            raise trouble
        return genuine()

    monkeypatch.setattr(store.commands, "next_deadline", next_deadline)
    chat = await direct(service, alice, bob)
    await whisper(service, alice, chat, "psst")
    clock.now += 1_000
    await fail_due(service)
    assert len(failures(hub)) == 1


async def test_the_task_sleeps_until_the_next_deadline(
    service: Service, clock: Clock, alice: Person, bob: Person
) -> None:
    """No polling: the alarm stands at the earliest deadline, and at none when there is none."""
    alarm = service.kernel.alarm
    chat = await direct(service, alice, bob)
    await whisper(service, alice, chat, "later", 60)
    await fail_due(service)
    assert alarm.at == clock.now + 60_000
    await whisper(service, alice, chat, "sooner", 30)
    assert alarm.at == clock.now + 30_000
    clock.now += 60_000
    await fail_due(service)
    assert alarm.at is None
