"""Who is connected, and what waits to be written to them.

Everything here is synchronous and runs on the Trio thread: publishing appends an event to the outboxes
of the connections that it concerns and returns. The event is encoded when the first outbox takes it, once
for each encoding that its receivers speak, and shared by all. Each connection's session writes what has
gathered in its outbox, in one go.

A connection goes through three states::

    replaying ──> live ──> closing

While it *replays*, entries are only noted (the session reads them from the store when it comes to
them), other events are held, and those of the moment (typing, presence) are let go. Going *live* is one
synchronous step, so nothing falls in between; entries that the replay has already shown are skipped
should they be published late. An outbox over its limit means a reader too slow for its traffic: it is
*closed* with 4408, others notice nothing (RT-6).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from struct import Struct as Packing
from typing import Any, ClassVar, Generic, Literal, TypeVar

import msgspec
import trio
from msgspec import Struct
from websockets.frames import Opcode

from .core.envelopes import for_device
from .core.model import Identity
from .events import (
    DevicePost,
    Ephemeral,
    Event,
    MessageEvent,
    Post,
    Revoked,
    SealedPost,
    ToDeviceEvent,
    TypingEvent,
)

T = TypeVar("T")

_encode_json = msgspec.json.Encoder().encode
_encode_msgpack = msgspec.msgpack.Encoder().encode

Encoding = Literal["text", "msgpack"]
"""How a connection's frames are written: JSON in text messages, or MessagePack in binary ones (§6)."""

TO_DEVICE = ""
"""A device's queue as a log among its conversations, none of which has this id: what came into it during
a replay is read from the store like the entries of those."""

CLOSING_GRACE_S = 1.0
"""How long a close may take to be written before the connection is cut (§6)."""
LAGGING_BYTES = 65_536
"""A reader with more than this to read is not told who is typing: by then that would be the past."""


_SHORT, _MEDIUM, _LONG = Packing("!BB"), Packing("!BBH"), Packing("!BBQ")


def frame_head(opcode: int, length: int) -> bytes:
    """The head of a whole, unmasked WebSocket message of `length` bytes (RFC 6455, section 5.2)."""
    if length < 126:
        return _SHORT.pack(0x80 | opcode, length)
    if length < 65_536:
        return _MEDIUM.pack(0x80 | opcode, 126, length)
    return _LONG.pack(0x80 | opcode, 127, length)


class _Once(Generic[T]):
    """`functools.cached_property` without the lock that it takes before Python 3.12."""

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self._compute = compute
        self.__doc__ = compute.__doc__

    def __set_name__(self, _owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: object, _owner: type) -> T:
        value = instance.__dict__[self._name] = self._compute(instance)
        return value


class Outgoing:
    """A frame for one or many connections, encoded when first needed and then shared.

    It is written as JSON; `packed` is the same frame in MessagePack, shared alike.
    """

    opcode: ClassVar[Opcode] = Opcode.TEXT

    def __init__(self, frame: Struct) -> None:
        self.frame = frame

    @_Once
    def payload(self) -> bytes:
        """The encoded frame."""
        return _encode_json(self.frame)

    @_Once
    def wire(self) -> bytes:
        """The payload as a WebSocket frame; a server's are unmasked, so it fits all."""
        return frame_head(self.opcode, len(self.payload)) + self.payload

    @_Once
    def packed(self) -> Outgoing:
        """The same frame, for those who speak MessagePack."""
        return _Packed(self.frame)

    @_Once
    def size(self) -> int:
        """What it counts in an outbox, in bytes."""
        return len(self.payload)


class _Packed(Outgoing):
    opcode = Opcode.BINARY

    @_Once
    def payload(self) -> bytes:
        """The encoded frame."""
        return _encode_msgpack(self.frame)


class Control(Struct, frozen=True):
    """Bytes of the WebSocket protocol itself (a pong, a close), for the connection that they are of."""

    wire: bytes

    @property
    def size(self) -> int:
        """What it counts in an outbox, in bytes."""
        return len(self.wire)


Item = Outgoing | Control


class Closing(Struct, frozen=True):
    """Why a connection ends; `code` None when the peer ended it and nothing is left to say."""

    code: int | None
    reason: str = ""


TOO_SLOW = Closing(4408, "too slow to read")


class Outbox:
    """What waits to be written to one connection, bounded in bytes.

    The writing itself runs in the cancel scope `writing`, whose deadline is set when the connection
    closes: a peer that reads nothing cannot keep it. `size` is what it holds, in bytes, with what is
    being written.
    """

    def __init__(self, limit: int) -> None:
        self.closing: Closing | None = None
        self.writing = trio.CancelScope()
        self._limit = limit
        self._waiting: list[Item] = []
        self._held: list[Item] = []
        self.size = 0
        self._changed = trio.Event()
        self._emptied: trio.Event | None = None

    def push(self, item: Item) -> None:
        """Append a frame; over the limit the connection is closed instead."""
        if self.closing is None:
            self._waiting.append(item)
            self._count(item)
            self._changed.set()

    def hold(self, item: Item) -> None:
        """Keep a frame back until `release`; it counts like one that waits."""
        if self.closing is None:
            self._held.append(item)
            self._count(item)

    def release(self) -> None:
        """Append what was held."""
        self._waiting += self._held
        self._held.clear()
        self._changed.set()

    def close(self, closing: Closing) -> None:
        """Write what waits, then close; both within the grace. The first reason stays."""
        if self.closing is None:
            self.closing = closing
            self.writing.deadline = trio.current_time() + CLOSING_GRACE_S
            self._changed.set()

    async def next_batch(self) -> list[Item]:
        """All that has gathered, once there is any; empty when it is closing and all is out.

        Asking again says that the batch before has been written.
        """
        self.size = sum(item.size for item in self._waiting + self._held)
        if self._emptied is not None and not self._waiting:
            self._emptied.set()
            self._emptied = None
        while not self._waiting and self.closing is None:
            self._changed = trio.Event()
            await self._changed.wait()
        batch, self._waiting = self._waiting, []
        return batch

    def _count(self, item: Item) -> None:
        self.size += item.size
        if self.size > self._limit:
            self._waiting.clear()
            self.close(TOO_SLOW)

    async def drained(self) -> None:
        """Return when everything pushed so far has been written: backpressure for a replay."""
        if self.size and self.closing is None:
            if self._emptied is None:
                self._emptied = trio.Event()
            await self._emptied.wait()


class Subscriber:
    """One connected device, as the hub knows it, and the encoding that its connection speaks.

    `heard` is when its channel last had a sign of life from the peer, `pinged` when it was last asked
    for one (Trio's clock); a channel that cannot tell sets `heard` to infinity.
    """

    def __init__(self, identity: Identity, outbox: Outbox, encoding: Encoding = "text") -> None:
        self.identity = identity
        self.outbox = outbox
        self._packs = encoding == "msgpack"
        self.heard = self.pinged = trio.current_time()
        self._live = False
        self._behind: set[str] = set()
        self._shown: dict[str, int] = {}

    def tell(self, item: Outgoing) -> None:
        """Write a frame to this connection, whatever its state."""
        self.outbox.push(item.packed if self._packs else item)

    def offer(self, item: Outgoing, entry: tuple[str, int] | None) -> None:
        """Take an event; `entry` is its place in a log if it is one."""
        if not self._live:
            if entry is None:
                self.outbox.hold(item.packed if self._packs else item)
            else:
                self._behind.add(entry[0])
            return
        if entry is not None and self._shown:
            shown = self._shown.pop(entry[0], 0)
            if entry[1] <= shown:
                self._shown[entry[0]] = shown
                return
        self.tell(item)

    def hint(self, item: Outgoing) -> None:
        """Take an event of the moment, unless the moment will have passed when it is read.

        That is so for one who replays; who is online, it is told when it goes live. Typing is kept
        from one who lags behind as well: it costs its sender nothing, so it must not be what makes an
        outbox overflow.
        """
        lagging = self.outbox.size > LAGGING_BYTES and isinstance(item.frame, TypingEvent)
        if self._live and not lagging:
            self.tell(item)

    def showing(self, conversation_id: str, seq: int) -> None:
        """The replay has shown the conversation up to `seq`."""
        self._shown[conversation_id] = seq

    def shown(self, conversation_id: str) -> int:
        """How far the replay has shown the conversation."""
        return self._shown.get(conversation_id, 0)

    def missed(self) -> set[str]:
        """Conversations that went on during the replay; what was held is on its way before them."""
        self.outbox.release()
        missed, self._behind = self._behind, set()
        return missed

    def go_live(self) -> None:
        """From here on, events go straight to the outbox."""
        self._live = True


class Hub:
    """All connections, by user and device.

    It counts for the operator: `entries` and `deliveries` are the log entries published and the events
    handed to connections, `slow_readers` the connections that were closed for not keeping up.
    """

    def __init__(self) -> None:
        self.entries = self.deliveries = self.slow_readers = 0
        self._users: dict[str, dict[str, Subscriber]] = {}
        self._closing: Closing | None = None

    def __iter__(self) -> Iterator[Subscriber]:
        for devices in list(self._users.values()):
            yield from list(devices.values())

    def attach(self, subscriber: Subscriber) -> bool:
        """Connect a device; its connection before is closed with 4409 (RT-4).

        True if the user had no connection before.
        """
        identity = subscriber.identity
        first = identity.user_id not in self._users
        devices = self._users.setdefault(identity.user_id, {})
        before = devices.get(identity.device_id)
        devices[identity.device_id] = subscriber
        if before is not None:
            before.outbox.close(Closing(4409, "replaced by a newer connection"))
        if self._closing is not None:
            subscriber.outbox.close(self._closing)
        return first

    def detach(self, subscriber: Subscriber) -> bool:
        """Disconnect a device, unless a newer connection has taken its place.

        True if the user has no connection any more.
        """
        self.slow_readers += subscriber.outbox.closing is TOO_SLOW
        identity = subscriber.identity
        devices = self._users.get(identity.user_id, {})
        if devices.get(identity.device_id) is subscriber:
            del devices[identity.device_id]
            if not devices:
                del self._users[identity.user_id]
                return True
        return False

    def publish(self, post: Post) -> None:
        """Hand an event to every connection of the users that it is for."""
        item: Outgoing | None = None
        entry = _place(post.event)
        self.entries += entry is not None
        of_the_moment = entry is None and isinstance(post.event, Ephemeral)
        for user_id in post.to:
            for device_id, subscriber in self._users.get(user_id, _NOBODY).items():
                if subscriber is not post.but and (user_id, device_id) != post.but_device:
                    item = item or Outgoing(post.event)
                    self.deliveries += 1
                    if of_the_moment:
                        subscriber.hint(item)
                    else:
                        subscriber.offer(item, entry)

    def publish_sealed(self, post: SealedPost) -> None:
        """Hand an entry to every connection of the users that it is for, to each device its own form."""
        entry = post.entry.conversation_id, post.entry.seq
        self.entries += 1
        for user_id in post.to:
            for device_id, subscriber in self._users.get(user_id, _NOBODY).items():
                if subscriber is not post.but:
                    shown = for_device(post.entry, user_id, device_id)
                    self.deliveries += 1
                    subscriber.offer(Outgoing(MessageEvent(shown)), entry)

    def publish_to_device(self, post: DevicePost) -> None:
        """Hand an event to the connection of the device that it is for."""
        subscriber = self._users.get(post.user_id, _NOBODY).get(post.device_id)
        if subscriber is not None:
            self.deliveries += 1
            subscriber.offer(Outgoing(post.event), _place(post.event))

    def revoke(self, ended: Revoked) -> None:
        """Close the connection of a device whose session ended (RT-5)."""
        subscriber = self._users.get(ended.user_id, _NOBODY).get(ended.device_id)
        if subscriber is not None:
            subscriber.outbox.close(Closing(4401, ended.reason))

    def close_all(self, closing: Closing) -> None:
        """Close every connection, and any that is still to come."""
        self._closing = closing
        for subscriber in self:
            subscriber.outbox.close(closing)


_NOBODY: dict[str, Subscriber] = {}


def _place(event: Event) -> tuple[str, int] | None:
    if isinstance(event, MessageEvent):
        return event.message.conversation_id, event.message.seq
    if isinstance(event, ToDeviceEvent):
        return TO_DEVICE, event.position
    return None
