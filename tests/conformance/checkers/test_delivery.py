"""Examples of deliveries: lost, doubled, misdirected, and what cannot be known."""

from __future__ import annotations

import pytest

from conformance.checkers import delivery
from conformance.history import Entry, RemovingDevice, Wire
from conformance.outages import Manner

from .story import Story, system, text


def test_a_message_to_a_connected_member_must_arrive_by_the_barrier() -> None:
    """Without a barrier it may still be under way."""
    story = Story("alice", "bob")
    story.login("bob")
    story.connect("bob")
    story.says(text(1))
    assert story.blamed() == set()
    story.barrier()
    assert story.blamed() == {"DLV-1"}


def test_a_message_to_an_absent_member_must_be_in_its_next_backlog() -> None:
    """The end of the backlog is proof enough."""
    story = Story("alice", "bob")
    story.login("bob")
    story.says(text(1))
    story.connect("bob")
    assert story.blamed() == {"DLV-2"}


def test_a_backlog_that_comes_after_its_own_end_is_late() -> None:
    """What was written while a device was away belongs before `replay_complete`."""
    story = Story("alice", "bob")
    story.login("bob")
    story.says(text(1))
    story.connect("bob").receives(text(1))
    assert story.blamed() == {"DLV-2"}


def test_what_a_device_has_not_acknowledged_is_sent_again() -> None:
    """It had it, but did not say so."""
    story = Story("alice", "bob")
    story.login("bob")
    bob = story.connect("bob")
    story.says(text(1))
    bob.receives(text(1))
    story.connect("bob")
    assert story.blamed() == {"DLV-3"}


def test_what_a_device_has_acknowledged_is_not_sent_again() -> None:
    """Once a barrier shows that the server has worked on it."""
    story = Story("alice", "bob")
    story.login("bob")
    bob = story.connect("bob")
    story.says(text(1))
    bob.receives(text(1))
    bob.acknowledges(1)
    story.barrier()
    story.connect("bob", text(1))
    assert story.blamed() == {"DLV-3"}


@pytest.mark.parametrize("backlog", [(), (text(1),)], ids=["processed", "lost"])
def test_an_acknowledgement_cut_on_its_way_may_count_or_not(backlog: tuple[Entry, ...]) -> None:
    """Both backlogs are right."""
    story = Story("alice", "bob")
    story.login("bob")
    bob = story.connect("bob")
    story.says(text(1))
    bob.receives(text(1))
    bob.acknowledges(1)
    story.connect("bob", *backlog)
    assert story.blamed() == set()


def test_an_acknowledgement_may_be_forgotten_by_a_killed_server() -> None:
    """Messages survive a kill; of acknowledgements only those that somebody was told of."""
    story = Story("alice", "bob")
    story.login("bob")
    bob = story.connect("bob")
    story.says(text(1))
    bob.receives(text(1))
    bob.acknowledges(1)
    story.barrier(bob)
    story.restart()
    story.connect("bob", text(1))
    assert story.blamed() == set()


def test_an_acknowledgement_of_the_future_excuses_nothing() -> None:
    """Above the head it is refused, and everything still has to come."""
    story = Story("alice", "bob")
    story.login("bob")
    bob = story.connect("bob")
    bob.acknowledges(99)
    story.says(text(1))
    bob.receives(text(1))
    story.connect("bob")
    assert story.blamed() == {"DLV-3"}


def test_what_was_written_before_the_first_login_need_not_come() -> None:
    """A device begins at the heads of its first login."""
    story = Story("alice", "bob")
    story.says(text(1))
    story.login("bob")
    story.connect("bob")
    story.barrier()
    assert story.blamed() == set()


def test_the_count_of_a_backlog_is_true() -> None:
    """`replay_complete` says how many messages were replayed."""
    story = Story("alice", "bob")
    story.opens("bob").replayed(text(1), count=2)
    assert story.blamed() == {"DLV-2"}


def test_a_message_arrives_once_on_a_connection() -> None:
    """Again on the next connection is fine, twice on one is not."""
    story = Story("alice", "bob")
    story.connect("bob", text(1))
    bob = story.connect("bob", text(1))
    assert story.blamed() == set()
    bob.receives(text(1))
    assert story.blamed() == {"DLV-1"}


def test_the_sending_connection_has_the_answer_instead_of_the_message() -> None:
    """Both is once too often; on another connection of the sender neither is a loss."""
    story = Story("alice", "bob")
    story.login("alice", "laptop")
    phone, _laptop = story.connect("alice"), story.connect("alice", device="laptop")
    story.says(text(1), phone)
    story.barrier(phone)
    assert story.blamed() == set()
    story.barrier()
    assert story.blamed() == {"DLV-6"}
    phone.receives(text(1))
    assert len([v for v in delivery.check(story.history) if v.requirement == "DLV-6"]) == 2


def test_nobody_else_receives_a_conversation() -> None:
    """Mallory is no member."""
    story = Story("alice", "bob")
    story.connect("mallory").receives(text(1))
    assert story.blamed() == {"CONV-2"}


@pytest.mark.parametrize("seq", [2, 6])
def test_a_member_receives_nothing_from_outside_its_membership(seq: int) -> None:
    """Neither from before its joining nor from after its removal."""
    story = Story()
    story.connect(
        "alice",
        system(1, "created", user_ids=["alice"]),
        text(2),
        system(3, "joined", user_id="bob"),
        text(4),
        system(5, "removed", user_id="bob"),
        text(6),
    )
    bob = story.connect("bob")
    bob.receives(text(4))
    assert "CONV-4" not in story.blamed()
    bob.receives(text(seq))
    assert "CONV-4" in story.blamed()


def test_repeats_of_a_send_have_one_answer() -> None:
    """The same seq and message, marked as duplicates."""
    story = Story("alice", "bob")
    story.says(text(1))
    story.accepted(story.sends(text(1)), text(1), duplicate=True)
    assert story.blamed() == set()
    story.accepted(story.sends(text(1)), text(1))
    assert story.blamed() == {"DLV-4"}


def test_an_indeterminate_send_may_be_there_once_or_not_at_all() -> None:
    """But not twice."""
    story = Story("alice", "bob")
    story.sends(text(1))
    bob = story.connect("bob", text(1))
    assert story.blamed() == set()
    bob.receives(text(2, client_message_id="c1"))
    assert story.blamed() == {"DLV-4"}


def test_a_repeat_with_another_content_is_not_accepted() -> None:
    """It would silently drop what the sender wrote."""
    story = Story("alice", "bob")
    story.says(text(1))
    op = story.sends(text(1), body={"kind": "text", "text": "something else"})
    story.accepted(op, text(1), duplicate=True)
    assert story.blamed() == {"DLV-5"}


def test_a_refused_send_reaches_nobody() -> None:
    """Unless it was sent again and accepted."""
    story = Story("alice", "bob")
    story.refused(story.sends(text(1)))
    story.connect("bob").receives(text(1))
    assert story.blamed() == {"DLV-7"}
    story.says(text(1))
    assert story.blamed() == set()


def test_a_message_that_nobody_sent_is_found() -> None:
    """Unless a scenario wrote it on the wire by itself."""
    story = Story("alice", "bob")
    story.login("alice")
    story.connect("bob").receives(text(1))
    assert story.blamed() == {"DLV-1"}
    story.history.add(
        Wire(
            lane="alice",
            direction="out",
            kind="frame",
            label="frame",
            content={"type": "send", "client_message_id": "c1"},
        )
    )
    assert story.blamed() == set()


@pytest.mark.parametrize(("manner", "blamed"), [("restart", "DLV-8"), ("stop", "RT-8")])
def test_what_was_accepted_before_a_restart_is_there_afterwards(
    manner: Manner, blamed: str
) -> None:
    """Durability is blamed after a kill, the stopping after a stop; not the pages, not the backlog."""
    story = Story("alice", "bob")
    story.login("bob")
    story.says(text(1))
    story.says(text(2))
    story.restart(manner)
    story.connect("bob", text(1))
    story.walk("bob", (text(1),))
    assert story.blamed() == {blamed}


def test_a_removed_device_begins_anew() -> None:
    """What was kept for it is gone."""
    story = Story("alice", "bob")
    story.login("bob")
    story.says(text(1))
    story.history.add(RemovingDevice(user_id="bob", device_id="phone"))
    story.login("bob")
    story.connect("bob")
    story.barrier()
    assert story.blamed() == set()
