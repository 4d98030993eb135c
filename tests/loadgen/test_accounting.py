"""The books: which status answers which acknowledgement, and when a message is verified."""

from __future__ import annotations

import pytest

from loadgen.accounting import Accounting, Device, Talk
from loadgen.client import Entry, Failed, Problem, Sent, Status, Timing
from loadgen.hops import SPLIT


@pytest.fixture
def books() -> Accounting:
    """The books of a run."""
    return Accounting("run")


@pytest.fixture
def talk() -> Talk:
    """Alice's and Bob's conversation, which has three entries from before."""
    return Talk("c", head=3, users=2)


@pytest.fixture
def alice(talk: Talk) -> Device:
    """A sender."""
    talk.devices.append(Device("alice", talk))
    return talk.devices[-1]


@pytest.fixture
def bob(talk: Talk) -> Device:
    """A recipient."""
    talk.devices.append(Device("bob", talk))
    return talk.devices[-1]


def send(books: Accounting, alice: Device, bob: Device, number: int, at: int) -> Entry:
    """A message is stored and delivered, a millisecond each; its entry."""
    identity = books.leaves(alice, number, at, at, measured=True)
    seq = 4 + number
    books.sent(alice, Sent(identity, "c", seq), at + 1_000)
    entry = Entry("c", seq, "alice", identity)
    assert books.came(bob, entry, at + 2_000)
    return entry


def test_a_message_is_verified_by_its_status(books: Accounting, alice: Device, bob: Device) -> None:
    """Stored and delivered is not enough: the sender must be told."""
    entry = send(books, alice, bob, 0, 0)
    assert (books.counts.verified, books.in_flight) == (0, 1)
    books.status(alice, Status("c", "bob", "delivered", entry.seq), 5_000)
    assert (books.counts.verified, books.in_flight) == (1, 0)
    assert list(books.samples.corrected["delivered_to_status"]) == [3_000]


def test_one_status_may_answer_many_acknowledgements(
    books: Accounting, alice: Device, bob: Device
) -> None:
    """A watermark covers everything below; each wait counts from its own acknowledgement."""
    for number in range(3):
        send(books, alice, bob, number, number * 10_000)
    books.status(alice, Status("c", "bob", "delivered", 6), 30_000)
    assert list(books.samples.corrected["delivered_to_status"]) == [28_000, 18_000, 8_000]
    assert books.counts.verified == 3


def test_read_stands_for_delivered(books: Accounting, alice: Device, bob: Device) -> None:
    """A status that a later one makes needless may be left out (STA-4)."""
    entry = send(books, alice, bob, 0, 0)
    assert books.reads(bob, 10_000) == entry.seq
    books.status(alice, Status("c", "bob", "read", entry.seq), 11_000)
    assert list(books.samples.corrected["read_to_status"]) == [1_000]
    assert books.counts.verified == 1


def test_a_refused_message_is_failed_and_no_longer_waited_for(
    books: Accounting, alice: Device, bob: Device
) -> None:
    """It uses no seq and reaches nobody (DLV-7)."""
    identity = books.leaves(alice, 0, 0, 0, measured=True)
    books.failed(Failed(identity, Problem("rate_limited")))
    books.finish([alice.talk])
    counts = books.counts
    assert (counts.failed, counts.unanswered, counts.lost, books.in_flight) == (1, 0, 0, 0)


def test_a_message_without_an_answer_is_unknown_and_not_lost(
    books: Accounting, alice: Device, bob: Device
) -> None:
    """The server never said that it has it."""
    books.leaves(alice, 0, 0, 0, measured=True)
    books.finish([alice.talk])
    assert (books.counts.unanswered, books.counts.lost) == (1, 0)


def test_a_stored_message_that_does_not_come_is_lost(
    books: Accounting, alice: Device, bob: Device
) -> None:
    """Even the last one, behind which no gap shows."""
    identity = books.leaves(alice, 0, 0, 0, measured=True)
    books.sent(alice, Sent(identity, "c", 4), 1_000)
    books.finish([alice.talk])
    assert (books.counts.unanswered, books.counts.lost) == (0, 1)


def test_ones_own_other_device_gets_the_message_and_does_not_answer_for_the_server(
    books: Accounting, alice: Device, talk: Talk
) -> None:
    """`sent` is for the connection that sent it; the others have the entry (DLV-6)."""
    laptop = Device("alice", talk)
    talk.devices.append(laptop)
    identity = books.leaves(alice, 0, 0, 0, measured=True)
    assert not books.came(laptop, Entry("c", 4, "alice", identity), 1_000)
    assert books.counts.sent == 0
    books.sent(alice, Sent(identity, "c", 4), 2_000)
    assert list(books.samples.corrected["send_to_sent"]) == [2_000]


def test_a_replay_of_ones_own_message_is_its_answer(
    books: Accounting, alice: Device, talk: Talk
) -> None:
    """That is how a sender learns of a send whose `sent` was lost with the connection."""
    identity = books.leaves(alice, 0, 0, 0, measured=True)
    alice.stream.reconnected()
    assert not books.came(alice, Entry("c", 4, "alice", identity), 9_000)
    assert books.counts.sent == 1


def test_what_was_there_before_is_none_of_the_load(
    books: Accounting, alice: Device, bob: Device
) -> None:
    """A replay of older entries is neither counted nor acknowledged."""
    assert not books.came(bob, Entry("c", 2, "alice", "other"), 0)
    assert books.counts.duplicated == 0


def test_where_the_server_tells_the_time_to_sent_is_split(
    books: Accounting, alice: Device, bob: Device
) -> None:
    """Its queue, its commit, and what remains; together they are the whole."""
    identity = books.leaves(alice, 0, 0, 200, measured=True)
    books.sent(alice, Sent(identity, "c", 4, timing=Timing(queue_us=100.7, commit_us=300)), 1_000)
    samples = books.samples
    assert [list(samples.corrected[hop]) for hop in SPLIT] == [[100], [300], [600]]
    assert [list(samples.waiting[hop]) for hop in SPLIT] == [[100], [300], [400]]
    assert sum(sum(samples.corrected[hop]) for hop in SPLIT) == 1_000


def test_a_message_during_the_warm_up_is_not_timed(
    books: Accounting, alice: Device, bob: Device
) -> None:
    """But it is verified like any other."""
    identity = books.leaves(alice, 0, 0, 0, measured=False)
    books.sent(alice, Sent(identity, "c", 4), 1_000)
    books.came(bob, Entry("c", 4, "alice", identity), 2_000)
    books.status(alice, Status("c", "bob", "delivered", 4), 3_000)
    assert books.counts.verified == 1
    assert books.samples.take() == {}


def test_a_waiting_tester_begins_when_the_one_before_is_through(
    books: Accounting, alice: Device, bob: Device
) -> None:
    """Two messages planned together, both answered after a second: it notes one slow one."""
    identities = [books.leaves(alice, number, 0, 0, measured=True) for number in range(2)]
    for number, identity in enumerate(identities):
        books.sent(alice, Sent(identity, "c", 4 + number), 1_000_000 + number)
    assert list(books.samples.corrected["send_to_sent"]) == [1_000_000, 1_000_001]
    assert list(books.samples.waiting["send_to_sent"]) == [1_000_000, 1]


def test_a_status_that_falls_is_counted(books: Accounting, alice: Device, bob: Device) -> None:
    """Each one, also of `read`; one that repeats or comes beside another is not (STA-3, STA-4)."""
    for number in range(3):
        send(books, alice, bob, number, number * 10_000)
    books.reads(bob, 40_000)
    for status, up_to, wrong in (
        ("delivered", 5, 0), ("delivered", 4, 1), ("delivered", 6, 1), ("read", 6, 1), ("read", 5, 2),
    ):  # fmt: skip
        books.status(alice, Status("c", "bob", status, up_to), 50_000)
        assert books.counts.status_mismatch == wrong
    assert books.counts.verified == 3
    assert books.is_settled


def test_a_status_that_nobody_acknowledged_is_counted_once(
    books: Accounting, alice: Device, bob: Device
) -> None:
    """The message counts as verified when its recipient has it; no second status is waited for (STA-2)."""
    identity = books.leaves(alice, 0, 0, 0, measured=True)
    books.sent(alice, Sent(identity, "c", 4), 1_000)
    books.status(alice, Status("c", "bob", "delivered", 4), 1_500)
    assert books.counts.status_mismatch == 1
    assert books.came(bob, Entry("c", 4, "alice", identity), 2_000)
    books.status(alice, Status("c", "bob", "read", 4), 2_500)
    assert books.counts.status_mismatch == 2
    books.finish([alice.talk])
    assert (books.counts.verified, books.counts.status_mismatch) == (1, 2)


def test_an_acknowledgement_covers_what_was_lost_below_it(
    books: Accounting, alice: Device, bob: Device
) -> None:
    """A watermark is for all below it, so its status accuses nobody; the loss is counted as what it is."""
    lost = books.leaves(alice, 0, 0, 0, measured=True)
    books.sent(alice, Sent(lost, "c", 4), 1_000)
    answer = books.leaves(bob, 1, 0, 0, measured=True)
    books.sent(bob, Sent(answer, "c", 5), 2_000)
    assert books.reads(bob, 3_000) == 5
    books.status(alice, Status("c", "bob", "read", 5), 4_000)
    assert books.counts.status_mismatch == 0
    assert books.came(alice, Entry("c", 5, "bob", answer), 5_000)
    books.status(bob, Status("c", "alice", "delivered", 5), 6_000)
    books.finish([alice.talk])
    assert (books.counts.lost, books.counts.status_mismatch) == (1, 0)


def test_devices_that_nobody_knows_of_here_may_be_faster(talk: Talk) -> None:
    """Users that exist on the target have phones, which acknowledge as well."""
    books = Accounting("run", others_read_too=True)
    alice, bob = Device("alice", talk), Device("bob", talk)
    talk.devices += [alice, bob]
    identity = books.leaves(alice, 0, 0, 0, measured=True)
    books.sent(alice, Sent(identity, "c", 4), 1_000)
    books.status(alice, Status("c", "bob", "read", 4), 1_500)
    books.came(bob, Entry("c", 4, "alice", identity), 2_000)
    books.reads(bob, 3_000)
    books.finish([talk])
    assert (books.counts.verified, books.counts.status_mismatch) == (1, 0)
    assert books.is_settled


def test_a_status_that_never_comes_is_missed_by_who_is_there(
    books: Accounting, alice: Device, bob: Device
) -> None:
    """Of reading too; but whoever is away at the end may have missed it, or never said it."""
    for number in range(2):
        send(books, alice, bob, number, number * 10_000)
    books.reads(bob, 40_000)
    books.status(alice, Status("c", "bob", "delivered", 4), 50_000)
    assert not books.is_settled
    for away, missing in (({"alice"}, 0), ({"bob"}, 0), (set(), 2)):
        before = books.counts.status_mismatch
        books.finish([alice.talk], away)
        assert books.counts.status_mismatch - before == missing


def test_what_is_said_in_other_conversations_is_not_looked_at(
    books: Accounting, alice: Device, bob: Device
) -> None:
    """Users that exist on the target already have a life of their own; nothing of it is acknowledged."""
    entry = send(books, alice, bob, 0, 0)
    for seq in (2, entry.seq, 900):
        assert not books.came(bob, Entry("family", seq, "mother", f"m-{seq}"), 3_000)
    books.status(alice, Status("family", "bob", "read", 900), 4_000)
    assert books.counts.verified == 0
    books.status(alice, Status("c", "bob", "delivered", entry.seq), 5_000)
    books.finish([bob.talk])
    counts = books.counts
    assert (counts.verified, counts.lost, counts.duplicated, counts.reordered) == (1, 0, 0, 0)
