"""What a frame on its way to a device is about, for the faults that single some out."""

from __future__ import annotations

from ..events import MessageEvent
from ..hub import Item, Outgoing
from ..transport.frames import SentFrame


def delivered(item: Item) -> tuple[str, int]:
    """The conversation and seq of a log entry; seq 0 for other frames."""
    if isinstance(item, Outgoing) and isinstance(item.frame, MessageEvent):
        return item.frame.message.conversation_id, item.frame.message.seq
    return "", 0


def answered(item: Item) -> tuple[str, int]:
    """The same for the answer to a send, which stands in for its entry."""
    if isinstance(item, Outgoing) and isinstance(item.frame, SentFrame):
        return item.frame.conversation_id, item.frame.seq
    return "", 0
