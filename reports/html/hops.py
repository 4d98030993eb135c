"""The hops of a load run as people read them: a name, a number that a picture can carry, and where each begins.

A number stands on the line in a chart, before the name in the waterfall and in the legends, so that nobody
needs colours to tell lines apart. What the server says of its own part of `sent` is in the waterfall alone,
below the hop that it is a part of and in its colour.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct


class Look(Struct, frozen=True):
    """How a hop is shown."""

    number: int
    """From 1; there is a colour for each (`load.css`)."""
    title: str
    after: tuple[str, ...] = ()
    """Hops that are over, at their medians, when it begins."""
    is_part: bool = False
    """Whether it is a part of the hop with the same number."""

    @property
    def name(self) -> str:
        """Title and number."""
        return self.title if self.is_part else f"{self.number} {self.title}"


LOOKS: Final = {
    "send_to_sent": Look(1, "send → sent"),
    "sent_queue": Look(1, "waiting to be stored", is_part=True),
    "sent_commit": Look(1, "storing", ("sent_queue",), is_part=True),
    "sent_rest": Look(1, "the rest", ("sent_queue", "sent_commit"), is_part=True),
    "send_to_delivered": Look(2, "send → delivered"),
    "delivered_to_status": Look(3, "delivered → status", ("send_to_delivered",)),
    "read_to_status": Look(4, "read → status", ("send_to_delivered",)),
    "history_page": Look(5, "page of history"),
    "media_upload": Look(6, "upload"),
    "media_download": Look(7, "delivered → downloaded", ("send_to_delivered",)),
    "connect_to_replayed": Look(8, "connect → replayed"),
}


def look(hop: str) -> Look:
    """How a hop is shown, also one that an older page does not know."""
    return LOOKS.get(hop) or Look(len(LOOKS), hop)


def title(hop: str) -> str:
    """What it is called in a sentence or a table."""
    known = look(hop)
    return f"send → sent: {known.title}" if known.is_part else known.title
