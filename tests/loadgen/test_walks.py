"""Scrolling back: which pages are asked for, and what is wrong with one that comes."""

from __future__ import annotations

import pytest

from loadgen.answers import Item, Page
from loadgen.walks import PAGE, Walk


def page(*seqs: int, before: str | None = "older") -> Page:
    """A page with these entries."""
    return Page([Item(seq) for seq in seqs], before)


def test_a_walk_goes_back_to_the_beginning_and_starts_again() -> None:
    """The cursor of each page leads to the next; without one there is nothing older."""
    walk = Walk("c")
    newest = f"/v1.0/conversations/c/messages?limit={PAGE}"
    assert walk.step.path == newest
    assert walk.take(walk.step, page(4, 5, 6, before="a/b")) == 0
    assert walk.step.path == f"{newest}&before=a/b"
    assert walk.take(walk.step, page(1, 2, 3, before=None)) == 0
    assert walk.step.path == newest
    assert walk.take(walk.step, page(5, 6, 7)) == 0


@pytest.mark.parametrize(
    ("second", "wrong"),
    [
        (page(1, 2, 3), 0),
        (page(1, 3), 1),
        (page(3, 2, 1), 3),
        (page(1, 2), 1),
        (page(2, 3, 4), 1),
        (page(*range(3 - PAGE, 4)), 1),
        (page(), 0),
    ],
    ids=["right", "gap", "descending", "ends early", "overlaps", "too long", "empty"],
)
def test_a_wrong_page_is_found(second: Page, wrong: int) -> None:
    """After a page that began at seq 4."""
    walk = Walk("c")
    assert walk.take(walk.step, page(4, 5, 6)) == 0
    assert walk.take(walk.step, second) == wrong


def test_two_steps_at_once_ask_for_the_same_page() -> None:
    """A user who scrolls faster than the server answers is no mistake of the server."""
    walk = Walk("c")
    walk.take(walk.step, page(4, 5, 6))
    first, second = walk.step, walk.step
    assert walk.take(first, page(1, 2, 3)) == 0
    assert walk.take(second, page(1, 2, 3)) == 0
