"""Every message of one process accounted for: timed by hop, and checked at every device.

Pure bookkeeping: whoever owns the sockets says what was sent and what came, and when (microseconds of
one monotonic clock); nothing here reads a clock or touches a socket.

A `Flight` is a message on its way. It is verified when its sender has `sent`, every other device of the
conversation has the message, and the `delivered` of each other user came back as a status.
"""

from __future__ import annotations

from array import array
from collections.abc import Container

from msgspec import Struct

from .causes import UNANSWERED, Causes
from .client import Entry, Failed, Sent, Status, Timing
from .hops import HOPS, Counts, Hop
from .samples import Samples
from .statuses import COVERED, Heard, Statuses, Watermark
from .streams import MAX_GAP, Stream

_HOPS: dict[Watermark, Hop] = {"delivered": "delivered_to_status", "read": "read_to_status"}


class Flight(Struct, eq=False):
    """A message on its way."""

    identity: str
    """Its `client_message_id`."""
    number: int
    planned: int
    sent_at: int
    measured: bool
    device: Device
    before: Flight | None
    """The one that the same device sent before, if it was still on its way."""
    touched: int
    """When something last came of it."""
    waited_for: int
    """How many events are still to come until it is verified."""
    answered: bool = False

    def waiting_start(self) -> int:
        """When a tester that waits for the message before would have sent this one."""
        before, sent_at = self.before, self.sent_at
        return sent_at if before is None or before.touched <= sent_at else before.touched


class Device:
    """One device of one member of a conversation."""

    __slots__ = (
        "heard",
        "latest",
        "read_up_to",
        "stream",
        "talk",
        "unanswered",
        "unread",
        "user_id",
    )

    def __init__(self, user_id: str, talk: Talk) -> None:
        self.user_id = user_id
        self.talk = talk
        self.stream = Stream(talk.base)
        self.latest: Flight | None = None
        """What it sent last."""
        self.unread: dict[str, tuple[int, Flight | None]] = {}
        """The newest entry by each sender that came since the last `read`."""
        self.read_up_to = 0
        """The last `read`."""
        self.unanswered: dict[int, Flight] = {}
        """What it sent, or has to send, and had no answer for; by the plan's number."""
        self.heard = Heard()


class Talk:
    """One conversation while it is under load."""

    __slots__ = ("base", "conversation_id", "devices", "numbers", "statuses", "steps")

    def __init__(self, conversation_id: str, head: int, users: int, devices: int = 1) -> None:
        """A conversation of so many users with so many devices each, whose newest seq is `head`."""
        self.conversation_id = conversation_id
        self.base = head
        """Its newest entry before the load."""
        self.steps = 1 + (users - 1) * (devices + 1)
        """What a message goes through: `sent`, each device of the others, a status from each."""
        self.devices: list[Device] = []
        self.numbers = array("Q")
        """The message that stands at seq ``base + 1 + index``: its number plus one, 0 for others."""
        self.statuses = Statuses()

    @property
    def head(self) -> int:
        """The newest entry that is known."""
        return self.base + len(self.numbers)

    def keep(self, seq: int, number: int | None) -> None:
        """Remember which message stands at a seq."""
        index = seq - self.base - 1
        if 0 <= index < len(self.numbers) + MAX_GAP:
            self.numbers.extend([0] * (index + 1 - len(self.numbers)))
            if number is not None:
                self.numbers[index] = number + 1


class Accounting:
    """The books of one process."""

    def __init__(self, run: str, *, others_read_too: bool = False) -> None:
        """`others_read_too`: users existed before, and may have devices that nobody knows of here."""
        self._run = run
        self._others_read_too = others_read_too
        self._flying: dict[str, Flight] = {}
        self.samples = Samples()
        self._notes = {
            hop: (self.samples.corrected[hop].append, self.samples.waiting[hop].append)
            for hop in HOPS
        }
        self.counts = Counts()
        self.causes = Causes()
        """Of errors."""
        self._asking = 0
        """HTTP answers that are waited for."""
        self._reads_awaited = 0
        """Acknowledgements of reading that no status came for."""

    @property
    def in_flight(self) -> int:
        """Messages and HTTP answers on their way."""
        return len(self._flying) + self._asking

    @property
    def is_settled(self) -> bool:
        """Whether nothing is on its way any more."""
        return not self.in_flight and not self._reads_awaited

    def take_counts(self) -> Counts:
        """What was counted since this was last asked."""
        taken, self.counts = self.counts, Counts()
        return taken

    def identity(self, number: int) -> str:
        """The `client_message_id` of a message of the plan."""
        return f"{self._run}-{number}"

    def due(self, planned: int, now: int, measured: bool) -> None:
        """Something is begun now that the plan has for the moment `planned`."""
        self.counts.planned += 1
        if measured:
            self.samples.lag.append(max(0, now - planned))

    def leaves(self, device: Device, number: int, planned: int, now: int, measured: bool) -> str:
        """A message is sent now that the plan has for the moment `planned`; its identity."""
        identity = f"{self._run}-{number}"
        flight = Flight(
            identity, number, planned, now, measured, device, device.latest, now, device.talk.steps
        )
        self._flying[identity] = flight
        device.latest = device.unanswered[number] = flight
        return identity

    def asks(self) -> None:
        """An HTTP answer is waited for."""
        self._asking += 1

    def told(self) -> None:
        """It came, and is not measured."""
        self._asking -= 1

    def answered(self, hop: Hop, planned: int, asked: int, now: int, measured: bool) -> None:
        """It came; the plan had it for the moment `planned`, and it was asked for at `asked`."""
        self._asking -= 1
        if measured:
            self._record(hop, now - planned, now - asked)

    def refused(self, cause: str) -> None:
        """It came, and is a refusal; or none came."""
        self._asking -= 1
        self.counts.failed += 1
        self.causes.note(cause)

    def connected_again(self, planned: int, began: int, now: int, measured: bool) -> None:
        """A device has all that it missed; it was to come back at `planned`, and tried at `began`."""
        if measured:
            self.samples.lag.append(max(0, began - planned))
            self._record("connect_to_replayed", now - planned, now - began)

    def drop(self) -> None:
        """A message was due so long ago that it is not sent any more."""
        self.counts.planned += 1
        self.counts.dropped += 1

    def sent(self, device: Device, frame: Sent, now: int) -> None:
        """The server says that a message is stored."""
        if not (frame.duplicate and frame.seq <= device.stream.high):  # else the replay had it
            device.stream.note(frame.seq, self.counts)
        flight = self._stored(device, frame.client_message_id, frame.seq, now)
        if flight is not None and frame.timing is not None and flight.measured:
            self._split(flight, frame.timing, now)

    def failed(self, frame: Failed) -> None:
        """The server refuses a message."""
        flight = self._flying.pop(frame.client_message_id, None)
        if flight is not None:
            flight.before = None
            del flight.device.unanswered[flight.number]
            self.counts.failed += 1
            self.causes.note(frame.error.code)

    def came(self, device: Device, entry: Entry, now: int) -> bool:
        """An entry came to a device; answer whether it is another user's, and to be acknowledged.

        Users that exist on the target are in other conversations, too; what is said there is not looked at.
        """
        talk = device.talk
        if entry.conversation_id != talk.conversation_id:
            return False
        if entry.seq <= talk.base or not device.stream.note(entry.seq, self.counts):
            return False
        sender = entry.sender_id
        identity = entry.client_message_id
        if sender is None or identity is None:
            talk.keep(entry.seq, None)
            return False
        flight = self._flying.get(identity)
        if sender == device.user_id:
            if flight is not None and flight.device is device:
                self._stored(device, identity, entry.seq, now)
            return False
        if flight is not None:
            self._time("send_to_delivered", flight, now)
            self.counts.deliveries += 1
            self._step(flight)
        device.unread[sender] = (entry.seq, flight)
        talk.statuses.acknowledged(device.user_id, "delivered", entry.seq)
        expected = talk.statuses.expect(sender, device.user_id, "delivered", entry.seq, now, flight)
        if flight is not None and expected == "told already":
            self._step(flight)
        return True

    def reads(self, device: Device, now: int) -> int:
        """A device says `read` for everything that came; up to which seq."""
        for sender, (seq, flight) in device.unread.items():
            expected = device.talk.statuses.expect(sender, device.user_id, "read", seq, now, flight)
            self._reads_awaited += expected == "awaited"
        device.unread.clear()
        device.read_up_to = device.stream.high
        device.talk.statuses.acknowledged(device.user_id, "read", device.read_up_to)
        return device.read_up_to

    def status(self, device: Device, frame: Status, now: int) -> None:
        """A sender is told how far another user is."""
        if frame.conversation_id != device.talk.conversation_id:
            return
        self.counts.status_mismatch += self._is_wrong(device, frame)
        self.stands(device, frame, now)

    def _is_wrong(self, device: Device, frame: Status) -> bool:
        reader, up_to = frame.user_id, frame.up_to_seq
        covered = COVERED.get(frame.status)
        if covered is None or reader == device.user_id:
            return False
        if device.heard.falls(reader, frame.status, up_to):
            return True
        own = device.heard.newest_own(up_to)
        unfounded = device.talk.statuses.is_unfounded
        return bool(own and not self._others_read_too and unfounded(reader, covered[0], own))

    def stands(self, device: Device, frame: Status, now: int) -> None:
        """A sender knows how far another user is, however it came to know."""
        for watermark in COVERED.get(frame.status, ()):
            answered = device.talk.statuses.came(
                device.user_id, frame.user_id, watermark, frame.up_to_seq
            )
            if watermark == "read":
                self._reads_awaited -= len(answered)
            for since, flight in answered:
                if flight is None:
                    continue
                if flight.measured:
                    self._record(_HOPS[watermark], now - since, now - since)
                if watermark == "delivered":
                    self._step(flight)

    def finish(self, talks: list[Talk], away: Container[str] = ()) -> None:
        """No more will come: what is missing is lost, and what was not answered is unknown.

        `away` are users who are not connected now.
        """
        silent = self._asking + sum(not flight.answered for flight in self._flying.values())
        if silent:
            self.counts.unanswered += silent
            self.causes.note(UNANSWERED, silent)
        for talk in talks:
            self.counts.lost += sum(device.stream.missing(talk.head) for device in talk.devices)
            self.counts.status_mismatch += sum(1 for _ in talk.statuses.missing(away))

    def _stored(self, device: Device, identity: str, seq: int, now: int) -> Flight | None:
        """A message has its place, and is answered by that; None if it was before."""
        flight = self._flying.get(identity)
        if flight is None or flight.answered:
            return None
        flight.answered = True
        del flight.device.unanswered[flight.number]
        self.counts.sent += 1
        device.talk.keep(seq, flight.number)
        device.heard.stored(seq)
        self._time("send_to_sent", flight, now)
        self._step(flight)
        return flight

    def _split(self, flight: Flight, timing: Timing, now: int) -> None:
        """What the time to `sent` was spent on, as the server tells."""
        queue, commit = int(timing.queue_us), int(timing.commit_us)
        self._record("sent_queue", queue, queue)
        self._record("sent_commit", commit, commit)
        told = queue + commit
        corrected, waiting = now - flight.planned, now - flight.waiting_start()
        self._record("sent_rest", max(0, corrected - told), max(0, waiting - told))

    def _time(self, hop: Hop, flight: Flight, now: int) -> None:
        if flight.measured:
            self._record(hop, now - flight.planned, max(0, now - flight.waiting_start()))
        flight.touched = now

    def _record(self, hop: Hop, corrected: int, waiting: int) -> None:
        note_corrected, note_waiting = self._notes[hop]
        note_corrected(corrected)
        note_waiting(waiting)

    def _step(self, flight: Flight) -> None:
        flight.waited_for -= 1
        if flight.waited_for == 0:
            self.counts.verified += 1
            flight.before = None
            del self._flying[flight.identity]
