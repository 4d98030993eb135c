"""A load run in virtual time: the real plan, books, wire and gathering, and a server that is a function.

Nothing waits and nothing is measured: every event has its microsecond, so what a run must report is known
exactly, however busy the machine is that runs the test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from itertools import count

from loadgen.accounting import Accounting, Device, Talk
from loadgen.client import Entry, Sent, Status
from loadgen.gathering import Gathering
from loadgen.population import pairs
from loadgen.schedule import Arrival, Load, arrivals
from loadgen.wire import Interval, Unpacker, packed

Server = Callable[[int, int], int]
"""From a message's number and the microsecond it was sent at: the microsecond that it is answered at."""

Deliveries = Callable[[int], int]
"""From a seq: how often the recipient gets it (0: it is lost)."""


class Simulation:
    """One process of a run: users in pairs, everybody connected, against `server`."""

    def __init__(
        self, load: Load, users: int, server: Server, deliveries: Deliveries = lambda _: 1
    ) -> None:
        self.accounting = Accounting("run")
        self._server = server
        self._deliveries = deliveries
        self._order = count()
        self._events: list[tuple[int, int, Callable[[int], None]]] = []
        self._seqs: dict[str, int] = {}
        self._devices: dict[int, Device] = {}
        self._partner: dict[int, int] = {}
        self.talks: list[Talk] = []
        for index, planned in enumerate(pairs(users, seed=1)):
            talk = Talk(f"c{index}", head=0, users=2)
            self.talks.append(talk)
            for member, other in (planned.members, planned.members[::-1]):
                self._devices[member] = Device(f"u{member}", talk)
                self._partner[member] = other
                talk.devices.append(self._devices[member])
        for arrival in arrivals(load, users, seed=1):
            self._plan(arrival, int(load.warmup * 1e6))

    def _plan(self, arrival: Arrival, warm: int) -> None:
        at = int(arrival.at * 1e6)
        self._at(at, lambda now: self._send(arrival.user, arrival.number, at, now, at >= warm))

    def run(self) -> Gathering:
        """Play everything; what was gathered, by way of the wire."""
        gathered, unpacker = Gathering(), Unpacker()
        for interval in self._intervals():
            for report in unpacker.feed(packed(interval)):
                assert isinstance(report, Interval)
                gathered.take(report)
        return gathered

    def _intervals(self) -> Iterator[Interval]:
        second = 0
        while self._events:
            now, _, act = heappop(self._events)
            while now >= (second + 1) * 1_000_000:
                second += 1
                yield self._interval(second)
            act(now)
        self.accounting.finish(self.talks)
        yield self._interval(second + 1)

    def _interval(self, second: int) -> Interval:
        return Interval(
            second=second,
            counts=self.accounting.take_counts(),
            samples=self.accounting.samples.take(),
            in_flight=self.accounting.in_flight,
            cpu=0.0,
        )

    def _at(self, moment: int, act: Callable[[int], None]) -> None:
        heappush(self._events, (moment, next(self._order), act))

    def _send(self, user: int, number: int, planned: int, now: int, measured: bool) -> None:
        device = self._devices[user]
        self.accounting.due(planned, now, measured)
        identity = self.accounting.leaves(device, number, planned, now, measured)
        answered = self._server(number, now)
        self._at(answered, lambda at: self._store(user, identity, at))

    def _store(self, user: int, identity: str, now: int) -> None:
        sender, recipient = self._devices[user], self._devices[self._partner[user]]
        conversation = sender.talk.conversation_id
        seq = self._seqs[conversation] = self._seqs.get(conversation, 0) + 1
        self.accounting.sent(sender, Sent(identity, conversation, seq), now)
        entry = Entry(conversation, seq, sender.user_id, identity)
        for _ in range(self._deliveries(seq)):
            if self.accounting.came(recipient, entry, now):
                self._tell(now, sender, Status(conversation, recipient.user_id, "delivered", seq))

    def _tell(self, now: int, sender: Device, told: Status) -> None:
        self._at(now, lambda at: self.accounting.status(sender, told, at))
