"""Everybody is cut, and comes back: when, and what a client owes the server then."""

from __future__ import annotations

import pytest

from loadgen.client import Entry, Sent
from loadgen.crew import Crew
from loadgen.schedule import Load, Storm, cuts
from loadgen.storms import Storms

from .crews import Answers, Written, pair

STORMY = Load(rate=1, warmup=1, duration=9, storm=Storm(every=4, within=0.5))


@pytest.fixture
def scene() -> tuple[Crew, Written, Written]:
    """Alice and Bob, in bad weather."""
    return pair(STORMY)


def test_cuts_come_as_planned_until_the_end() -> None:
    """From the beginning of the warm-up; without storms there are none."""
    assert list(cuts(STORMY)) == [4, 8]
    assert not list(cuts(Load(rate=1, warmup=1, duration=9)))


def test_everybody_is_cut_and_told_when_to_be_back(scene: tuple[Crew, Written, Written]) -> None:
    """At moments within the storm's width, the same at every run of a seed."""
    crew, alice, bob = scene
    Storms(crew).rage(start=0)
    for line in (alice, bob):
        assert line.comeback is not None
        assert 8_000_000 <= line.comeback.planned < 8_500_000
        assert line.comeback.measured
        assert not line.live


def test_who_is_back_sends_again_acknowledges_again_and_asks_how_far_the_others_are(
    scene: tuple[Crew, Written, Written],
) -> None:
    """Answers, acknowledgements and statuses may all have been lost with the connection."""
    crew, alice, bob = scene
    Storms(crew)
    books = crew.accounting
    for number in (0, 1):
        crew.say(alice, number, 0, 0, measured=True)
    books.sent(alice.device, Sent("run-0", "c", 1), 5)
    books.came(bob.device, Entry("c", 1, alice.device.user_id, "run-0"), 5)
    alice.frames.clear()
    bob.device.stream.reconnected()
    crew.is_back(bob)
    assert [(frame["type"], frame["up_to_seq"]) for frame in bob.frames] == [("delivered", 1)]
    assert isinstance(crew.host, Answers)
    member = {"user_id": bob.device.user_id, "delivered_seq": 1, "read_seq": 0}
    crew.host.answers["/v1.0/conversations/c"] = {"members": [member]}
    crew.is_back(alice)
    again = [frame.get("client_message_id") for frame in alice.frames if frame["type"] == "send"]
    assert again == ["run-1"]
    assert books.counts.verified == 1


def test_the_answer_to_what_was_sent_twice_is_no_second_entry(
    scene: tuple[Crew, Written, Written],
) -> None:
    """The replay had it already when `sent` said `duplicate`; or the answer comes first."""
    crew, alice, _ = scene
    books, me = crew.accounting, alice.device
    crew.say(alice, 0, 0, 0, measured=True)
    me.stream.reconnected()
    books.came(me, Entry("c", 1, me.user_id, "run-0"), 1)
    books.sent(me, Sent("run-0", "c", 1, duplicate=True), 2)
    crew.say(alice, 1, 0, 0, measured=True)
    me.stream.reconnected()
    books.sent(me, Sent("run-1", "c", 2, duplicate=True), 3)
    counts = books.counts
    assert (counts.sent, counts.duplicated, counts.lost, me.stream.missing(2)) == (2, 0, 0, 0)
