"""The devices of one process and what they share: the plan, the books, and who is due to read.

Nothing here knows sockets or greenlets: a device's connection is a `Line` to the crew, and what it runs on
its `Host`.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any, Final, Protocol

import msgspec
from msgspec import Struct

from .accounting import Accounting, Device, Talk
from .client import ToDevice
from .host import GiveUp, Host
from .plan import Plan
from .population import Talk as PlannedTalk

READERS_AT_ONCE: Final = 16
"""Devices that may say `read` before it is looked at what else is due."""


class Comeback(Struct):
    """When a device that was cut is to connect again, in microseconds."""

    planned: int
    measured: bool
    began: int = 0
    """When it first tried."""


class File(Struct, frozen=True):
    """A file that was shared by a message of the plan."""

    number: int
    measured: bool


class Line(Protocol):
    """A device's connection, as the crew uses it."""

    device: Device
    seat: Seat
    token: str
    live: bool
    """Whether it can send now."""

    def send(self, frame: bytes) -> None:
        """Write a frame, encoded as JSON, without waiting."""

    def cut(self, comeback: Comeback) -> None:
        """End the connection without a word, if there is one, and connect again when the time has come."""

    def close(self) -> None:
        """End the connection in order."""


class Meeting:
    """A planned conversation until all its members have logged in, and the real one from then on."""

    def __init__(self, index: int, planned: PlannedTalk, devices: int) -> None:
        self.index = index
        self.planned = planned
        self.registered: set[int] = set()
        """Members who have an account."""
        self.absent = len(planned.members) * devices
        """Devices that have not logged in yet."""
        self.talk: Talk | None = None
        self.token = ""
        """Of a member, to read the history with."""


class Seat:
    """The place of one device."""

    __slots__ = ("device", "meeting", "user")

    def __init__(self, user: int, device: int, meeting: Meeting) -> None:
        self.user = user
        self.device = device
        self.meeting = meeting

    @property
    def device_id(self) -> str:
        """What the device is called on the target."""
        return f"load-{self.device}"


class Crew:
    """All devices of one process."""

    def __init__(self, plan: Plan, mine: tuple[int, ...], host: Host) -> None:
        """`mine` are the conversations that this process carries."""
        talks = plan.population.talks(plan.seed)
        self.plan = plan
        self.host = host
        self.accounting = Accounting(plan.run, others_read_too=bool(plan.accounts))
        self.meetings = [Meeting(index, talks[index], plan.population.devices) for index in mine]
        self.seats = [
            Seat(member, device, meeting)
            for meeting in self.meetings
            for member in meeting.planned.members
            for device in range(plan.population.devices)
        ]
        self.boarding = self.seats[::-1]
        """Seats that no device has taken yet."""
        self.trouble: GiveUp | None = None
        """Why the run cannot go on, if it cannot."""
        self.closing = False
        """Nobody connects again."""
        self.lines: list[Line] = []
        self._speaker: dict[int, Line] = {}
        self.bodies: dict[int, str] = {}
        """What messages say that are no texts, as JSON, by the plan's number."""
        self.files: dict[str, File] = {}
        """By asset."""
        self.saw_file: Callable[[Line, str, int], None] = lambda *_: None
        """Told when a message with an asset came, and when."""
        self.logged_in: Callable[[Seat, str, str, str], None] = lambda *_: None
        """Told when a device has a token: its seat, user, device and that token."""
        self.got_aside: Callable[[Line, ToDevice], None] = lambda *_: None
        """Told what came for one device alone."""
        self.is_back: Callable[[Line], None] = lambda *_: None
        """Told when a device is connected again."""
        self._readers: list[tuple[int, int, Line]] = []
        self._about_to_read: set[int] = set()
        self._read_after = int(plan.population.read_after * 1e6)
        self._filler = "x" * plan.population.text_bytes

    @property
    def complete(self) -> bool:
        """Whether every device has been connected."""
        return len(self.lines) == len(self.seats)

    def give_up(self, trouble: GiveUp) -> None:
        """The run cannot go on; the first reason counts."""
        self.trouble = self.trouble or trouble

    def joined(self, line: Line) -> None:
        """A device is connected for the first time."""
        self._speaker.setdefault(line.seat.user, line)
        self.lines.append(line)

    def left(self) -> None:
        """A device lost its connection by itself; it will be back, unless everybody leaves."""
        if not self.closing:
            self.accounting.counts.disconnected += 1

    def speaker(self, user: int) -> Line | None:
        """The device that a user acts on; None if another process carries it."""
        return self._speaker.get(user)

    def text(self, number: int) -> str:
        """What a message says: its number, filled up to the length that all have."""
        return f"{number} {self._filler}"[: len(self._filler)]

    def frame(self, device: Device, number: int) -> bytes:
        """The frame that sends a message of the plan."""
        return (
            f'{{"type":"send","id":"{number}","client_message_id":"{self.accounting.identity(number)}",'
            f'"conversation_id":"{device.talk.conversation_id}","body":{self._body(number)}}}'
        ).encode()

    def say(self, line: Line, number: int, planned: int, now: int, measured: bool) -> None:
        """A user sends a message now, which the plan has for the moment `planned`.

        If it has no connection now, the message leaves when it is back.
        """
        self.accounting.leaves(line.device, number, planned, now, measured)
        if line.live:
            line.send(self.frame(line.device, number))

    def is_body(self, number: int, body: Any) -> bool:
        """Whether this, of the history, is what a message of the plan said."""
        said = msgspec.json.decode(self._body(number))
        return isinstance(body, dict) and all(body.get(key) == said[key] for key in said)

    def _body(self, number: int) -> str:
        """What a message says, as JSON; a text begins with its number, and all are of one length."""
        other = self.bodies.get(number)
        return other or f'{{"kind":"text","text":"{self.text(number)}"}}'

    def will_read(self, line: Line, now: int) -> None:
        """A device reads what has come, some time from now."""
        if id(line) not in self._about_to_read:
            self._about_to_read.add(id(line))
            heappush(self._readers, (now + self._read_after, id(line), line))

    @property
    def next_reader(self) -> int | None:
        """When the next `read` is due, in microseconds."""
        return self._readers[0][0] if self._readers else None

    def read_due(self, now: int) -> None:
        """Acknowledge as read what is due, a few at a time: a group may read all at once."""
        for _ in range(READERS_AT_ONCE):
            if not self._readers or self._readers[0][0] > now:
                return
            _, identity, line = heappop(self._readers)
            self._about_to_read.discard(identity)
            if line.live:
                up_to = self.accounting.reads(line.device, now)
                line.send(watermark("read", line.device, up_to))


def watermark(status: str, device: Device, up_to: int) -> bytes:
    """The frame by which a device acknowledges."""
    conversation = device.talk.conversation_id
    return f'{{"type":"{status}","conversation_id":"{conversation}","up_to_seq":{up_to}}}'.encode()
