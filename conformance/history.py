"""The history of one run: everything that was asked, answered and seen, in one list.

The engine and its adapter append, the checkers read. Two kinds of events share the list, so that a
finding can be shown in its surroundings:

* **raw** events, what was on the wire: :class:`Wire`. They are the evidence.
* **semantic** events, what it meant: the other types. They speak of users, devices, connections and
  log entries, and of no protocol, so the same checkers judge any adapter, a load run or a simulation.

Each event has its position in the list (`n`), seconds since the start of the run (`t`, one monotonic
clock), and, for semantic events read off the wire, the position of the raw event behind it (`raw`).
A position orders what *this process* saw; it says nothing about the order in a server.

An operation has an `op` number: its call (:class:`Sending`) and its outcome (:class:`Accepted`,
:class:`Refused`) share it. A call without an outcome is *indeterminate*: it may have happened or not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, Literal

from msgspec import Struct

from .outages import Manner

Direction = Literal["before", "after"]
StatusName = Literal["sent", "delivered", "read", "failed"]


class Event(Struct, kw_only=True, tag=True, omit_defaults=True):
    """One thing that happened. :meth:`History.add` stamps `n` and `t`; nothing changes afterwards."""

    n: int = -1
    t: float = 0.0
    raw: int | None = None


class DeviceEvent(Event, kw_only=True):
    """One thing that a device of a user did, was given or was shown."""

    user_id: str
    device_id: str


class Entry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A log entry as somebody was shown it. Fields that the protocol does not tell are None."""

    conversation_id: str
    seq: int
    message_id: str
    sender_id: str | None = None
    sender_device_id: str | None = None
    client_message_id: str | None = None
    created_at: str | None = None
    body: Any = None
    relates_to: Any = None
    edited_at: str | None = None


# ── raw ───────────────────────────────────────────────────────────────────────────────────────


class Wire(Event, kw_only=True):
    """Something on the wire, as it was. `lane` is the device (``bob.phone``) or ``server``'s peer."""

    lane: str
    conn: int | None = None
    """The realtime connection it travelled on; None for HTTP."""
    direction: Literal["out", "in"]
    kind: str
    """``frame``, ``request``, ``response``, ``open``, ``close``, ``cut``, ``freeze``, ``restart`` …"""
    label: str
    """One line for a timeline: ``send hello``, ``GET /v1.0/… → 200``."""
    content: Any = None
    """The decoded frame, or ``{method, path, headers, body}`` / ``{status, headers, body}``."""
    hidden: bool = False
    """The engine's own traffic (barriers, hidden users), which a timeline leaves out."""


# ── connections ───────────────────────────────────────────────────────────────────────────────


class LoggedIn(DeviceEvent, kw_only=True):
    """A device has a session (again). Its first one begins what is kept for it while it is away."""


class RemovingDevice(DeviceEvent, kw_only=True):
    """A device is about to be removed (the call leaves): what was kept for it is gone from here on."""


class Opened(DeviceEvent, kw_only=True):
    """A device's realtime connection is open (its handshake succeeded). `conn` is unique in a run."""

    conn: int
    lane: str
    asked: int | None = None
    """The position at which the handshake began; None: unknown."""


class ReplayDone(Event, kw_only=True):
    """The connection said that its backlog is complete.

    `count` is what it claims to have replayed, less what the harness hides (its own sentinels).
    """

    conn: int
    count: int | None


class Closed(Event, kw_only=True):
    """The connection ended; `code` None when it was cut, `by` says who ended it."""

    conn: int
    code: int | None
    by: Literal["client", "server", "cut"]


class Drained(Event, kw_only=True):
    """A barrier was passed on this open connection; the barrier began at position `since`.

    Whatever was accepted before `since`, and every status of what a connection drained by the same or
    an earlier barrier acknowledged before `since`, has arrived by now if it is ever to arrive here.
    """

    conn: int
    since: int


# ── sending ───────────────────────────────────────────────────────────────────────────────────


class Sending(DeviceEvent, kw_only=True):
    """A send left for the server; `conn` None: over HTTP. Calls on one connection are in order."""

    op: int
    conn: int | None
    conversation_id: str
    client_message_id: str
    body: Any
    relates_to: Any = None
    expires_in_s: Any = None


class Accepted(Event, kw_only=True):
    """The server said `sent` (or 201/200) for the call `op`.

    On a realtime connection it stands where it arrived: among that connection's `Received` events it
    is the entry itself, unless it is a `duplicate`.
    """

    op: int
    conversation_id: str
    message_id: str
    seq: int
    created_at: str | None
    duplicate: bool


class Refused(Event, kw_only=True):
    """The server refused the call `op`, with a code."""

    op: int
    code: str


# ── seeing ────────────────────────────────────────────────────────────────────────────────────


class Received(Event, kw_only=True):
    """A log entry arrived on a connection (replayed or live)."""

    conn: int
    entry: Entry


class Acknowledging(DeviceEvent, kw_only=True):
    """A device said `delivered` or `read` up to a seq. No answer belongs to it."""

    conn: int
    conversation_id: str
    status: Literal["delivered", "read"]
    up_to_seq: int


class StatusTold(Event, kw_only=True):
    """A `status` arrived on a connection: about `user_id`'s watermark, or one message's failure."""

    conn: int
    conversation_id: str
    user_id: str
    status: StatusName
    up_to_seq: int | None = None
    message_id: str | None = None
    reason: str | None = None


class RecipientStatus(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a server says of one recipient of a message."""

    user_id: str
    status: StatusName
    delivered_at: str | None = None
    read_at: str | None = None
    reason: str | None = None


class StatusAsked(Event, kw_only=True):
    """The answer to a question for a message's status. `asked` is the position of the question."""

    user_id: str
    message_id: str
    status: StatusName
    recipients: tuple[RecipientStatus, ...]
    asked: int


class PageRead(DeviceEvent, kw_only=True):
    """One page of history, as the answer to a question asked at position `asked`.

    `walk` numbers the pages of one walk alike, None for a single page; `direction` None is the latest
    page without a cursor; `start` is true for a page that a walk began with from the very end or
    beginning of the log. `limit` None means that none was asked for.
    """

    conversation_id: str
    direction: Direction | None
    start: bool
    limit: int | None
    entries: tuple[Entry, ...]
    has_older: bool
    has_newer: bool
    walk: int | None
    asked: int


class WalkDone(DeviceEvent, kw_only=True):
    """A walk came to its end: there was no further page. `whole`: it began at an end of the log."""

    walk: int
    conversation_id: str
    direction: Direction
    whole: bool
    asked: int
    """The position at which its first page was asked for."""


class ConversationSeen(Event, kw_only=True):
    """A conversation's state, as its member was shown it (created, looked up, listed or pushed)."""

    user_id: str
    conn: int | None
    conversation_id: str
    kind: Literal["direct", "group"]
    head_seq: int | None
    members: dict[str, Watermarks] | None
    """By user id; None where the server left them out, ``{}`` for one who has left."""
    asked: int
    """The position of the question, or of this event itself for a pushed one."""
    encrypted: bool = False
    """Whether only ciphertext may stand in it."""


class Watermarks(Struct, frozen=True, kw_only=True):
    """A member as a conversation shows it."""

    role: str
    joined_seq: int
    delivered_seq: int
    read_seq: int


class Shown(DeviceEvent, kw_only=True):
    """One entry, as a device was answered when it asked for it or sent it over HTTP."""

    entry: Entry


# ── secrets ───────────────────────────────────────────────────────────────────────────────────

CANARY = "canary"
"""How planted words begin, so that one look tells whether a text holds any; they have only letters and
digits behind it. Keys are secrets without this beginning."""


class Planted(Event, kw_only=True):
    """A secret came into being: the server must never be able to say it. `what` names it."""

    secret: str
    what: str


class HandedOut(Event, kw_only=True):
    """A claim gave the device `asker` a key of another device; `key` is the public key itself."""

    asker: str
    user_id: str
    device_id: str
    key_id: str
    key: str
    fallback: bool


class Restarted(Event, kw_only=True):
    """The server was killed, or stopped in order, and is back.

    Whatever was seen before this was there before it went: answers that were on their way arrive after
    the moment of a kill, and a server that stops in order goes on answering for a while.
    """

    manner: Manner = "restart"


class History:
    """The list, and the only way to append to it.

    `clock` gives seconds; the first reading is the start of the run.
    """

    __slots__ = ("_clock", "_events", "_ops", "_start")

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._events: list[Event] = []
        self._ops = 0
        self._clock = clock
        self._start = clock()

    def __len__(self) -> int:
        return len(self._events)

    def __iter__(self) -> Iterator[Event]:
        return iter(self._events)

    def __getitem__(self, position: int) -> Event:
        return self._events[position]

    @property
    def elapsed(self) -> float:
        """Seconds since the start of the run."""
        return self._clock() - self._start

    def next_op(self) -> int:
        """A fresh operation number."""
        self._ops += 1
        return self._ops

    def add(self, event: Event) -> int:
        """Stamp `event` with its position and the time, append it, answer the position."""
        event.n = position = len(self._events)
        event.t = self.elapsed
        self._events.append(event)
        return position
