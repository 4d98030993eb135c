"""What one connection sees of a conversation, entry by entry."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.hops import Counts
from loadgen.streams import MAX_GAP, Stream


def seen(*seqs: int, head: int = 0) -> tuple[Stream, Counts]:
    """A stream after these entries."""
    stream, counts = Stream(head), Counts()
    for seq in seqs:
        stream.note(seq, counts)
    return stream, counts


@pytest.mark.parametrize(
    ("seqs", "lost", "duplicated", "reordered"),
    [
        ((1, 2, 3), 0, 0, 0),
        ((1, 3), 1, 0, 0),
        ((1, 3, 2), 0, 0, 1),
        ((1, 1, 2, 3), 0, 1, 0),
        ((3, 2, 1), 0, 0, 2),
        ((1, 2, 3, 2, 2), 0, 2, 0),
        ((1, 2), 1, 0, 0),
        ((), 3, 0, 0),
    ],
)
def test_what_is_wrong_is_called_by_its_name(
    seqs: tuple[int, ...], lost: int, duplicated: int, reordered: int
) -> None:
    """Of three entries: one that never came, came twice, or came behind a later one."""
    stream, counts = seen(*seqs)
    assert (stream.missing(head=3), counts.duplicated, counts.reordered) == (
        lost,
        duplicated,
        reordered,
    )


def test_a_new_connection_may_repeat_what_was_not_acknowledged() -> None:
    """At least once until acknowledged: a client drops what it has by seq."""
    stream, counts = seen(1, 2, 3)
    stream.reconnected()
    assert [stream.note(seq, counts) for seq in (2, 3, 4)] == [False, False, True]
    assert (counts.duplicated, counts.reordered, stream.missing(4)) == (0, 0, 0)


def test_a_new_connection_may_not_repeat_itself() -> None:
    """Within one connection each entry comes once (DLV-1)."""
    stream, counts = seen(1, 2, 3)
    stream.reconnected()
    for seq in (2, 3, 3):
        stream.note(seq, counts)
    assert counts.duplicated == 1


def test_a_new_connection_may_not_leave_anything_out() -> None:
    """What was sent while the device was away is replayed (DLV-2)."""
    stream, counts = seen(1, 2)
    stream.reconnected()
    stream.note(5, counts)
    assert stream.missing(5) == 2


def test_a_replay_fills_the_gap_of_the_connection_before() -> None:
    """What was lost on the way comes with the next connection, and is not lost."""
    stream, counts = seen(1, 3)
    stream.reconnected()
    assert [stream.note(seq, counts) for seq in (2, 3)] == [True, False]
    assert (stream.missing(3), counts.reordered, counts.duplicated) == (0, 0, 0)


def test_a_wild_jump_is_bounded() -> None:
    """A server cannot make the generator remember without end."""
    stream, counts = seen(1, 10**12)
    assert counts.lost == MAX_GAP
    assert stream.missing(10**12) == 0


@given(st.permutations(list(range(1, 12))))
def test_every_order_of_complete_entries_loses_nothing(order: list[int]) -> None:
    """And each entry that comes behind a later one is reordered."""
    stream, counts = seen(*order)
    behind = sum(seq < max(order[:index], default=0) for index, seq in enumerate(order))
    assert (stream.missing(11), counts.duplicated, counts.reordered) == (0, 0, behind)
