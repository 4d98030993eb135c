"""The devices of one process and what they share: the plan, the books, and who is due to read.

Nothing here knows sockets or greenlets: a device's connection is a `Line` to the crew.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from time import monotonic_ns
from typing import Any, Protocol

from .accounting import Accounting, Device, Talk
from .plan import Plan
from .population import Talk as PlannedTalk
from .walks import Walk
from .wire import TroubleKind


class GiveUp(Exception):
    """The run cannot go on; the text says why."""

    def __init__(self, kind: TroubleKind, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class Line(Protocol):
    """A device's connection, as the crew uses it."""

    device: Device
    token: str
    live: bool
    """Whether it can send now."""

    def send(self, frame: bytes) -> None:
        """Write a frame, encoded as JSON, without waiting."""

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


class Crew:
    """All devices of one process."""

    def __init__(self, plan: Plan, mine: tuple[int, ...]) -> None:
        """`mine` are the conversations that this process carries."""
        talks = plan.population.talks(plan.seed)
        self.plan = plan
        self.accounting = Accounting(plan.run)
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
        self._walks: dict[int, Walk] = {}
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

    def joined(self, user: int, line: Line) -> None:
        """A device is connected for the first time."""
        self._speaker.setdefault(user, line)
        self.lines.append(line)

    def left(self, device: Device) -> None:
        """A device lost its connection; it will be back, unless everybody leaves."""
        if not self.closing:
            self.accounting.counts.disconnected += 1
            device.stream.reconnected()

    def owns(self, user: int) -> bool:
        """Whether this process carries a user."""
        return user in self._speaker

    def text(self, number: int) -> str:
        """What a message says: its number, filled up to the length that all have."""
        return f"{number} {self._filler}"[: len(self._filler)]

    def say(self, user: int, number: int, planned: int, now: int, measured: bool) -> None:
        """A user sends a message now, which the plan has for the moment `planned`."""
        line = self._speaker[user]
        if not line.live:
            self.accounting.cannot_leave()
            return
        identity = self.accounting.leaves(line.device, number, planned, now, measured)
        line.send(
            f'{{"type":"send","id":"{number}","client_message_id":"{identity}",'
            f'"conversation_id":"{line.device.talk.conversation_id}",'
            f'"body":{{"kind":"text","text":"{self.text(number)}"}}}}'.encode()
        )

    def browse(
        self, user: int, planned: int, now: int, measured: bool, ask: Callable[[str, str], Any]
    ) -> None:
        """A user reads the next page of its walk; `ask` gets a path and the user's token."""
        line = self._speaker[user]
        walk = self._walks.get(user)
        if walk is None:
            walk = self._walks[user] = Walk(line.device.talk.conversation_id)
        step = walk.step
        self.accounting.asks(planned, now, measured)
        try:
            page = ask(step.path, line.token)
        except GiveUp:
            self.accounting.page_failed()
            return
        came = monotonic_ns() // 1000
        self.accounting.page_came(planned, now, came, measured, walk.take(step, page))

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
        """Acknowledge as read what is due."""
        while self._readers and self._readers[0][0] <= now:
            _, identity, line = heappop(self._readers)
            self._about_to_read.discard(identity)
            if line.live:
                up_to = self.accounting.reads(line.device, now)
                line.send(watermark("read", line.device, up_to))


def watermark(status: str, device: Device, up_to: int) -> bytes:
    """The frame by which a device acknowledges."""
    conversation = device.talk.conversation_id
    return f'{{"type":"{status}","conversation_id":"{conversation}","up_to_seq":{up_to}}}'.encode()
