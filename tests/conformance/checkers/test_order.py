"""Examples of one order for everybody: what breaks it, and what only looks as if."""

from __future__ import annotations

from msgspec.structs import replace

from conformance.checkers import order

from .story import Story, system, text


def test_seqs_that_rise_by_one_are_in_order() -> None:
    """The plain case: received messages and own sends make one sequence."""
    story = Story("alice", "bob")
    alice, bob = story.connect("alice"), story.connect("bob")
    story.says(text(1), alice)
    bob.receives(text(1))
    story.says(text(2, "bob"), bob)
    alice.receives(text(2, "bob"))
    assert story.blamed() == set()


def test_a_late_delivery_is_out_of_order() -> None:
    """Nobody may see seq 2 before seq 1."""
    story = Story("alice", "bob")
    bob = story.connect("bob")
    bob.receives(text(2), text(1))
    assert story.blamed() == {"ORD-2"}


def test_an_answer_to_an_own_send_keeps_its_place() -> None:
    """`sent` for seq 1 behind the message with seq 2 is out of order, too."""
    story = Story("alice", "bob")
    alice = story.connect("alice")
    op = story.sends(text(1), alice)
    alice.receives(text(2, "bob"))
    story.accepted(op, text(1))
    assert story.blamed() == {"ORD-2"}


def test_a_backlog_may_begin_anywhere_but_has_no_gap() -> None:
    """What a device knows already is not repeated."""
    whole, torn = Story("alice", "bob"), Story("alice", "bob")
    whole.connect("bob", text(5), text(6))
    torn.connect("bob", text(5), text(7))
    assert whole.blamed() == set()
    assert torn.blamed() == {"ORD-2"}


def test_a_member_who_joins_again_jumps_to_its_joining() -> None:
    """Between two memberships there is nothing to see."""
    story = Story()
    bob = story.connect("bob")
    bob.receives(
        system(1, "created", user_ids=["alice", "bob"]),
        system(2, "removed", user_id="bob"),
        system(5, "joined", user_id="bob"),
    )
    assert story.blamed() == set()


def test_a_seq_that_nobody_ever_saw_is_a_hole_in_the_log() -> None:
    """The order is blamed, not the pages or the connection: they show what there is."""
    story = Story("alice", "bob")
    bob = story.connect("bob")
    bob.receives(text(1), text(3))
    story.walk("bob", (text(1), text(3)))
    assert story.blamed() == {"ORD-1"}


def test_two_messages_cannot_share_a_seq() -> None:
    """Two senders are answered with the same seq."""
    story = Story("alice", "bob")
    story.says(text(1))
    story.says(text(1, "bob", message_id="other", client_message_id="c9"))
    assert [v.requirement for v in order.check(story.history)] == ["ORD-1"]


def test_observers_agree_on_the_message_at_a_seq() -> None:
    """One saw them in this order, another in that."""
    story = Story("alice", "bob")
    alice, bob = story.connect("alice"), story.connect("bob")
    one, other = text(1, "zoe", created_at=None), text(2, "zoe", created_at=None)
    alice.receives(one, other)
    bob.receives(replace(other, seq=1), replace(one, seq=2))
    violations = order.check(story.history)
    assert [v.requirement for v in violations] == ["ORD-4"]
    assert "alice.phone" in violations[0].message
    assert "bob.phone" in violations[0].message


def test_members_of_their_own_do_not_make_bodies_differ() -> None:
    """Servers may add to any object, and leave out what is empty."""
    story = Story("alice", "bob")
    alice, bob = story.connect("alice"), story.connect("bob")
    alice.receives(text(1, "zoe"))
    bob.receives(text(1, "zoe", body={"kind": "text", "text": "text 1", "rendered": "<p>"}))
    assert story.blamed() == set()


def test_an_edited_body_may_differ_from_what_was_seen_before() -> None:
    """Every view shows an entry as it stands now."""
    story = Story("alice", "bob")
    alice, bob = story.connect("alice"), story.connect("bob")
    alice.receives(text(1, "zoe"))
    new = {"kind": "text", "text": "better"}
    bob.receives(text(1, "zoe", body=new, edited_at="2026-11-22T10:01:00.000Z"))
    assert story.blamed() == set()


def test_sends_over_one_connection_get_rising_seqs() -> None:
    """Two in flight come out in the order they went in."""
    story = Story("alice", "bob")
    alice = story.connect("alice")
    first, second = story.sends(text(2), alice), story.sends(text(1), alice)
    story.accepted(second, text(1))
    story.accepted(first, text(2))
    assert story.blamed() == {"ORD-3"}


def test_a_repeat_of_an_old_send_may_have_a_low_seq() -> None:
    """Its answer names the first one's place."""
    story = Story("alice", "bob")
    alice = story.connect("alice")
    story.says(text(1), alice)
    story.says(text(2), alice)
    story.accepted(story.sends(text(1), alice), text(1), duplicate=True)
    assert story.blamed() == set()


def test_a_reply_comes_behind_what_it_replies_to() -> None:
    """What a device was shown is older than what it sends then."""
    story = Story("alice", "bob")
    bob = story.connect("bob")
    bob.receives(text(5))
    story.accepted(story.sends(text(4, "bob"), None), text(4, "bob"))
    assert story.blamed() == {"ORD-5"}


def test_times_of_creation_never_fall() -> None:
    """Equal ones are fine, whatever their notation."""
    story = Story("alice", "bob")
    bob = story.connect("bob")
    bob.receives(
        text(1, created_at="2026-11-22T10:00:00.500Z"),
        text(2, created_at="2026-11-22T10:00:00.5Z"),
    )
    assert story.blamed() == set()
    bob.receives(text(3, created_at="2026-11-22T10:00:00.499Z"))
    assert story.blamed() == {"ORD-6"}
