"""One conversation as one connection sees it: entries in the order of their seqs, each once.

On a connection the entries come without gap, repeat or step back (ORD-2, DLV-1). A gap may still be
filled by an entry that comes late: it is reordered. What never comes is lost, and only the end tells.
A new connection of the same device may begin with entries that the one before had seen (what was not
acknowledged is replayed), but may not leave any out.
"""

from __future__ import annotations

from .hops import Counts

MAX_GAP = 10_000
"""Entries that a stream can wait for; of a wider jump, that many count as lost at once."""


class Stream:
    """The seqs of a conversation on the connections of one device."""

    __slots__ = ("_fresh", "_gap", "_seen", "high")

    def __init__(self, head: int) -> None:
        self.high = head
        """The highest seq so far."""
        self._gap: set[int] = set()
        self._seen = head
        """The highest seq of all connections."""
        self._fresh = False

    def note(self, seq: int, counts: Counts) -> bool:
        """An entry came; answer whether this device sees it for the first time."""
        if self._fresh:
            self._fresh = False
            self.high = min(seq - 1, self._seen)
        expected = self.high + 1
        if seq < expected:
            if seq not in self._gap:
                counts.duplicated += 1
                return False
            self._gap.remove(seq)
            counts.reordered += 1
            return True
        if seq > expected:
            self._open_gap(expected, seq, counts)
        self.high = seq
        if seq > self._seen:
            self._seen = seq
            return True
        if seq in self._gap:
            self._gap.remove(seq)
            return True
        return False

    def reconnected(self) -> None:
        """What comes next comes on a new connection."""
        self._fresh = True

    def missing(self, head: int) -> int:
        """How many entries up to `head` have never come."""
        return len(self._gap) + max(0, head - self._seen)

    def _open_gap(self, first: int, end: int, counts: Counts) -> None:
        width = end - first
        if len(self._gap) + width > MAX_GAP:
            counts.lost += min(width, MAX_GAP)
        else:
            self._gap.update(range(first, end))
