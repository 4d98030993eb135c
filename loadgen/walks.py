"""A user who scrolls back: page by page into the history, and again from the newest page at its end.

Pure: a walk says what to ask for, and judges each page that comes. Entries must come in ascending seq, dense,
and each page must end right below where the one before it began (PAG-1, PAG-3).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final
from urllib.parse import quote

from msgspec import Struct

from .answers import Page

PAGE: Final = 50
"""Entries that are asked for; the API's own default."""


class Step(Struct, frozen=True):
    """One page that is asked for."""

    path: str
    below: int | None
    """The seq right above the page; None: it is the newest."""


class Walk:
    """One user's way through one conversation. Who asks twice before the answer asks for the same."""

    __slots__ = ("_newest", "step")

    def __init__(self, conversation_id: str) -> None:
        self._newest = f"/v1.0/conversations/{conversation_id}/messages?limit={PAGE}"
        self.step = Step(self._newest, None)
        """What to ask for next."""

    def take(self, step: Step, page: Page) -> int:
        """A page came for a step; how many of its entries are not where they must be."""
        seqs = [item.seq for item in page.items]
        wrong = sum(later != sooner + 1 for sooner, later in pairwise(seqs))
        wrong += len(seqs) > PAGE
        if step.below is not None and seqs:
            wrong += seqs[-1] != step.below - 1
        cursor = page.before
        if cursor is None or not seqs:
            self.step = Step(self._newest, None)
        else:
            self.step = Step(f"{self._newest}&before={quote(cursor)}", seqs[0])
        return wrong
