"""What a move must come to, where the contract says so."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.explore.plan import Move

from .plans import steps_of

CONNECT = Move(kind="connect", label="m0", by="alice.phone")
HELLO = Move(kind="send", label="m1", by="alice.phone", chat="chat")
IN_TEAM = Move(kind="send", label="m1", by="alice.phone", chat="team")
ADD_CAROL = Move(
    kind="change", label="m2", by="alice.phone", chat="team", how="add", target="carol"
)
LEAVE = Move(kind="change", label="m3", by="bob.phone", chat="team", how="leave", target="bob")


def last(*moves: Move) -> dict[str, Any]:
    """The last step of these moves."""
    return steps_of(*moves)[-1]


def test_messages_count_from_one_in_their_conversation() -> None:
    """A group's first entry is its `created`."""
    assert last(HELLO)["match"]["seq"] == 1
    assert last(IN_TEAM)["match"]["seq"] == 2


def test_without_a_connection_a_message_goes_over_http() -> None:
    """So a move still makes sense when the one before it is taken away."""
    assert last(HELLO)["send"]["via"] == "http"
    assert "via" not in last(CONNECT, HELLO)["send"]


@pytest.mark.parametrize(
    ("how", "due"),
    [
        ("", {"duplicate": True}),
        ("other", "idempotency_conflict"),
        ("reply", "idempotency_conflict"),
    ],
)
def test_a_message_sent_again_is_the_same_or_a_conflict(how: str, due: object) -> None:
    """By whether it says the same."""
    again = last(HELLO, Move(kind="again", label="m2", by="alice.laptop", target="m1", how=how))
    if isinstance(due, str):
        assert again["fails"] == due
    else:
        assert again["match"] == {
            "duplicate": True,
            "message_id": "$m1.message_id",
            "seq": "$m1.seq",
        }


def test_only_the_sender_edits() -> None:
    """A member who tries is refused, and the text stays."""
    edit = Move(kind="relate", label="m2", by="bob.phone", chat="chat", target="m1", how="edit")
    look = Move(kind="message", label="m3", by="bob.phone", target="m1")
    steps = steps_of(HELLO, edit, look)
    assert steps[1]["fails"] == "not_permitted"
    assert steps[2]["match"]["body"]["text"] == "m1 says hello"


def test_a_former_member_sees_things_as_they_stood() -> None:
    """Edits behind the leaving do not show."""
    edit = Move(kind="relate", label="m4", by="alice.phone", chat="team", target="m1", how="edit")
    look = Move(kind="message", label="m5", by="bob.phone", target="m1")
    assert last(IN_TEAM, LEAVE, edit, look)["match"]["body"]["text"] == "m1 says hello"
    assert last(IN_TEAM, edit, look)["match"]["body"]["text"] == "m4 as a edit"


def test_a_newcomer_sees_nothing_older() -> None:
    """Neither by page nor by id."""
    look = Move(kind="message", label="m5", by="carol.phone", target="m1")
    page = Move(kind="page", label="m6", by="carol.phone", chat="team", count=5)
    assert last(IN_TEAM, ADD_CAROL, look)["fails"] == "unknown_message"
    assert last(IN_TEAM, ADD_CAROL, page)["assert"] == {"that": "$m6.items.-1", "is": {"seq": 3}}


def test_who_inherits_is_expected_only_where_it_is_certain() -> None:
    """Of two who stand equally long, the contract prefers none, so the owner does not leave."""
    leave = Move(kind="change", label="m9", by="alice.phone", chat="team", how="leave")
    join = Move(kind="connect", label="m0", by="bob.phone")
    assert "remove_member" in last(leave)
    assert last(
        Move(kind="group", label="m4", by="alice.phone", target="bob", count=2),
        Move(kind="change", label="m5", by="alice.phone", chat="m4", how="leave"),
        join,
    ).keys() == {"as", "connect"}
    assert (
        len(steps_of(Move(kind="group", label="m4", by="alice.phone", target="bob", count=2))) == 1
    )


def test_what_is_unread_waits_for_acknowledgements() -> None:
    """`read` has no answer, so a look at what it did stands behind a barrier."""
    bob = Move(kind="connect", label="m0", by="bob.phone")
    read = Move(
        kind="acknowledge", label="m2", by="bob.phone", chat="chat", target="m1", how="read"
    )
    view = Move(kind="view", label="m3", by="bob.phone", chat="chat")
    steps = steps_of(bob, HELLO, read, view)
    assert {"barrier": {}} in steps
    assert steps[-1]["match"]["unread_count"] == 0
    assert last(bob, HELLO, view)["match"]["unread_count"] == 1


def test_an_acknowledgement_that_may_be_lost_leaves_the_count_open() -> None:
    """Where the line is cut behind it, nobody knows what was read."""
    bob = Move(kind="connect", label="m0", by="bob.phone")
    read = Move(
        kind="acknowledge", label="m2", by="bob.phone", chat="chat", target="m1", how="read"
    )
    cut = Move(kind="leave_line", label="m3", by="bob.phone", how="drop")
    view = Move(kind="view", label="m4", by="bob.phone", chat="chat")
    assert "unread_count" not in last(bob, HELLO, read, cut, view)["match"]


def test_a_move_about_nothing_is_left_out() -> None:
    """What it was about was taken away."""
    reply = Move(kind="relate", label="m2", by="bob.phone", chat="chat", target="m1", how="reply")
    gone = Move(kind="send", label="m3", by="bob.phone", chat="m17")
    assert steps_of(reply, gone) == [{"barrier": {}}]
