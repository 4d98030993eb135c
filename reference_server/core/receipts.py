"""Watermarks and the status lattice (§5).

A message's status for one recipient is not stored: it is read off two watermarks, because an
acknowledgement always covers everything up to a seq. Only that it failed is, because that is final::

    sent ──> delivered ──> read
      └────> failed                      expired before any device acknowledged it

    read_seq ≥ seq        read
    delivered_seq ≥ seq   delivered
    else                  sent

`read` implies `delivered` (STA-4), so raising the one raises the other; nothing here ever lowers a mark
(STA-3), and only a rise is told to anyone.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from typing import Literal

from msgspec import Struct

from .model import Membership

Acknowledged = Literal["delivered", "read"]
Status = Literal["sent", "delivered", "read", "failed"]

RANK: dict[Status, int] = {"sent": 0, "delivered": 1, "read": 2}


class Marks(Struct, frozen=True):
    """A user's two watermarks in a conversation; ``read_seq <= delivered_seq`` always."""

    delivered_seq: int
    read_seq: int

    def raised(self, status: Acknowledged, up_to_seq: int) -> Marks:
        """The marks after acknowledging `up_to_seq`: each the higher of old and new."""
        delivered = max(self.delivered_seq, up_to_seq)
        read = max(self.read_seq, up_to_seq) if status == "read" else self.read_seq
        return Marks(delivered, read)

    def level(self, status: Acknowledged) -> int:
        """The watermark of that name."""
        return self.read_seq if status == "read" else self.delivered_seq

    def status_of(self, seq: int) -> Status:
        """What the entry `seq` is for this user."""
        if self.read_seq >= seq:
            return "read"
        return "delivered" if self.delivered_seq >= seq else "sent"


class RecipientStatus(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One recipient's status of one message, as ``…/status`` tells it."""

    user_id: str
    status: Status
    delivered_at: str | None = None
    read_at: str | None = None
    reason: Literal["expired"] | None = None


def recipients(stays: Iterable[Membership], seq: int, sender_id: str) -> list[Membership]:
    """The stays of those who were members at `seq`, except the sender; one for each user."""
    return [stay for stay in stays if stay.user_id != sender_id and stay.sees(seq)]


def overall(stays: Sequence[Membership], seq: int, failed: Container[str] = ()) -> Status:
    """The lowest status of those who have acknowledged or never left since; `sent` if there are none.

    `failed` are the users for whom it failed: they count only when they are all.
    """
    if stays and all(stay.user_id in failed for stay in stays):
        return "failed"
    counted = [
        status
        for stay in stays
        if stay.user_id not in failed
        and (
            (status := Marks(stay.delivered_seq, stay.read_seq).status_of(seq)) != "sent"
            or stay.left_seq is None
        )
    ]
    return min(counted, key=RANK.__getitem__, default="sent")
