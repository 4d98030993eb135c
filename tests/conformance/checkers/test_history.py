"""Examples of pages and walks: whole, torn, and read while others write."""

from __future__ import annotations

import pytest

from conformance.history import Entry

from .story import Story, system, text

LOG = tuple(text(seq) for seq in range(1, 6))


@pytest.fixture
def story() -> Story:
    """Alice has sent bob five messages, which he received."""
    story = Story("alice", "bob")
    bob = story.connect("bob")
    for entry in LOG:
        story.says(entry)
        bob.receives(entry)
    return story


def test_a_whole_walk_gives_every_entry_once(story: Story) -> None:
    """In both directions."""
    story.walk("bob", LOG[:2], LOG[2:4], LOG[4:])
    story.walk("alice", LOG[3:], LOG[1:3], LOG[:1], direction="before")
    assert story.blamed() == set()


@pytest.mark.parametrize(
    ("pages", "direction", "requirement"),
    [
        ((LOG[:2], LOG[3:]), "after", "PAG-2"),
        ((LOG[:3], LOG[2:]), "after", "PAG-2"),
        ((LOG[3:], LOG[:2]), "before", "PAG-1"),
        ((LOG[3:], LOG[1:4], LOG[:1]), "before", "PAG-1"),
        (((LOG[0], LOG[2]), LOG[3:]), "after", "PAG-2"),
    ],
    ids=["lost after", "twice after", "lost before", "twice before", "lost inside"],
)
def test_a_torn_walk_is_found(
    story: Story, pages: tuple[tuple[Entry, ...], ...], direction: str, requirement: str
) -> None:
    """An entry lost or repeated between two pages, or within one."""
    story.walk("bob", *pages, direction="before" if direction == "before" else "after")
    assert story.blamed() == {requirement}


def test_a_walk_that_misses_the_beginning_is_found(story: Story) -> None:
    """It says itself that there is nothing older."""
    story.walk("bob", LOG[3:], LOG[1:3], direction="before")
    assert story.blamed() == {"PAG-1", "PAG-3"}


def test_a_new_member_walks_from_its_joining_on() -> None:
    """Nothing older is missing, and nothing older may be there."""
    story = Story()
    log = (
        system(1, "created", user_ids=["alice"]),
        text(2, "zoe"),
        system(3, "joined", user_id="bob"),
    )
    story.connect("alice", *log)
    story.page("bob", *log[2:], has_older=False)
    assert story.blamed() == set()
    story.page("bob", *log[1:], has_older=False)
    assert story.blamed() == {"CONV-4"}


def test_a_stranger_reads_nothing(story: Story) -> None:
    """Mallory is no member."""
    story.page("mallory", *LOG)
    assert story.blamed() == {"CONV-5"}


def test_what_was_accepted_can_be_read(story: Story) -> None:
    """From the moment that the sender is told so."""
    op = story.sends(text(6))
    story.page("bob", *LOG)
    story.accepted(op, text(6))
    assert story.blamed() == set()
    story.page("bob", *LOG)
    assert story.blamed() == {"STA-1"}


def test_a_page_that_forgets_what_was_readable_is_found(story: Story) -> None:
    """Another page had it, and this one says that nothing is newer."""
    story.page("bob", *LOG)
    story.page("alice", *LOG[:4])
    assert story.blamed() == {"PAG-3"}


def test_a_page_may_promise_what_is_sent_meanwhile(story: Story) -> None:
    """But not what is sent after its answer."""
    asked = len(story.history)
    op = story.sends(text(6))
    story.page("bob", *LOG, has_newer=True, asked=asked)
    story.accepted(op, text(6))
    assert story.blamed() == set()
    story.page("bob", *LOG, text(6), has_newer=True)
    story.says(text(7))
    assert story.blamed() == {"PAG-3"}


def test_pages_keep_their_limit_and_their_order(story: Story) -> None:
    """At most so many, and rising."""
    story.page("bob", *LOG, limit=4)
    assert story.blamed() == {"PAG-3"}


def test_a_page_is_ascending(story: Story) -> None:
    """Also when it was reached backwards."""
    story.page("bob", *LOG[::-1], has_older=False)
    assert story.blamed() == {"PAG-3"}


def test_history_shows_what_was_received(story: Story) -> None:
    """The same message with the same body, unless edited or deleted since."""
    deleted = text(2, body={"kind": "deleted"})
    edited = text(3, body={"kind": "text", "text": "new"}, edited_at="2026-11-22T11:00:00.000Z")
    story.page("bob", LOG[0], deleted, edited, *LOG[3:])
    assert story.blamed() == set()
    altered = text(5, body={"kind": "text", "text": "altered"})
    story.page("bob", LOG[0], deleted, edited, LOG[3], altered)
    assert story.blamed() == {"ORD-7"}


def test_devices_agree_on_the_history() -> None:
    """Also on what nobody received live."""
    story = Story("alice", "bob")
    story.page("alice", text(1, "zoe"), has_older=False)
    story.page("bob", text(1, "zoe", message_id="another"), has_older=False)
    assert story.blamed() == {"ORD-7"}


def test_an_empty_history_is_no_complaint() -> None:
    """Nothing was ever sent."""
    story = Story("alice", "bob")
    story.walk("alice", ())
    assert story.blamed() == set()


@pytest.mark.parametrize(
    ("kind", "requirement"), [("deleted", "REL-2"), ("expired", "STA-9"), ("edited", "REL-2")]
)
def test_what_was_changed_does_not_come_back(story: Story, kind: str, requirement: str) -> None:
    """Once shown so, it is shown so to the same reader; another may have another view."""
    changed = (
        text(2, edited_at="2026-11-22T11:00:00.000Z", body={"kind": "text", "text": "new"})
        if kind == "edited"
        else text(2, body={"kind": kind})
    )
    asked = len(story.history)
    story.page("bob", LOG[0], changed, *LOG[2:])
    story.page("bob", *LOG, asked=asked)
    story.page("alice", *LOG)
    assert story.blamed() == set()
    story.page("bob", *LOG)
    assert story.blamed() == {requirement}


def test_a_change_may_follow_another(story: Story) -> None:
    """Edited, edited again, expired, deleted."""
    for number in (1, 2):
        edited = text(2, edited_at=f"2026-11-22T11:00:0{number}.000Z", body={"kind": "text"})
        story.page("bob", LOG[0], edited, *LOG[2:])
    for kind in ("expired", "deleted"):
        story.page("bob", LOG[0], text(2, body={"kind": kind}), *LOG[2:])
    assert story.blamed() == set()
