"""Servers that are wrong in the large: whatever they number, the checkers come to an end and say so.

Seqs are a server's own. One that takes them from a clock leaves holes of a billion, one that begins
below 1 has as many entries as its highest seq and still no whole log.
"""

from __future__ import annotations

import pytest

from conformance.checkers import CHECKERS

from .story import Story, system, text

CLOCK = 1_795_000_000_000
"""A seq as somebody might take it from the time, in milliseconds."""


def test_seqs_from_a_clock_are_holes_in_the_log() -> None:
    """What is missing between two of them is not counted one by one."""
    story = Story("alice", "bob")
    alice, bob = story.connect("alice"), story.connect("bob")
    early, late = (text(CLOCK + step, created_at=None) for step in (0, 40_000_000))
    for entry in (early, late):
        story.says(entry, alice)
        bob.receives(entry)
    story.barrier()
    story.walk("bob", (early, late))
    assert story.blamed() == {"ORD-1"}


def test_an_entry_lost_between_seqs_from_a_clock_is_found() -> None:
    """It lies somewhere in a billion numbers, and is the only one that anybody has seen there."""
    story = Story("alice", "bob")
    story.login("bob")
    bob = story.connect("bob")
    entries = [text(CLOCK + step, created_at=None) for step in (0, 20_000_000, 40_000_000)]
    for entry in entries:
        story.says(entry)
    bob.receives(entries[0], entries[2])
    story.barrier()
    story.walk("bob", (entries[0], entries[2]))
    lost = {v.requirement: v.message for v in CHECKERS["delivery"](story.history)}
    assert f"Seq {CLOCK + 20_000_000} was lost to bob.phone" in lost["DLV-1"]
    skipped = {v.requirement: v.message for v in CHECKERS["history"](story.history)}
    assert f"without seq {CLOCK + 20_000_000}" in skipped["PAG-2"]


@pytest.mark.parametrize("odd", [0, -7])
def test_a_seq_below_one_does_not_fill_a_hole_above_it(odd: int) -> None:
    """Three entries up to seq 3, and yet seq 2 is unknown: nobody's membership can be told from that."""
    story = Story()
    bob = story.connect("bob")
    bob.receives(
        system(1, "created", user_ids=["alice", "bob"]),
        text(3, created_at=None),
        text(odd, created_at=None),
    )
    assert story.blamed() == {"ORD-1", "ORD-2"}
