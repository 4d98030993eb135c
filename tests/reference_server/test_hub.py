"""Who is told what, in which order, and how a connection ends; no I/O at all."""

from __future__ import annotations

import msgspec
import pytest
import trio
import trio.testing
from msgspec.structs import replace

from reference_server.core.envelopes import for_device
from reference_server.core.model import (
    ConversationView,
    EncryptedBody,
    Identity,
    Message,
    OlmCiphertext,
    TextBody,
)
from reference_server.events import (
    ConversationEvent,
    DevicePost,
    MessageEvent,
    Post,
    PresenceEvent,
    Revoked,
    SealedPost,
    StatusEvent,
    ToDeviceEvent,
    TypingEvent,
)
from reference_server.hub import (
    CLOSING_GRACE_S,
    LAGGING_BYTES,
    TO_DEVICE,
    Closing,
    Control,
    Encoding,
    Hub,
    Item,
    Outbox,
    Outgoing,
    Subscriber,
)

LIMIT = 10_000
FOREVER = 2**60


def entry(seq: int, conversation_id: str = "c1", text: str = "hello") -> MessageEvent:
    """A log entry."""
    return MessageEvent(
        Message(
            message_id=f"{conversation_id}.{seq}",
            conversation_id=conversation_id,
            seq=seq,
            sender_id="alice",
            created_at="2026-11-22T10:00:00.000Z",
            body=TextBody(text),
        )
    )


STATUS = StatusEvent("c1", "bob", "read", 1, "2026-11-22T10:00:00.000Z")
ONLINE = PresenceEvent("alice", "online", "2026-11-22T10:00:00.000Z")
TYPING = TypingEvent("c1", "alice", True)
CREATED = ConversationEvent(
    ConversationView(
        conversation_id="c1",
        kind="direct",
        title=None,
        encrypted=False,
        created_at="2026-11-22T10:00:00.000Z",
        head_seq=0,
        member_count=2,
        members=(),
        last_message=None,
        unread_count=0,
    )
)


def subscriber(user_id: str, device_id: str = "phone", limit: int = LIMIT) -> Subscriber:
    """A device that begins to replay."""
    return Subscriber(Identity(user_id, device_id, FOREVER), Outbox(limit))


def live(hub: Hub, user_id: str, device_id: str = "phone") -> Subscriber:
    """A connected device that is live."""
    connected = subscriber(user_id, device_id)
    hub.attach(connected)
    connected.go_live()
    return connected


async def waiting(connected: Subscriber) -> list[str]:
    """What waits to be written, briefly: the type and for an entry its place."""
    connected.outbox.push(Control(b"end"))
    return [brief(item) for item in (await connected.outbox.next_batch())[:-1]]


def brief(item: Item) -> str:
    """A frame in a word."""
    if isinstance(item, Control):
        return "control"
    frame = item.frame
    if isinstance(frame, MessageEvent):
        return frame.message.message_id
    return type(frame).__name__


@pytest.fixture
async def hub() -> Hub:
    """Nobody is connected."""
    return Hub()


async def test_an_event_reaches_every_connection_of_its_users_and_no_other(hub: Hub) -> None:
    """All devices of those named, except the connection that caused it (DLV-6)."""
    phone, laptop = live(hub, "alice"), live(hub, "alice", "laptop")
    bob, mallory = live(hub, "bob"), live(hub, "mallory")
    hub.publish(Post(entry(1), ("alice", "bob", "nobody"), phone))
    assert await waiting(laptop) == await waiting(bob) == ["c1.1"]
    assert await waiting(phone) == await waiting(mallory) == []


async def test_a_device_is_not_told_of_its_own_doing_on_another_connection(hub: Hub) -> None:
    """It connected anew meanwhile: the others are told, of its user's devices and of everybody's."""
    phone, laptop = live(hub, "alice"), live(hub, "alice", "laptop")
    namesake = live(hub, "bob")
    device = phone.identity.device_id
    hub.publish(Post(entry(1), ("alice", "bob"), None, ("alice", device)))
    assert await waiting(laptop) == await waiting(namesake) == ["c1.1"]
    assert await waiting(phone) == []


async def test_an_event_is_encoded_once_and_shared(hub: Hub) -> None:
    """However many it is for."""
    connected = [live(hub, "alice"), live(hub, "alice", "laptop"), live(hub, "bob")]
    hub.publish(Post(entry(1), ("alice", "bob")))
    batches = [await each.outbox.next_batch() for each in connected]
    assert all(batch[0] is batches[0][0] for batch in batches)


async def test_an_event_for_nobody_is_not_encoded(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Most members of a large group are away."""
    made: list[object] = []
    monkeypatch.setattr("reference_server.hub.Outgoing", made.append)
    live(hub, "mallory")
    hub.publish(Post(entry(1), ("alice", "bob")))
    assert made == []


def test_a_frame_is_the_same_on_every_wire() -> None:
    """A text frame is the payload behind two to ten bytes of header."""
    for text in ("a", "x" * 200, "é" * 40_000):
        item = Outgoing(entry(1, text=text))
        assert msgspec.json.decode(item.payload, type=MessageEvent) == item.frame
        assert item.wire.endswith(item.payload)
        assert item.wire[0] == 0x81
        assert item.size == len(item.payload)


async def test_during_a_replay_entries_are_noted_and_the_rest_is_held(hub: Hub) -> None:
    """The session reads the entries from the store; what was held goes before them."""
    bob = subscriber("bob")
    hub.attach(bob)
    hub.publish(Post(CREATED, ("bob",)))
    hub.publish(Post(entry(1), ("bob",)))
    hub.publish(Post(STATUS, ("bob",)))
    assert await waiting(bob) == []
    assert bob.missed() == {"c1"}
    assert await waiting(bob) == ["ConversationEvent", "StatusEvent"]
    assert bob.missed() == set()


async def test_going_live_neither_repeats_nor_loses(hub: Hub) -> None:
    """What the replay has shown is skipped when it is published late; the next entry is not."""
    bob = subscriber("bob")
    hub.attach(bob)
    bob.showing("c1", 3)
    bob.go_live()
    for seq in (2, 3, 4, 5):
        hub.publish(Post(entry(seq), ("bob",)))
    hub.publish(Post(entry(1, "c2"), ("bob",)))
    assert await waiting(bob) == ["c1.4", "c1.5", "c2.1"]


async def test_how_far_a_replay_has_shown_is_kept_by_conversation(hub: Hub) -> None:
    """A conversation that was not shown begins at zero."""
    bob = subscriber("bob")
    bob.showing("c1", 3)
    assert (bob.shown("c1"), bob.shown("c2")) == (3, 0)


async def test_a_newer_connection_of_a_device_replaces_the_older(hub: Hub) -> None:
    """RT-4: 4409 for the older; what is published goes to the newer alone."""
    older, newer = live(hub, "bob"), live(hub, "bob")
    laptop = live(hub, "bob", "laptop")
    assert older.outbox.closing == Closing(4409, "replaced by a newer connection")
    hub.publish(Post(entry(1), ("bob",)))
    assert await older.outbox.next_batch() == []
    assert await waiting(newer) == await waiting(laptop) == ["c1.1"]
    hub.detach(older)
    assert list(hub) == [newer, laptop]


async def test_a_detached_connection_is_told_nothing(hub: Hub) -> None:
    """Detaching twice does no harm."""
    bob = live(hub, "bob")
    hub.detach(bob)
    hub.detach(bob)
    hub.publish(Post(entry(1), ("bob",)))
    assert list(hub) == []
    assert await waiting(bob) == []


async def test_the_end_of_a_session_closes_its_connection_alone(hub: Hub) -> None:
    """RT-5: 4401, with the reason."""
    phone, laptop = live(hub, "bob"), live(hub, "bob", "laptop")
    hub.revoke(Revoked("bob", "phone", "logged out"))
    hub.revoke(Revoked("bob", "tablet", "logged out"))
    hub.revoke(Revoked("nobody", "phone", "logged out"))
    assert phone.outbox.closing == Closing(4401, "logged out")
    assert laptop.outbox.closing is None


def test_a_packed_frame_says_the_same_in_a_binary_message() -> None:
    """RT-7: MessagePack, made once however many ask for it."""
    item = Outgoing(entry(1, text="é" * 200))
    packed = item.packed
    assert packed is item.packed
    assert msgspec.msgpack.decode(packed.payload) == msgspec.json.decode(item.payload)
    assert packed.wire.endswith(packed.payload)
    assert packed.wire[0] == 0x82
    assert packed.size == len(packed.payload) < item.size


async def test_an_event_is_encoded_once_for_each_encoding(hub: Hub) -> None:
    """However many receivers speak it, held back or not; an outbox counts what it will write."""
    kinds: list[tuple[str, Encoding]] = [("phone", "msgpack"), ("laptop", "text")]
    connected = [
        Subscriber(Identity(user_id, device_id, FOREVER), Outbox(LIMIT), encoding)
        for user_id in ("alice", "bob")
        for device_id, encoding in kinds
    ]
    for each in connected[:3]:
        hub.attach(each)
        each.go_live()
    hub.attach(connected[3])
    hub.publish(Post(STATUS, ("alice", "bob")))
    connected[3].missed()
    (phone,), (laptop,), (other_phone,), (other_laptop,) = [
        await each.outbox.next_batch() for each in connected
    ]
    assert phone is other_phone
    assert laptop is other_laptop
    assert phone.size == connected[0].outbox.size < laptop.size == connected[1].outbox.size


async def test_stopping_closes_everybody_and_whoever_still_comes(hub: Hub) -> None:
    """RT-8: 1012."""
    bob = live(hub, "bob")
    stopping = Closing(1012, "the server is stopping")
    hub.close_all(stopping)
    late = live(hub, "carol")
    assert bob.outbox.closing == late.outbox.closing == stopping


async def test_an_outbox_over_its_limit_closes_its_connection_and_no_other(hub: Hub) -> None:
    """RT-6: 4408 and nothing buffered; up to the limit nothing happens."""
    size = Outgoing(entry(1)).size
    slow, quick = subscriber("bob", limit=3 * size), live(hub, "carol")
    hub.attach(slow)
    slow.go_live()
    reasons = []
    for seq in (1, 2, 3, 4):
        hub.publish(Post(entry(seq), ("bob", "carol")))
        reasons.append(slow.outbox.closing)
    assert reasons == [None, None, None, Closing(4408, "too slow to read")]
    assert await slow.outbox.next_batch() == []
    assert await waiting(quick) == ["c1.1", "c1.2", "c1.3", "c1.4"]


async def test_what_is_held_during_a_replay_counts(hub: Hub) -> None:
    """A replay that never ends buffers no more than anything else."""
    bob = subscriber("bob", limit=Outgoing(STATUS).size)
    hub.attach(bob)
    reasons = []
    for _ in range(2):
        hub.publish(Post(STATUS, ("bob",)))
        reasons.append(bob.outbox.closing)
    assert reasons == [None, Closing(4408, "too slow to read")]


async def test_what_is_being_written_counts_until_it_is_out() -> None:
    """A reader that takes a batch and stalls has it in its buffer still."""
    item = Outgoing(entry(1))
    outbox = Outbox(2 * item.size)
    outbox.push(item)
    outbox.push(item)
    assert len(await outbox.next_batch()) == 2
    assert outbox.size == 2 * item.size
    outbox.push(item)
    assert outbox.closing == Closing(4408, "too slow to read")


async def test_what_is_of_the_moment_is_told_to_live_connections_only(hub: Hub) -> None:
    """By the end of a replay it is the past."""
    quick, replaying = live(hub, "bob"), subscriber("bob", "laptop")
    hub.attach(replaying)
    hub.publish(Post(TYPING, ("bob",)))
    hub.publish(Post(ONLINE, ("bob",)))
    assert replaying.missed() == set()
    replaying.go_live()
    assert await waiting(quick) == ["TypingEvent", "PresenceEvent"]
    assert await waiting(replaying) == []


async def test_the_hub_tells_the_first_connection_of_a_user_and_the_end_of_the_last(
    hub: Hub,
) -> None:
    """Neither a further device nor a replaced connection is either (EPH-2)."""
    phone, again, laptop = (subscriber("bob", name) for name in ("phone", "phone", "laptop"))
    assert [hub.attach(each) for each in (phone, again, laptop)] == [True, False, False]
    assert [hub.detach(each) for each in (phone, laptop, again)] == [False, False, True]
    assert hub.attach(phone)


async def test_typing_never_fills_the_outbox_of_a_slow_reader(hub: Hub) -> None:
    """What lags is spared it; it gets all the rest, and typing again when it has caught up."""
    slow = subscriber("bob", limit=2 * LAGGING_BYTES)
    hub.attach(slow)
    slow.go_live()
    for _ in range(10_000):
        hub.publish(Post(TYPING, ("bob",)))
    size = Outgoing(TYPING).size
    assert LAGGING_BYTES < slow.outbox.size <= LAGGING_BYTES + size
    hub.publish(Post(STATUS, ("bob",)))
    hub.publish(Post(ONLINE, ("bob",)))
    assert (await waiting(slow))[-2:] == ["StatusEvent", "PresenceEvent"]
    slow.outbox.push(Control(b""))
    await slow.outbox.next_batch()
    hub.publish(Post(TYPING, ("bob",)))
    assert await waiting(slow) == ["TypingEvent"]


async def test_an_outbox_gives_what_gathered_all_at_once() -> None:
    """And waits when there is nothing."""
    outbox = Outbox(LIMIT)
    batches: list[int] = []

    async def write() -> None:
        while batch := await outbox.next_batch():
            batches.append(len(batch))
            await trio.testing.wait_all_tasks_blocked()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(write)
        await trio.testing.wait_all_tasks_blocked()
        outbox.push(Control(b"1"))
        await trio.testing.wait_all_tasks_blocked()
        outbox.push(Control(b"2"))
        outbox.push(Control(b"3"))
        await trio.testing.wait_all_tasks_blocked()
        outbox.close(Closing(1000))
    assert batches == [1, 2]


async def test_a_closing_outbox_writes_what_waits_and_takes_no_more() -> None:
    """The first reason stays."""
    outbox = Outbox(LIMIT)
    outbox.push(Control(b"1"))
    outbox.close(Closing(4401, "logged out"))
    outbox.close(Closing(1012, "the server is stopping"))
    outbox.push(Control(b"2"))
    outbox.hold(Control(b"3"))
    outbox.release()
    assert await outbox.next_batch() == [Control(b"1")]
    assert await outbox.next_batch() == []
    assert outbox.closing == Closing(4401, "logged out")


async def test_closing_gives_the_writing_a_deadline(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A peer that reads nothing is cut after the grace."""
    outbox = Outbox(LIMIT)
    began = trio.current_time()
    outbox.close(Closing(4408))
    with outbox.writing:
        await trio.sleep_forever()
    assert outbox.writing.cancelled_caught
    assert trio.current_time() - began == pytest.approx(CLOSING_GRACE_S)


async def test_a_replay_waits_until_all_it_pushed_is_written() -> None:
    """Backpressure: it goes on when the batch with its frames is out, not when it is taken."""
    outbox = Outbox(LIMIT)
    outbox.push(Control(b"1"))
    steps: list[str] = []

    async def replay() -> None:
        await outbox.drained()
        steps.append("drained")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(replay)
        await trio.testing.wait_all_tasks_blocked()
        await outbox.next_batch()
        await trio.testing.wait_all_tasks_blocked()
        steps.append("taken")
        nursery.start_soon(outbox.next_batch)
        await trio.testing.wait_all_tasks_blocked()
        outbox.close(Closing(None))
    assert steps == ["taken", "drained"]


async def test_nothing_to_drain_is_drained() -> None:
    """Neither an empty outbox nor one that closes is waited for."""
    outbox = Outbox(LIMIT)
    await outbox.drained()
    outbox.push(Control(b"1"))
    outbox.close(Closing(None))
    await outbox.drained()


async def test_a_sealed_entry_is_another_one_for_each_device(hub: Hub) -> None:
    """With its place in the log, so a replay that has shown it does not show it again."""
    phone, laptop, alice = live(hub, "bob"), live(hub, "bob", "laptop"), live(hub, "alice")
    replaying = subscriber("bob", "tablet")
    hub.attach(replaying)
    sealed = EncryptedBody(
        algorithm="olm.v1",
        sender_key="k",
        ciphertexts={
            "bob": {name: OlmCiphertext(0, name) for name in ("phone", "laptop", "tablet")}
        },
    )
    message = replace(entry(1).message, body=sealed)
    hub.publish_sealed(SealedPost(message, ("alice", "bob"), alice))
    for connected, own in ((phone, "phone"), (laptop, "laptop")):
        (item,) = await connected.outbox.next_batch()
        assert isinstance(item, Outgoing)
        assert item.frame == MessageEvent(for_device(message, "bob", own))
    assert await waiting(alice) == []
    assert replaying.missed() == {"c1"}


async def test_a_payload_is_for_one_device_and_noted_while_it_replays(hub: Hub) -> None:
    """It is in the store then, so nothing of it is held in memory."""
    phone, laptop = live(hub, "bob"), live(hub, "bob", "laptop")
    replaying = subscriber("bob", "tablet")
    hub.attach(replaying)
    for device_id in ("phone", "tablet", "nothing"):
        hub.publish_to_device(DevicePost(ToDeviceEvent(1, "alice", "phone", {}), "bob", device_id))
    assert await waiting(phone) == ["ToDeviceEvent"]
    assert await waiting(laptop) == []
    assert replaying.missed() == {TO_DEVICE}
    assert replaying.outbox.size == 0
    replaying.showing(TO_DEVICE, 1)
    replaying.go_live()
    hub.publish_to_device(DevicePost(ToDeviceEvent(1, "alice", "phone", {}), "bob", "tablet"))
    hub.publish_to_device(DevicePost(ToDeviceEvent(2, "alice", "phone", {}), "bob", "tablet"))
    assert await waiting(replaying) == ["ToDeviceEvent"]
