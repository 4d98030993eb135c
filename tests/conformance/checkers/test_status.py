"""Examples of statuses: told, untold, falling, and asked for."""

from __future__ import annotations

import pytest

from conformance.history import StatusName

from .story import Line, Story, at, system, text


@pytest.fixture
def story() -> Story:
    """Alice and bob are connected, and bob has received her first two messages."""
    return Story("alice", "bob")


@pytest.fixture
def alice(story: Story) -> Line:
    """Alice's phone."""
    return story.connect("alice")


@pytest.fixture
def bob(story: Story, alice: Line) -> Line:
    """Bob's phone, which was sent two messages by alice's."""
    bob = story.connect("bob")
    for seq in (1, 2):
        story.says(text(seq), alice)
        bob.receives(text(seq))
    return bob


def test_the_sender_is_told_by_the_barrier(story: Story, alice: Line, bob: Line) -> None:
    """A later status covers an earlier one, and `read` covers `delivered`."""
    bob.acknowledges(1)
    bob.acknowledges(2, "read")
    alice.told("bob", "read", 2)
    story.barrier()
    assert story.blamed() == set()


@pytest.mark.parametrize("told", [None, 1])
def test_a_sender_left_untold_is_found(
    story: Story, alice: Line, bob: Line, told: int | None
) -> None:
    """Nothing at all, or not as far as was acknowledged."""
    bob.acknowledges(2)
    if told:
        alice.told("bob", "delivered", told)
    assert story.blamed() == set()
    story.barrier()
    assert story.blamed() == {"STA-2"}


def test_an_acknowledgement_cut_on_its_way_need_not_be_told(
    story: Story, alice: Line, bob: Line
) -> None:
    """Only the sender's connection passes a barrier."""
    bob.acknowledges(2)
    story.barrier(alice)
    assert story.blamed() == set()


def test_a_status_before_any_acknowledgement_is_a_lie(story: Story, alice: Line, bob: Line) -> None:
    """So is `read` for what was only delivered."""
    bob.acknowledges(1)
    alice.told("bob", "read", 1)
    assert story.blamed() == {"STA-2"}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("delivered", 2), ("delivered", 1)),
        (("delivered", 2), ("delivered", 2)),
        (("read", 2), ("delivered", 2)),
        (("read", 2), ("read", 1)),
    ],
)
def test_a_told_status_never_falls_or_repeats(
    story: Story,
    alice: Line,
    bob: Line,
    first: tuple[StatusName, int],
    second: tuple[StatusName, int],
) -> None:
    """Only a rise is told."""
    bob.acknowledges(1, "read")
    bob.acknowledges(2, "read")
    alice.told("bob", *first)
    alice.told("bob", *second)
    assert story.blamed() == {"STA-3"}


def test_reading_may_be_told_behind_delivery_of_more(story: Story, alice: Line, bob: Line) -> None:
    """Each level has its own height."""
    bob.acknowledges(2)
    bob.acknowledges(1, "read")
    alice.told("bob", "delivered", 2)
    alice.told("bob", "read", 1)
    assert story.blamed() == set()


def test_only_whose_messages_are_covered_is_told(story: Story, alice: Line, bob: Line) -> None:
    """Bob's acknowledgement of alice's messages does not concern himself, nor one who sent nothing."""
    group = Story()
    carol = group.connect("carol", system(1, "created", user_ids=["alice", "bob", "carol"]))
    member = group.connect("bob", system(1, "created", user_ids=["alice", "bob", "carol"]))
    group.says(text(2))
    member.receives(text(2))
    carol.receives(text(2))
    member.acknowledges(2)
    carol.told("bob", "delivered", 2)
    assert group.blamed() == {"STA-7"}
    bob.acknowledges(2)
    bob.told("bob", "delivered", 2)
    assert story.blamed() == {"STA-7"}


def test_reading_is_told_to_the_readers_other_devices_only(
    story: Story, alice: Line, bob: Line
) -> None:
    """Not to the one that said so."""
    laptop = story.connect("bob", device="laptop")
    bob.acknowledges(2, "read")
    laptop.told("bob", "read", 2)
    assert story.blamed() == set()
    bob.told("bob", "read", 2)
    assert story.blamed() == {"STA-7"}


def test_an_answered_status_lies_between_what_is_sure_and_what_was_tried(
    story: Story, alice: Line, bob: Line
) -> None:
    """Before the barrier both are right, afterwards only one."""
    story.answers(2, "sent", at("bob", "sent"))
    bob.acknowledges(2)
    story.answers(2, "sent", at("bob", "sent"))
    alice.told("bob", "delivered", 2)
    story.barrier()
    assert story.blamed() == set()
    story.answers(1, "sent", at("bob", "sent"))
    assert story.blamed() == {"STA-2", "STA-3"}


def test_an_answered_status_needs_an_acknowledgement(story: Story, alice: Line, bob: Line) -> None:
    """Nobody has read it."""
    story.answers(1, "read", at("bob", "read"))
    assert story.blamed() == {"STA-2"}


def test_answers_never_fall(story: Story, alice: Line, bob: Line) -> None:
    """Unless they overlapped, and came in another order than they were given."""
    bob.acknowledges(2, "read")
    before = len(story.history)
    story.answers(1, "read", at("bob", "read"))
    story.answers(1, "delivered", at("bob", "delivered"), asked=before)
    assert story.blamed() == set()
    story.answers(1, "delivered", at("bob", "delivered"))
    assert story.blamed() == {"STA-3"}


def test_read_implies_delivered(story: Story, alice: Line, bob: Line) -> None:
    """In the times of an answer, and in the watermarks of a conversation."""
    bob.acknowledges(2, "read")
    story.answers(1, "read", at("bob", "read", read_at="2026-11-22T10:00:09.000Z"))
    assert story.blamed() == {"STA-4"}


def test_a_conversation_shows_watermarks_that_rise_together(story: Story) -> None:
    """Read below delivered, neither ever falling."""
    story.shows("alice", {"alice": (3, 2), "bob": (2, 2)})
    story.shows("alice", {"alice": (3, 3), "bob": (2, 2)})
    assert story.blamed() == set()
    story.shows("bob", {"alice": (2, 2), "bob": (2, 2)})
    assert story.blamed() == {"STA-3"}
    story.shows("bob", {"alice": (3, 3), "bob": (2, 3)})
    assert story.blamed() == {"STA-3", "STA-4"}


@pytest.mark.parametrize("overall", ["sent", "delivered", "read"])
def test_the_overall_status_is_the_lowest(overall: StatusName) -> None:
    """Bob has it, carol has not: only `sent` is right."""
    story = Story()
    created = system(1, "created", user_ids=["alice", "bob", "carol"])
    bob = story.connect("bob", created)
    story.says(text(2))
    bob.receives(text(2))
    bob.acknowledges(2, "read")
    story.answers(2, overall, at("bob", "read"), at("carol", "sent"))
    assert story.blamed() == (set() if overall == "sent" else {"STA-5"})


def test_one_who_left_silently_does_not_hold_the_status_back() -> None:
    """Recipients who acknowledged nothing count while they are members."""
    story = Story()
    created = system(1, "created", user_ids=["alice", "bob", "carol"])
    bob = story.connect("bob", created)
    story.says(text(2))
    bob.receives(text(2), system(3, "left", "carol", user_id="carol"))
    bob.acknowledges(2)
    story.answers(2, "delivered", at("bob", "delivered"), at("carol", "sent"))
    assert story.blamed() == set()
    story.answers(2, "sent", at("bob", "delivered"), at("carol", "sent"))
    assert "STA-5" in story.blamed()


def test_recipients_are_the_other_members_at_that_seq() -> None:
    """Not one who joined later."""
    story = Story()
    story.connect("bob", system(1, "created", user_ids=["alice", "bob"]))
    story.says(text(2))
    story.connect("carol", system(3, "joined", user_id="carol"))
    story.answers(2, "sent", at("bob", "sent"))
    assert story.blamed() == set()
    story.answers(2, "sent", at("bob", "sent"), at("carol", "sent"))
    assert story.blamed() == {"STA-5"}


def test_a_failure_is_told_to_its_sender_alone(story: Story, alice: Line, bob: Line) -> None:
    """STA-7; and what is acknowledged later need not be told to who only sent what failed."""
    alice.told_failed("bob", 2)
    bob.acknowledges(2)
    story.barrier()
    story.answers(2, "failed", at("bob", "failed", reason="expired"))
    assert story.blamed() == set()
    bob.told_failed("bob", 2)
    assert story.blamed() == {"STA-7"}


def test_a_failure_is_told_once(story: Story, alice: Line, bob: Line) -> None:
    """STA-3: each message fails once for each recipient."""
    alice.told_failed("bob", 1)
    alice.told_failed("bob", 2)
    assert story.blamed() == set()
    alice.told_failed("bob", 1)
    assert story.blamed() == {"STA-3"}


def test_what_was_told_as_delivered_fails_no_more(story: Story, alice: Line, bob: Line) -> None:
    """STA-3: `failed` only follows `sent`; the other way round the watermark may still rise."""
    bob.acknowledges(1)
    alice.told("bob", "delivered", 1)
    alice.told_failed("bob", 2)
    bob.acknowledges(2)
    alice.told("bob", "delivered", 2)
    assert story.blamed() == set()
    alice.told_failed("bob", 1)
    assert story.blamed() == {"STA-3"}


def test_a_failure_is_final(story: Story, alice: Line, bob: Line) -> None:
    """STA-3, asked for."""
    story.answers(2, "failed", at("bob", "failed", reason="expired"))
    bob.acknowledges(2)
    story.answers(2, "delivered", at("bob", "delivered", delivered_at="then"))
    assert "STA-3" in story.blamed()
