"""What is measured: the hops of a message's way, and the events that are counted.

Every hop is timed twice. *Corrected* starts at the moment that the plan says; *waiting* starts where a
tester would have started that sends its next message only when the one before has come through, as
most tools do. While a server stalls, that tester sends nothing and so notes one slow message where
users would have seen many: coordinated omission. The difference of the two shows how much it hides.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

from msgspec import Struct

Hop = Literal[
    "send_to_sent", "sent_queue", "sent_commit", "sent_rest",
    "send_to_delivered", "delivered_to_status", "read_to_status", "history_page",
    "media_upload", "media_download", "connect_to_replayed",
]  # fmt: skip
HOPS: Final[tuple[Hop, ...]] = get_args(Hop)

SPLIT: Final[tuple[Hop, ...]] = ("sent_queue", "sent_commit", "sent_rest")
"""What `send_to_sent` is made of, where the server tells."""

LAG: Final = "generator_lag"
"""From the moment that the plan says to the moment that the frame is handed to the socket."""


class Counts(Struct, kw_only=True):
    """What happened, in numbers. They can be added up over intervals and processes."""

    planned: int = 0
    """Arrivals that came due."""
    sent: int = 0
    """Answered with `sent`."""
    failed: int = 0
    """Refused, or due while the sender had no connection."""
    verified: int = 0
    """Stored, delivered to every other device of the conversation, and acknowledged."""
    deliveries: int = 0
    dropped: int = 0
    """Due arrivals that the generator itself did not send."""
    unanswered: int = 0
    """Sent, and no answer until the end: what became of them is unknown."""
    lost: int = 0
    """Deliveries that did not come although the message was stored."""
    duplicated: int = 0
    """Entries that came to a connection a second time."""
    reordered: int = 0
    """Entries that came behind a later one."""
    history_mismatch: int = 0
    """Entries that the history has otherwise than they were sent, or has not."""
    asset_mismatch: int = 0
    """Files that came otherwise than they were uploaded."""
    status_mismatch: int = 0
    """Statuses that fell, that no acknowledgement knows of, or that never came."""
    disconnected: int = 0
    """Connections that ended by themselves."""

    def add(self, other: Counts) -> None:
        """Add another interval, or another process."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))
