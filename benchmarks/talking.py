"""Server CPU per message, one-to-one and in a group, and the latency at a steady rate.

*In flight* is a closed loop: a sender starts a new message when one has gone all the way (stored, `sent`,
delivered, acknowledged by the receiver, and back at the sender as `status`). *At a rate* is an open one:
messages leave when they are planned, and latency runs from then until the other has the message.
"""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import trio

from .device import Device, Encoding
from .serving import NotMeasured, Serving, client_of, conversation, newcomer, serving

TEXT = "x" * 200


class Pair(NamedTuple):
    """Two users and their conversation."""

    sender: str
    """Its token, as the receiver's."""
    receiver: str
    conversation_id: str


def make_pairs(server: Serving, number: int) -> list[Pair]:
    """Users who talk to each other."""
    pairs = []
    with client_of(server) as http:
        for each in range(number):
            sender, receiver = [newcomer(http, f"{role}-{each}") for role in ("from", "to")]
            chat = conversation(http, sender, "direct", [f"to-{each}"])
            pairs.append(Pair(sender, receiver, chat))
    return pairs


def message(chat: str, number: int) -> dict[str, Any]:
    """A `send` frame of 200 characters."""
    return {
        "type": "send",
        "id": str(number),
        "conversation_id": chat,
        "client_message_id": str(number),
        "body": {"kind": "text", "text": TEXT},
    }


# a closed loop


async def run_pair(
    url: str, pair: Pair, count: int, in_flight: int, encoding: Encoding, before: int = 0
) -> None:
    """Send `count` messages from one to the other, `in_flight` at a time, `before` which there were some."""
    sender = await Device.connect(url, pair.sender, encoding=encoding)
    receiver = await Device.connect(url, pair.receiver, encoding=encoding)
    last = before + count
    numbers = iter(range(before + 1, last + 1))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_acknowledge, receiver, pair.conversation_id, last)
        done = before
        await _start(sender, pair.conversation_id, numbers, in_flight)
        while done < last:
            for frame in await sender.receive():
                if frame["type"] == "status":
                    fresh = frame["up_to_seq"] - done
                    done = frame["up_to_seq"]
                    await _start(sender, pair.conversation_id, numbers, fresh)
                elif frame["type"] == "failed":
                    raise NotMeasured(f"a send failed: {frame}")
    await sender.aclose()
    await receiver.aclose()


async def _start(sender: Device, chat: str, numbers: Any, many: int) -> None:
    for number in itertools.islice(numbers, many):
        sender.put(message(chat, number))
    await sender.flush()


async def _acknowledge(receiver: Device, chat: str, last: int) -> None:
    seen = 0
    while seen < last:
        for frame in await receiver.receive():
            if frame["type"] == "message":
                seen = frame["message"]["seq"]
                receiver.put({"type": "delivered", "conversation_id": chat, "up_to_seq": seen})
        await receiver.flush()


async def _run_pairs(
    url: str, pairs: list[Pair], count: int, in_flight: int, encoding: Encoding
) -> None:
    async with trio.open_nursery() as nursery:
        for pair in pairs:
            nursery.start_soon(run_pair, url, pair, count, in_flight, encoding)


def closed_loop(pairs: int, count: int, in_flight: int, encoding: Encoding) -> float:
    """Server CPU in microseconds per message."""
    with serving() as server:
        talks = make_pairs(server, pairs)
        before = server.cpu_s()
        trio.run(_run_pairs, server.url, talks, count, in_flight, encoding)
        return (server.cpu_s() - before) / (pairs * count) * 1e6


# an open loop


class Steady(NamedTuple):
    """What a steady rate gave."""

    cpu_us: float
    """Server CPU per message, or per delivery, in microseconds."""
    latencies_ms: list[float]
    """From the planned moment to each receiver, in ascending order."""

    def percentile(self, percent: float) -> float:
        """By nearest rank."""
        return self.latencies_ms[max(0, round(len(self.latencies_ms) * percent / 100) - 1)]


def direct_at_rate(rate: float, count: int, pairs: int) -> Steady:
    """One-to-one at `rate` messages a second, with acknowledgements."""
    with serving() as server:
        talks = [
            (each.sender, [each.receiver], each.conversation_id)
            for each in make_pairs(server, pairs)
        ]
        return _steadily(server, talks, rate, count, acknowledging=("delivered",))


def group_at_rate(rate: float, count: int, members: int) -> Steady:
    """One group; one of its members talks, the others are silent."""
    with serving() as server:
        with client_of(server) as http:
            names = [f"member-{number}" for number in range(members)]
            tokens = [newcomer(http, name) for name in names]
            chat = conversation(http, tokens[0], "group", names[1:])
        return _steadily(server, [(tokens[0], tokens[1:], chat)], rate, count, acknowledging=())


Talk = tuple[str, list[str], str]
"""The sender's token, the receivers', and the conversation."""


def _steadily(
    server: Serving, talks: list[Talk], rate: float, count: int, acknowledging: tuple[str, ...]
) -> Steady:
    latencies: list[float] = []
    cpu = trio.run(_open_loop, server, talks, rate, count, acknowledging, latencies)
    return Steady(cpu / len(latencies) * 1e6, sorted(latencies))


async def _open_loop(
    server: Serving,
    talks: list[Talk],
    rate: float,
    count: int,
    acknowledging: tuple[str, ...],
    latencies: list[float],
) -> float:
    """Send in turn when planned; the server's CPU time in seconds meanwhile."""
    planned: dict[str, float] = {}
    senders: list[tuple[Device, str]] = []
    expected = sum(len(receivers) for _, receivers, _ in talks) * count // len(talks)
    everything = trio.Event()

    async def take(receiver: Device, chat: str) -> None:
        while True:
            for frame in await receiver.receive():
                if frame["type"] != "message" or frame["message"].get("client_message_id") is None:
                    continue
                entry = frame["message"]
                due = planned[entry["client_message_id"]]
                latencies.append((trio.current_time() - due) * 1000)
                for status in acknowledging:
                    receiver.put(
                        {"type": status, "conversation_id": chat, "up_to_seq": entry["seq"]}
                    )
            await receiver.flush()
            if len(latencies) >= expected:
                everything.set()

    async def drain(sender: Device) -> None:
        while True:
            await sender.receive()

    async with trio.open_nursery() as nursery:
        for sender_token, receivers, chat in talks:
            sender = await Device.connect(server.url, sender_token)
            senders.append((sender, chat))
            nursery.start_soon(drain, sender)
            for token in receivers:
                nursery.start_soon(take, await Device.connect(server.url, token), chat)
        before, start = server.cpu_s(), trio.current_time()
        for number in range(count):
            due = start + number / rate
            await trio.sleep_until(due)
            planned[str(number)] = due
            sender, chat = senders[number % len(senders)]
            sender.put(message(chat, number))
            await sender.flush()
        await everything.wait()
        cpu = server.cpu_s() - before
        nursery.cancel_scope.cancel()
    return cpu
