"""What open connections are owed, as a barrier waits for it."""

import pytest

from conformance.history import (
    Accepted,
    Closed,
    ConversationSeen,
    Entry,
    History,
    Opened,
    Received,
    ReplayDone,
    Sending,
    Watermarks,
)
from conformance.ledger import Ledger

ALICE, BOB = 1, 2


@pytest.fixture
def history() -> History:
    """Alice and Bob share a conversation, and both are connected and through their backlogs."""
    history = History()
    member = Watermarks(role="member", joined_seq=1, delivered_seq=0, read_seq=0)
    history.add(
        ConversationSeen(
            user_id="alice",
            conn=None,
            conversation_id="chat",
            kind="group",
            head_seq=0,
            members={"alice": member, "bob": member},
            asked=0,
        )
    )
    for conn, user in ((ALICE, "alice"), (BOB, "bob")):
        history.add(Opened(conn=conn, user_id=user, device_id="main", lane=f"{user}.main"))
        history.add(ReplayDone(conn=conn, count=0))
    return history


def accept(
    history: History, seq: int, *, conn: int | None = ALICE, duplicate: bool = False
) -> None:
    """Alice's message was accepted."""
    op = history.next_op()
    history.add(
        Sending(
            op=op,
            conn=conn,
            user_id="alice",
            device_id="main",
            conversation_id="chat",
            client_message_id=f"m{seq}",
            body={},
        )
    )
    history.add(
        Accepted(
            op=op,
            conversation_id="chat",
            message_id=f"m{seq}",
            seq=seq,
            created_at=None,
            duplicate=duplicate,
        )
    )


def receive(history: History, conn: int, seq: int, body: object = None) -> None:
    """A message arrived."""
    entry = Entry(
        conversation_id="chat", seq=seq, message_id=f"m{seq}", sender_id="alice", body=body
    )
    history.add(Received(conn=conn, entry=entry))


def owed(history: History) -> list[int]:
    """The connections that something is owed to."""
    ledger = Ledger(history)
    return [conn for conn in (ALICE, BOB) if ledger.owes(conn)]


def test_an_accepted_message_is_owed_to_the_other_member_until_it_arrives(
    history: History,
) -> None:
    """The connection that sent it has its answer instead."""
    accept(history, 1)
    assert owed(history) == [BOB]
    receive(history, BOB, 1)
    assert owed(history) == []


def test_a_message_sent_over_http_is_owed_to_the_senders_connection_too(history: History) -> None:
    """Nothing came back on that connection."""
    accept(history, 1, conn=None)
    assert owed(history) == [ALICE, BOB]


def test_what_one_receives_live_is_owed_to_all(history: History) -> None:
    """It was accepted, although its sender's answer may have been lost."""
    receive(history, BOB, 1)
    assert owed(history) == [ALICE]


def test_a_duplicate_is_owed_to_nobody(history: History) -> None:
    """It is not delivered again."""
    accept(history, 1, duplicate=True)
    assert owed(history) == []


def test_nothing_is_owed_to_a_closed_connection(history: History) -> None:
    """Nor to one that opened afterwards, whose backlog is its own affair."""
    accept(history, 1)
    history.add(Closed(conn=BOB, code=1000, by="client"))
    assert owed(history) == []


def test_one_who_was_removed_is_owed_no_more_than_the_removal(history: History) -> None:
    """Not even what was accepted before it was known."""
    accept(history, 3)
    removal = {"kind": "system", "event": "removed", "user_id": "bob"}
    receive(history, ALICE, 2, removal)
    receive(history, BOB, 2, removal)
    assert owed(history) == []


def test_one_who_joined_is_owed_what_comes_from_then_on(history: History) -> None:
    """A connection of a newcomer counts from its joining entry."""
    history.add(Opened(conn=3, user_id="carol", device_id="main", lane="carol.main"))
    history.add(ReplayDone(conn=3, count=0))
    receive(history, ALICE, 1, {"kind": "system", "event": "joined", "user_id": "carol"})
    ledger = Ledger(history)
    assert ledger.owes(3)
    receive(history, 3, 1)
    assert not ledger.owes(3)


def test_forgiven_debts_are_not_waited_for_again(history: History) -> None:
    """Patience runs out once for each loss."""
    accept(history, 1)
    ledger = Ledger(history)
    assert ledger.owes(BOB)
    ledger.forgive(BOB)
    assert not ledger.owes(BOB)
