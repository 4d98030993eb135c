"""What is known of watermarks from the acknowledgements that were sent.

A watermark is hidden in the server; an acknowledgement has no answer. What is known are two bounds:

* not higher than the highest seq that was *tried*: an acknowledgement took effect at the earliest when
  it was sent;
* not lower than what was acknowledged validly where a barrier proves that the server has worked on it.
  An acknowledgement on a connection that was cut afterwards may have been lost, and so may any of
  which nobody was told before the server was killed: they count for the first bound only.

Acknowledgements above anything that can have existed are refused, and count for neither.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from ..history import Acknowledging
from .evidence import Log, Staircase, Stream
from .index import Index

Level = Literal["delivered", "read"]
LEVELS: dict[Level, tuple[Level, ...]] = {"delivered": ("delivered", "read"), "read": ("read",)}
"""Which acknowledgements raise a watermark: reading delivers, too."""


class Proven:
    """The height that the server surely has worked on, within each of its lifetimes."""

    def __init__(self, index: Index, log: Log, acks: Iterable[Acknowledging]) -> None:
        self._index = index
        pairs: dict[int, list[tuple[int, int]]] = {}
        for ack in acks:
            drained = index.processed(ack) if valid(log, ack) else None
            if drained is not None:
                lifetime = index.lifetime(drained.n)
                pairs.setdefault(lifetime, []).append((drained.n, ack.up_to_seq))
        self._heights = {lifetime: Staircase(of) for lifetime, of in pairs.items()}

    def before(self, position: int) -> int:
        """The height proven before `position`; -1 if none is."""
        heights = self._heights.get(self._index.lifetime(position))
        return heights.before(position) if heights else -1


class DeviceWatermarks:
    """The bounds of every device's own watermark, by conversation and position."""

    def __init__(self, index: Index) -> None:
        self._tried: dict[tuple[str, str, str], Staircase] = {}
        self._proven: dict[tuple[str, str, str], Proven] = {}
        for (user_id, device_id), device in index.devices.items():
            for conversation_id, acks in device.acks.items():
                log = index.log(conversation_id)
                key = (user_id, device_id, conversation_id)
                self._tried[key] = Staircase(
                    (ack.n, ack.up_to_seq) for ack in acks if possible(log, ack)
                )
                self._proven[key] = Proven(index, log, acks)

    def highest(self, stream: Stream, log: Log) -> int:
        """At most this was the watermark from which the connection's backlog began; -1 for unknown."""
        tried = self._tried.get(_key(stream, log))
        return tried.before(stream.ready_at) if tried else -1

    def lowest(self, stream: Stream, log: Log) -> int:
        """At least this was the watermark when the connection was asked for; -1 for unknown."""
        proven = self._proven.get(_key(stream, log))
        return proven.before(stream.asked) if proven else -1


def _key(stream: Stream, log: Log) -> tuple[str, str, str]:
    return stream.opened.user_id, stream.opened.device_id, log.conversation_id


def valid(log: Log, ack: Acknowledging) -> bool:
    """Whether the server surely took an acknowledgement: the seq existed, and its user could see it."""
    stays = (log.stays or {}).get(ack.user_id)
    if not stays or ack.up_to_seq > log.heads.before(ack.n):
        return False
    return stays[-1].covers(ack.up_to_seq)


def possible(log: Log, ack: Acknowledging) -> bool:
    """Whether the server can have taken an acknowledgement at all."""
    return ack.up_to_seq <= max(log.heads.top, 0) + log.unresolved()


class UserWatermarks:
    """The bounds of one member's watermarks in a conversation, over all its devices."""

    def __init__(self, index: Index, log: Log, user_id: str) -> None:
        acks = [ack for ack in log.acks.get(user_id, ()) if possible(log, ack)]
        self._reads: dict[int, list[Acknowledging]] = {}
        for ack in log.acks.get(user_id, ()):
            if ack.status == "read":
                self._reads.setdefault(ack.up_to_seq, []).append(ack)
        self.tried: dict[Level, Staircase] = {}
        """By position: the highest seq acknowledged by then."""
        self.proven: dict[Level, Proven] = {}
        """By position: the highest seq that the server has worked on by then."""
        self.due: dict[Level, Staircase] = {}
        """By the position where a barrier began: the highest seq that this barrier covers."""
        for level, acking in LEVELS.items():
            raising = [ack for ack in acks if ack.status in acking]
            self.tried[level] = Staircase((ack.n, ack.up_to_seq) for ack in raising)
            self.proven[level] = Proven(index, log, raising)
            self.due[level] = Staircase(
                (drained.since, ack.up_to_seq)
                for ack in raising
                if valid(log, ack) and (drained := index.processed(ack)) is not None
            )

    def readers(self, seq: int, before: int) -> set[str]:
        """The devices that acknowledged just `seq` as read before this position."""
        return {ack.device_id for ack in self._reads.get(seq, ()) if ack.n < before}
