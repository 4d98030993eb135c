"""Why things failed, counted in the words of the API, so that sums stay small and say much."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

MOST: Final = 20
"""Different causes that are kept apart; a server may make up new ones without end."""
LONGEST: Final = 60
"""Characters of one."""
OTHERS: Final = "others"
UNANSWERED: Final = "no answer until the end"


class Causes:
    """How often each cause was met."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def note(self, cause: str, times: int = 1) -> None:
        """It was met again."""
        cause = cause[:LONGEST]
        known = cause in self._counts or len(self._counts) < MOST
        self._counts[cause if known else OTHERS] += times

    def add(self, others: Mapping[str, int]) -> None:
        """Add what was met elsewhere."""
        for cause, times in others.items():
            self.note(cause, times)

    def take(self) -> dict[str, int]:
        """Everything since this was last asked."""
        taken, self._counts = self._counts, Counter()
        return dict(taken)

    @property
    def counts(self) -> dict[str, int]:
        """The most frequent first."""
        return dict(self._counts.most_common())
