"""What a message costs the generator's own code when it is awake, and when it is woken for each frame.

`python -m tests.benchmarks.waking` lets users in pairs send, receive, acknowledge and check messages, with all
that the generator does for them but the system's calls: the sockets are two lists. Between two frames it
sleeps for as long as the column says. Nothing else differs, so what the columns differ by is the price of
having slept: caches that others used meanwhile, and a processor that has to come back.
"""

from __future__ import annotations

import argparse
from itertools import count
from time import sleep, thread_time
from typing import Any, Final

import msgspec
from websockets.http11 import Request
from websockets.server import ServerProtocol

from loadgen.accounting import Device, Talk
from loadgen.acts import Acts, Due
from loadgen.client import Channel
from loadgen.crew import Crew, Seat
from loadgen.host import clock
from loadgen.plan import Plan, Population
from loadgen.schedule import Load, arrivals
from loadgen.users import Connection
from tests.loadgen.crews import Answers

URL: Final = "http://127.0.0.1:1"
USERS: Final = 200
NAPS_S: Final = (0.0, 0.0002, 0.001)


class Wire:
    """A socket that gives what was put into it, and takes everything."""

    def __init__(self) -> None:
        self.incoming = b""

    def recv(self, _size: int) -> bytes:
        """All that came."""
        data, self.incoming = self.incoming, b""
        return data

    def send(self, data: bytes) -> int:
        """Written."""
        return len(data)


class Pal(Connection):
    """A device on a wire of its own, connected."""

    def __init__(self, crew: Crew, device: Device, seat: Seat) -> None:
        super().__init__(crew, device, seat, "token")
        self.wire: Wire = Wire()
        self._socket: Any = self.wire
        self._channel = Channel(URL, "token")
        server = ServerProtocol()
        server.receive_data(self._channel.data_to_send())
        (request,) = server.events_received()
        assert isinstance(request, Request)
        server.send_response(server.accept(request))
        self.wire.incoming = b"".join(server.data_to_send())
        self._read()
        self.hears({"type": "replay_complete", "count": 0})

    def hears(self, frame: dict[str, Any], nap: float = 0.0) -> float:
        """A frame comes, after a nap; how many seconds it takes to deal with it."""
        payload = msgspec.json.encode(frame)
        size = len(payload)
        head = bytes((size,)) if size < 126 else bytes((126,)) + size.to_bytes(2)
        self.wire.incoming = b"\x81" + head + payload
        return timed(self._read, nap)


def timed(task: Any, nap: float) -> float:
    """Sleep if there is a nap, then do it; the seconds of processor time that it took."""
    if nap:
        sleep(nap)
    began = thread_time()
    task()
    return thread_time() - began


def measure(messages: int, nap: float) -> float:
    """Microseconds for each message."""
    load = Load(rate=2_000, warmup=0, duration=messages / 2_000, arrivals="uniform")
    plan = Plan(
        url=URL, run="a" * 8, seed=1, population=Population(users=USERS), load=load, drain=1, setup=1
    )  # fmt: skip
    crew = Crew(plan, tuple(range(USERS // 2)), Answers())
    people: dict[int, Pal] = {}
    for meeting in crew.meetings:
        meeting.talk = Talk(f"conversation-{meeting.index}", 0, users=2)
    for seat in crew.seats:
        assert seat.meeting.talk is not None
        device = Device(f"load-{seat.user}", seat.meeting.talk)
        seat.meeting.talk.devices.append(device)
        people[seat.user] = Pal(crew, device, seat)
    acts, spent = Acts(crew), 0.0
    seqs = {meeting.index: count(1) for meeting in crew.meetings}
    at = "2026-11-22T10:00:00.123Z"
    for arrival in arrivals(load, USERS, plan.seed):
        alice = people[arrival.user]
        meeting = alice.seat.meeting
        bob = people[next(user for user in meeting.planned.members if user != arrival.user)]
        seq, identity = next(seqs[meeting.index]), crew.accounting.identity(arrival.number)
        stored = {
            "client_message_id": identity, "conversation_id": alice.device.talk.conversation_id,
            "message_id": "m" * 16, "seq": seq, "created_at": at,
        }  # fmt: skip
        due = Due(alice, arrival.number, clock(), clock(), measured=True)
        spent += timed(lambda due=due, act=arrival.act: acts.let(act, due), nap)
        spent += alice.hears(
            {**stored, "type": "sent", "timing": {"queue_us": 120.5, "commit_us": 230.5}}, nap
        )
        body = {"kind": "text", "text": crew.text(arrival.number)}
        entry = {**stored, "sender_id": alice.device.user_id, "body": body}
        spent += bob.hears({"type": "message", "message": entry}, nap)
        status = {"user_id": bob.device.user_id, "status": "delivered", "up_to_seq": seq, "at": at}
        spent += alice.hears({**stored, **status, "type": "status"}, nap)
    assert crew.accounting.counts.verified == messages
    return spent / messages * 1e6


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--messages", type=int, default=4_000)
    options = parser.parse_args()
    for nap in NAPS_S:
        cost = measure(options.messages, nap)
        print(f"  {cost:6.1f} µs for each message   naps of {nap * 1000:g} ms")


if __name__ == "__main__":
    main()
