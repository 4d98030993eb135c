"""The last check of a run: the history holds what was sent, once, in its place, word for word.

The history is walked from its newest page to where the load began (PAG-1). What was answered with
`sent` must stand at its seq with its text; a message whose answer never came may stand there or not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

from msgspec import Struct

from .accounting import Accounting, Talk
from .answers import Item, Page, understood

PAGE = 200
"""Entries of a page that are asked for; the server may give fewer."""


class ReadBack(Struct, frozen=True):
    """What a history was found to be."""

    entries: int
    """Entries that were looked at."""
    mismatches: int
    """Entries that are missing, twice, out of their place, or otherwise than they were sent."""


def read_back(
    talk: Talk,
    accounting: Accounting,
    is_body: Callable[[int, Any], bool],
    ask: Callable[[str], Any],
) -> ReadBack:
    """Compare a conversation's history.

    `is_body` answers whether a body is what the message of that number said; `ask` gets a path and answers
    with the JSON of a page. Raises `GiveUp` for what is no page.
    """
    entries = mismatches = 0
    expected: int | None = None
    seen: set[str] = set()
    for item in backwards(talk, talk.base, ask):
        seq, identity = item.seq, item.client_message_id or ""
        entries += 1
        if expected is None:
            mismatches += max(0, talk.head - seq)
        elif seq != expected:
            mismatches += 1
        expected = seq - 1
        mismatches += identity in seen
        seen.add(identity)
        index = seq - talk.base - 1
        number = talk.numbers[index] - 1 if index < len(talk.numbers) else -1
        if number >= 0 and not (
            identity == accounting.identity(number) and is_body(number, item.body)
        ):
            mismatches += 1
    last = talk.head if expected is None else expected
    return ReadBack(entries, mismatches + max(0, last - talk.base))


def backwards(talk: Talk, below: int, ask: Callable[[str], Any]) -> Iterator[Item]:
    """The entries above a seq, from the newest down. Raises `GiveUp` for what is no page."""
    path = f"/v1.0/conversations/{talk.conversation_id}/messages?limit={PAGE}"
    cursor: str | None = ""
    while cursor is not None:
        answer = ask(f"{path}&before={quote(cursor)}" if cursor else path)
        page = understood(answer, Page, "GET of a history")
        for item in reversed(page.items):
            if item.seq <= below:
                return
            yield item
        cursor = page.before
