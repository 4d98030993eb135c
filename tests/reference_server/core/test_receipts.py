"""Watermarks and the status lattice, for all watermarks there can be."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_server.core.model import Membership
from reference_server.core.receipts import (
    RANK,
    Acknowledged,
    Marks,
    Status,
    overall,
    recipients,
)

SEQS = st.integers(0, 30)
MARKS = st.builds(lambda a, b: Marks(max(a, b), min(a, b)), SEQS, SEQS)
NOTHING = Marks(0, 0)
STEPS = st.lists(st.tuples(st.sampled_from(("delivered", "read")), SEQS), max_size=12)


def stay(user_id: str, *, left_seq: int | None = None, marks: Marks = NOTHING) -> Membership:
    """A stay from the start."""
    return Membership(
        user_id=user_id,
        role="member",
        joined_seq=1,
        left_seq=left_seq,
        delivered_seq=marks.delivered_seq,
        read_seq=marks.read_seq,
    )


@given(MARKS, STEPS, st.integers(1, 30))
def test_a_status_never_falls(
    marks: Marks, steps: list[tuple[Acknowledged, int]], seq: int
) -> None:
    """STA-3: whatever is acknowledged, in whatever order."""
    path = [marks]
    for status, up_to in steps:
        path.append(path[-1].raised(status, up_to))
    for before, after in pairwise(path):
        assert RANK[after.status_of(seq)] >= RANK[before.status_of(seq)]
        assert after.delivered_seq >= before.delivered_seq
        assert after.read_seq >= before.read_seq


@given(MARKS, STEPS)
def test_read_implies_delivered(marks: Marks, steps: list[tuple[Acknowledged, int]]) -> None:
    """STA-4: what is read was delivered."""
    for status, up_to in steps:
        marks = marks.raised(status, up_to)
        assert marks.level(status) >= up_to
        assert marks.read_seq <= marks.delivered_seq


@given(MARKS, st.sampled_from(("delivered", "read")), SEQS)
def test_a_repeat_or_a_lower_watermark_changes_nothing(
    marks: Marks, status: Acknowledged, up_to: int
) -> None:
    """STA-3: once raised, saying it again or less is the same marks."""
    once = marks.raised(status, up_to)
    assert once.raised(status, up_to) == once
    assert once.raised("delivered", once.delivered_seq) == once
    assert once.raised("read", once.read_seq) == once


@given(MARKS, STEPS, st.randoms(use_true_random=False))
def test_the_order_of_acknowledgements_does_not_matter(
    marks: Marks, steps: list[tuple[Acknowledged, int]], random: Random
) -> None:
    """Two devices may race; the marks are the highest of both."""
    shuffled = random.sample(steps, len(steps))
    one, other = marks, marks
    for status, up_to in steps:
        one = one.raised(status, up_to)
    for status, up_to in shuffled:
        other = other.raised(status, up_to)
    assert one == other


@pytest.mark.parametrize(
    ("marks", "status"),
    [
        (Marks(0, 0), "sent"),
        (Marks(4, 0), "sent"),
        (Marks(5, 0), "delivered"),
        (Marks(5, 4), "delivered"),
        (Marks(5, 5), "read"),
        (Marks(9, 9), "read"),
    ],
)
def test_a_status_is_read_off_the_watermarks(marks: Marks, status: Status) -> None:
    """The entry 5, at each edge."""
    assert marks.status_of(5) == status


@given(st.lists(MARKS, min_size=1, max_size=5), st.integers(1, 30))
def test_the_overall_status_is_the_lowest(marks: list[Marks], seq: int) -> None:
    """STA-5: of those who never left."""
    stays = [stay(f"u{n}", marks=each) for n, each in enumerate(marks)]
    lowest = min((each.status_of(seq) for each in marks), key=RANK.__getitem__)
    assert overall(stays, seq) == lowest


def test_one_who_left_without_a_word_is_not_waited_for() -> None:
    """Who has acknowledged still counts after leaving."""
    silent = stay("bob", left_seq=9)
    reader = stay("carol", marks=Marks(5, 5))
    assert overall([silent, reader], 5) == "read"
    assert overall([stay("bob", left_seq=9, marks=Marks(5, 0)), reader], 5) == "delivered"
    assert overall([silent], 5) == "sent"
    assert overall([], 5) == "sent"


def test_recipients_are_the_members_at_that_seq_except_the_sender() -> None:
    """Who came later or had left before is none; who left since is one."""
    alice, bob = stay("alice"), stay("bob", left_seq=7)
    gone = stay("carol", left_seq=4)
    late = Membership(
        user_id="dave", role="member", joined_seq=6, left_seq=None, delivered_seq=5, read_seq=5
    )
    assert recipients([alice, bob, gone, late], 5, "alice") == [bob]


def test_a_stay_sees_from_its_joining_to_its_end() -> None:
    """CONV-4: both entries included."""
    past = Membership(
        user_id="bob", role="member", joined_seq=3, left_seq=6, delivered_seq=0, read_seq=0
    )
    assert [seq for seq in range(1, 10) if past.sees(seq)] == [3, 4, 5, 6]
    assert (past.visible_head(9), stay("bob").visible_head(9)) == (6, 9)
