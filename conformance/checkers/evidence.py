"""What is known of connections, devices, sends and logs: the records that an index is made of.

Of when an entry came into a server's log there are two bounds, and they are all that a checker may lean
on, because a correct server may be slow and its answers may overtake one another:

* ``known.existed``: at this position the entry surely was in the log, for somebody had seen it;
* ``log.unborn(seq)``: up to this position it surely was not, for it had not been sent, or somebody was
  shown a shorter log. A log is append-only, so the bound of one seq holds for every later one too.

``A`` comes before ``B`` for the server only if ``A`` was *answered* before ``B`` was *asked*.
"""

from __future__ import annotations

import sys
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator

from ..history import (
    Accepted,
    Acknowledging,
    Closed,
    ConversationSeen,
    Drained,
    Entry,
    Opened,
    PageRead,
    Received,
    Refused,
    ReplayDone,
    Sending,
    StatusTold,
    WalkDone,
)
from .membership import Stays, is_dense

NEVER = sys.maxsize
"""A position after every history."""

Key = tuple[str, str, str]
"""What makes a send idempotent: sender, conversation, `client_message_id`."""
Arrival = Received | Accepted
"""An entry on a connection: as itself, or as the answer to the own send that it is."""


class Staircase:
    """The running maximum of a value: from which position (or seq) on which height was reached."""

    __slots__ = ("_heights", "_starts")

    def __init__(self, pairs: Iterable[tuple[int, int]] = ()) -> None:
        self._starts: list[int] = []
        self._heights: list[int] = []
        for start, height in sorted(pairs):
            if not self._heights or height > self._heights[-1]:
                self._starts.append(start)
                self._heights.append(height)

    @property
    def top(self) -> int:
        """The greatest height; -1 if there is none."""
        return self._heights[-1] if self._heights else -1

    def before(self, start: int) -> int:
        """The height reached before `start`; -1 if none was."""
        at = bisect_left(self._starts, start) - 1
        return self._heights[at] if at >= 0 else -1

    def reaching(self, height: int) -> int:
        """The start from which on it is at least so high; `NEVER` if it never is."""
        at = bisect_left(self._heights, height)
        return self._starts[at] if at < len(self._starts) else NEVER


class Call:
    """A send and what became of it; `outcome` None: indeterminate."""

    __slots__ = ("outcome", "sending")

    def __init__(self, sending: Sending) -> None:
        self.sending = sending
        self.outcome: Accepted | Refused | None = None

    @property
    def key(self) -> Key:
        """Sender, conversation and idempotency key."""
        s = self.sending
        return s.user_id, s.conversation_id, s.client_message_id

    @property
    def stored(self) -> Accepted | None:
        """The answer that this very call stored the message, and not an earlier one."""
        outcome = self.outcome
        return outcome if isinstance(outcome, Accepted) and not outcome.duplicate else None


class Known:
    """A place in a log, as its first witness showed it; `entry` None: only its sender's answer is known."""

    __slots__ = ("call", "entry", "existed", "last", "message_id", "seq")

    def __init__(self, seq: int, message_id: str, n: int) -> None:
        self.seq = seq
        self.message_id = message_id
        self.entry: Entry | None = None
        self.call: Call | None = None
        self.existed = n
        self.last = n
        """The position of its last sighting."""

    @property
    def sender_id(self) -> str | None:
        """Who sent it, if anybody said so."""
        if self.entry is not None and self.entry.sender_id is not None:
            return self.entry.sender_id
        return self.call.sending.user_id if self.call else None


class Stream:
    """One realtime connection, and per conversation what arrived on it."""

    __slots__ = ("arrivals", "calls", "closed", "conn", "drains", "opened", "ready", "told")

    def __init__(self, opened: Opened) -> None:
        self.conn = opened.conn
        self.opened = opened
        self.ready: ReplayDone | None = None
        self.closed: Closed | None = None
        self.drains: list[Drained] = []
        self.arrivals: dict[str, list[Arrival]] = {}
        """By conversation, in order of arrival: entries, and answers to own sends standing in for them."""
        self.told: dict[tuple[str, str], list[StatusTold]] = {}
        """By conversation and user."""
        self.calls: list[Call] = []

    @property
    def lane(self) -> str:
        """The device's name in the scenario."""
        return self.opened.lane

    @property
    def user_id(self) -> str:
        """Whose connection it is."""
        return self.opened.user_id

    @property
    def asked(self) -> int:
        """The latest position at which it surely was not open yet."""
        return self.opened.n if self.opened.asked is None else self.opened.asked

    @property
    def ready_at(self) -> int:
        """The position of the end of its backlog; `NEVER` if that was not seen."""
        return self.ready.n if self.ready else NEVER


class Device:
    """A device over all its connections."""

    __slots__ = ("acks", "logins", "removals", "streams")

    def __init__(self) -> None:
        self.streams: list[Stream] = []
        self.acks: dict[str, list[Acknowledging]] = {}
        self.logins: list[int] = []
        self.removals: list[int] = []

    def began(self, before: int) -> int:
        """The position by which the login had happened from which on everything is kept for it.

        That is its first, or its first after a removal. `NEVER` if that is not known.
        """
        removed = max((r for r in self.removals if r < before), default=-1)
        return next((p for p in self.logins if p > removed), NEVER)


class Log:
    """A conversation's log, from all who saw something of it."""

    def __init__(self, conversation_id: str) -> None:
        self.conversation_id = conversation_id
        self.known: dict[int, Known] = {}
        """By seq. The seqs are a server's own and may be anything: never count from one to the other."""
        self.seen: list[Arrival] = []
        """Everything that arrived live or was answered, repeats of a send aside."""
        self.pages: list[PageRead] = []
        self.walks: list[WalkDone] = []
        self.views: list[ConversationSeen] = []
        self.calls: list[Call] = []
        self.acks: dict[str, list[Acknowledging]] = {}
        self.stays: Stays | None = None
        """Who is a member from which seq to which; None where that cannot be known."""
        self.births = Staircase()
        """By seq: the latest position at which it surely was not there; see :meth:`unborn`."""
        self.heads = Staircase()
        """By position: the highest seq that surely existed by then."""
        self._seqs: list[int] = []

    @property
    def is_whole(self) -> bool:
        """Whether every entry from the first up to the head is known."""
        return is_dense(self.known)

    def between(self, low: int, high: int) -> Iterator[Known]:
        """The known entries with ``low < seq < high``, in order."""
        for at in range(bisect_right(self._seqs, low), bisect_left(self._seqs, high)):
            yield self.known[self._seqs[at]]

    def unborn(self, seq: int) -> int:
        """The latest position at which the entry `seq` surely did not exist; -1 if none is known."""
        return self.births.before(seq + 1)

    def settle(self, births: Iterable[tuple[int, int]]) -> None:
        """Prepare the bounds: `births` are pairs of a seq and a position at which it was not there."""
        self._seqs = sorted(self.known)
        self.births = Staircase(births)
        self.heads = Staircase((known.existed, known.seq) for known in self.known.values())

    def unresolved(self) -> int:
        """How many sends may be in the log without anybody knowing."""
        return sum(call.outcome is None for call in self.calls)


def seq_of(arrival: Arrival) -> int:
    """The seq of the entry that arrived."""
    return arrival.entry.seq if isinstance(arrival, Received) else arrival.seq


def message_of(arrival: Arrival) -> str:
    """The id of the entry that arrived."""
    return arrival.entry.message_id if isinstance(arrival, Received) else arrival.message_id
