"""Who acknowledged what of a conversation, and whether its senders are told so, and nothing else.

What a reader acknowledges is awaited as a status at the sender, until one comes that covers it (STA-4: one may
answer many). Wrong is a status that falls (STA-3), one of which no acknowledgement knows (STA-2), and in the
end one that never came.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right, insort
from collections import deque
from collections.abc import Container, Iterator
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

if TYPE_CHECKING:
    from .accounting import Flight

Watermark = Literal["delivered", "read"]
COVERED: dict[str, tuple[Watermark, ...]] = {
    "delivered": ("delivered",),
    "read": ("read", "delivered"),
}
"""What a status tells at once: read implies delivered, and may come in its place (STA-4)."""
Expectation = Literal["awaited", "told already", "repeated"]
"""Of a status: whether it must still come."""
Answered = tuple[int, "Flight | None"]
"""When an acknowledgement was given, and which message it was about."""


class Acknowledged(Struct, eq=False):
    """How far one user has acknowledged what another one sent, in one of the two ways."""

    awaited: deque[tuple[int, int, Flight | None]]
    """What no status came for yet: up to which seq, when, and the message that it was about."""
    told: int = 0
    """The highest seq that was acknowledged."""
    heard: int = 0
    """The highest seq that a status covered."""


class Heard:
    """What one device was told, and what it sent that can be told of."""

    __slots__ = ("_own", "_up_to")

    def __init__(self) -> None:
        self._own = array("Q")
        """The seqs of what it sent, ascending."""
        self._up_to: dict[tuple[str, str], int] = {}
        """By reader and status."""

    def stored(self, seq: int) -> None:
        """The device's own message stands at a seq."""
        insort(self._own, seq)

    def falls(self, reader: str, status: str, up_to: int) -> bool:
        """Whether a status is below one that came before; it is remembered."""
        key = (reader, status)
        before = self._up_to.get(key, 0)
        if up_to > before:
            self._up_to[key] = up_to
        return up_to < before

    def newest_own(self, up_to: int) -> int:
        """The newest of its own messages up to a seq; 0 if there is none."""
        index = bisect_right(self._own, up_to)
        return self._own[index - 1] if index else 0


class Statuses:
    """The acknowledgements of one conversation."""

    __slots__ = ("_acknowledged", "_known")

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, Watermark], Acknowledged] = {}
        """By sender and reader."""
        self._acknowledged: dict[tuple[str, Watermark], int] = {}
        """By reader: the highest seq, whoever sent it."""

    def acknowledged(self, reader: str, status: Watermark, up_to: int) -> None:
        """A reader says that it has all up to a seq, in one of the two ways."""
        key = (reader, status)
        if up_to > self._acknowledged.get(key, 0):
            self._acknowledged[key] = up_to

    def _of(self, sender: str, reader: str, status: Watermark) -> Acknowledged:
        key = (sender, reader, status)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = Acknowledged(deque())
        return known

    def expect(
        self, sender: str, reader: str, status: Watermark, seq: int, now: int, about: Flight | None
    ) -> Expectation:
        """What a reader acknowledged holds something of a sender; what that means for the sender.

        Of a repeat, or less than before, nothing comes; nor of what was told already, because a device of
        the reader that is not known here was faster.
        """
        known = self._of(sender, reader, status)
        if seq <= known.told:
            return "repeated"
        known.told = seq
        if seq <= known.heard:
            return "told already"
        known.awaited.append((seq, now, about))
        return "awaited"

    def came(self, sender: str, reader: str, status: Watermark, up_to: int) -> list[Answered]:
        """Each acknowledgement that a status answers."""
        known = self._of(sender, reader, status)
        if up_to > known.heard:
            known.heard = up_to
        awaited = known.awaited
        answered: list[Answered] = []
        while awaited and awaited[0][0] <= up_to:
            _, since, about = awaited.popleft()
            answered.append((since, about))
        return answered

    def is_unfounded(self, reader: str, status: Watermark, seq: int) -> bool:
        """Whether a reader never acknowledged a message, as far as is known here."""
        known = self._acknowledged
        return known.get((reader, status), 0) < seq and (
            status == "read" or known.get((reader, "read"), 0) < seq  # who has read it has it
        )

    def missing(self, away: Container[str]) -> Iterator[Flight]:
        """What senders were never told of. Who is away may have missed it, or not said it."""
        for (sender, reader, _), known in self._known.items():
            if sender not in away and reader not in away:
                yield from (about for _, _, about in known.awaited if about is not None)
