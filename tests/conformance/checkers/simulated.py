"""A correct chat server and its clients in memory, as slow and as disorderly as the contract allows.

:func:`simulate` plays a random program and answers the history that the suite would have recorded.
Everything in between is asynchronous: frames wait in both directions of every connection, requests wait
before and after the server works on them, a cut connection may or may not have been read to its end, and
the order in which all of this moves on is drawn at random. Whatever a checker finds in such a history is
the checker's own fault.
"""

from __future__ import annotations

import random
from collections.abc import Generator
from typing import Any

from conformance.history import (
    Accepted,
    Acknowledging,
    Closed,
    Drained,
    Event,
    History,
    LoggedIn,
    Opened,
    PageRead,
    Received,
    Restarted,
    Sending,
    WalkDone,
    Wire,
)

from .simulated_server import Link, Server

DEVICES = {
    "alice": ("phone", "laptop"),
    "bob": ("phone", "laptop"),
    "carol": ("phone",),
    "dave": ("phone",),
}
DIRECT, GROUP = "direct-1", "group-1"

Stages = Generator[None, None, None]
"""A request under way: it pauses when it was asked, and when the server has worked on it."""


class Device:
    """A client: its connection, and what it has seen of each conversation."""

    def __init__(self, user_id: str, name: str) -> None:
        self.user_id = user_id
        self.device_id = f"{user_id}-{name}"
        self.lane = f"{user_id}.{name}"
        self.link: Link | None = None
        self.head: dict[str, int] = {}


class World:
    """The clients, the wires between, and the record of what the clients did and saw."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - a schedule, not a secret
        self.history = History(clock=lambda: 0.0)
        self.server = Server()
        self.devices = [Device(user, name) for user, names in DEVICES.items() for name in names]
        self.requests: list[Stages] = []
        self.sent: list[Sending] = []
        self._conns = 0
        self._walks = 0
        for device in self.devices:
            self.server.log_in(device.user_id, device.device_id)
            self.note(LoggedIn(user_id=device.user_id, device_id=device.device_id))
        self.server.create(DIRECT, "direct", ["alice", "bob"])
        self.server.create(GROUP, "group", ["alice", "bob", "carol"])
        for conversation_id in (DIRECT, GROUP):
            self.request(self.look("alice", conversation_id))
            self.finish_requests()

    def note(self, event: Event) -> int:
        """Record an event behind its raw one."""
        event.raw = self.history.add(
            Wire(lane="-", direction="in", kind="frame", label=type(event).__name__)
        )
        return self.history.add(event)

    # ── requests, in three moments: asked, worked on, answered ────────────────────────────────

    def request(self, stages: Stages) -> None:
        """Ask now; the rest happens some time."""
        next(stages)
        self.requests.append(stages)

    def advance(self, stages: Stages) -> None:
        """Let one request move on by one moment."""
        try:
            next(stages)
        except StopIteration:
            self.requests.remove(stages)

    def finish_requests(self) -> None:
        """Let every request come to its end."""
        while self.requests:
            self.advance(self.requests[0])

    def look(self, user_id: str, conversation_id: str) -> Stages:
        """Look a conversation up."""
        asked = len(self.history)
        yield
        seen = self.server.view(user_id, conversation_id)
        yield
        if seen is not None:
            seen.asked = asked
            self.note(seen)

    def ask_status(self, user_id: str, message_id: str) -> Stages:
        """Ask for the status of one's own message."""
        asked = len(self.history)
        yield
        answer = self.server.status(user_id, message_id)
        yield
        answer.asked = asked
        self.note(answer)

    def post(self, call: Sending) -> Stages:
        """Send over HTTP."""
        self.note(call)
        yield
        outcome = self.server.send(call, None)
        yield
        self.note(outcome)

    def change_member(self, user_id: str) -> Stages:
        """Add or remove dave, whichever he is not."""
        yield
        self.server.toggle_member(GROUP, "alice", user_id)
        yield

    def walk(self, device: Device, conversation_id: str, direction: Any) -> Stages:
        """Read the whole history, page by page."""
        self._walks += 1
        walk, first = self._walks, len(self.history)
        limit = self.random.choice([1, 2, 3, 7, 50])
        cursor: int | None = None
        while True:
            asked = len(self.history)
            yield
            page = self.server.page(device.user_id, conversation_id, direction, cursor, limit)
            yield
            if page is None:
                return
            entries, has_older, has_newer = page
            self.note(
                PageRead(
                    user_id=device.user_id,
                    device_id=device.device_id,
                    conversation_id=conversation_id,
                    direction=None if cursor is None and direction == "before" else direction,
                    start=cursor is None,
                    limit=limit,
                    entries=entries,
                    has_older=has_older,
                    has_newer=has_newer,
                    walk=walk,
                    asked=asked,
                )
            )
            self.saw(device, conversation_id, entries[-1].seq if entries else 0)
            if not (has_older if direction == "before" else has_newer):
                break
            cursor = entries[0].seq if direction == "before" else entries[-1].seq
        self.note(
            WalkDone(
                walk=walk,
                user_id=device.user_id,
                device_id=device.device_id,
                conversation_id=conversation_id,
                direction=direction,
                whole=True,
                asked=first,
            )
        )

    # ── connections ───────────────────────────────────────────────────────────────────────────

    def connect(self, device: Device) -> Stages:
        """Open a connection; the device's earlier one is replaced."""
        asked = len(self.history)
        yield
        self._conns += 1
        link = Link(self._conns, device.user_id, device.device_id)
        if device.link is not None:
            self.lose(device, code=4409)
        self.server.open(link)
        yield
        device.link = link
        self.note(
            Opened(
                conn=link.conn,
                user_id=device.user_id,
                device_id=device.device_id,
                lane=device.lane,
                asked=asked,
            )
        )

    def lose(self, device: Device, code: int | None) -> None:
        """The device's connection is over; the server may still work on some of what it wrote."""
        link = device.link
        if link is None:
            return
        device.link = None
        self.note(Closed(conn=link.conn, code=code, by="server" if code else "cut"))
        for _ in range(self.random.randint(0, len(link.inbox))):
            self.server.work(link)
        self.server.close(link)

    def restart(self) -> None:
        """Kill the server: all that is under way in either direction is gone."""
        self.requests.clear()
        self.note(Restarted())
        for device in self.devices:
            if device.link is not None:
                device.link.inbox.clear()
                self.lose(device, code=None)

    def deliver(self, device: Device) -> None:
        """Let the device see the next thing that waits for it on its connection."""
        if device.link is None or not device.link.outbox:
            return
        event = device.link.outbox.popleft()
        self.note(event)
        if isinstance(event, Received):
            self.saw(device, event.entry.conversation_id, event.entry.seq)
        elif isinstance(event, Accepted):
            self.saw(device, event.conversation_id, event.seq)

    def saw(self, device: Device, conversation_id: str, seq: int) -> None:
        """Remember the highest seq that a device was shown."""
        device.head[conversation_id] = max(seq, device.head.get(conversation_id, 0))

    def barrier(self) -> None:
        """Let all that is on the open connections arrive."""
        since = len(self.history)
        links = [device.link for device in self.devices if device.link]
        while any(link.inbox or link.outbox for link in links):
            for device in self.devices:
                if device.link and device.link.inbox:
                    self.server.work(device.link)
                self.deliver(device)
        for link in links:
            self.note(Drained(conn=link.conn, since=since))

    # ── what clients do ───────────────────────────────────────────────────────────────────────

    def call(self, device: Device) -> Sending:
        """A send of a device: a new one, an invalid one, or a repeat."""
        own = [call for call in self.sent if call.user_id == device.user_id]
        op = self.history.next_op()
        again = self.random.choice(own) if own and self.random.random() < 0.2 else None
        conversation_id = self.random.choice([DIRECT, GROUP])
        text = "" if self.random.random() < 0.1 else f"text {op}"
        call = Sending(
            op=op,
            conn=None,
            user_id=device.user_id,
            device_id=device.device_id,
            conversation_id=again.conversation_id if again else conversation_id,
            client_message_id=again.client_message_id if again else f"{device.user_id}-{op}",
            body=(again.body if again and again.body["text"] else None)
            or {"kind": "text", "text": text},
        )
        self.sent.append(call)
        return call

    def send(self, device: Device) -> None:
        """Send over the connection, or over HTTP without one."""
        call = self.call(device)
        if device.link is None or self.random.random() < 0.2:
            self.request(self.post(call))
            return
        call.conn = device.link.conn
        self.note(call)
        device.link.inbox.append(lambda link: self.server.send_over(link, call))

    def acknowledge(self, device: Device) -> None:
        """Acknowledge something that was seen, or, rarely, something that is not there."""
        if device.link is None or not device.head:
            return
        conversation_id = self.random.choice(sorted(device.head))
        up_to = self.random.randint(1, max(1, device.head[conversation_id]))
        if self.random.random() < 0.05:
            up_to += 1000
        ack = Acknowledging(
            conn=device.link.conn,
            user_id=device.user_id,
            device_id=device.device_id,
            conversation_id=conversation_id,
            status=self.random.choice(["delivered", "delivered", "read"]),
            up_to_seq=up_to,
        )
        self.note(ack)
        device.link.inbox.append(lambda link: self.server.acknowledge(link, ack))

    def act(self) -> None:
        """One random thing."""
        device = self.random.choice(self.devices)
        roll = self.random.random()
        if roll < 0.16:
            self.send(device)
        elif roll < 0.30:
            self.acknowledge(device)
        elif roll < 0.34:
            if device.link is None or self.random.random() < 0.2:
                self.request(self.connect(device))
        elif roll < 0.35:
            self.lose(device, code=None)
        elif roll < 0.37:
            direction = self.random.choice(["before", "after"])
            self.request(self.walk(device, self.random.choice([DIRECT, GROUP]), direction))
        elif roll < 0.39:
            self.request(self.look(device.user_id, self.random.choice([DIRECT, GROUP])))
        elif roll < 0.42:
            message_id = self.server.any_message_of(device.user_id, self.random)
            if message_id is not None:
                self.request(self.ask_status(device.user_id, message_id))
        elif roll < 0.425:
            self.request(self.change_member("dave"))
        elif roll < 0.426:
            self.restart()
        elif roll < 0.44:
            self.barrier()
        elif self.requests and roll < 0.65:
            self.advance(self.random.choice(self.requests))
        elif device.link is not None and device.link.inbox and roll < 0.80:
            self.server.work(device.link)
        else:
            self.deliver(device)


def simulate(seed: int, actions: int = 250) -> History:
    """The history of a random program of so many actions against a correct server."""
    world = World(seed)
    for device in world.devices[: world.random.randint(0, len(world.devices))]:
        world.request(world.connect(device))
    for _ in range(actions):
        world.act()
    world.finish_requests()
    world.barrier()
    for device in world.devices:
        for conversation_id in (DIRECT, GROUP):
            world.request(world.walk(device, conversation_id, "after"))
            world.finish_requests()
    return world.history
