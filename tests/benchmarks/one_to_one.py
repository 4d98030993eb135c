"""Server CPU per one-to-one message, the first line of the targets in the architecture page.

`python -m tests.benchmarks.one_to_one` starts the reference server as a process on a real data folder
and loads it with pairs of a sender and a receiver. Each sender keeps some messages in flight: a new one
leaves when one has gone all the way (stored, `sent`, delivered, acknowledged by the receiver, and back
at the sender as `status`). CPU time is the operating system's, of the whole server process; so it does
not depend on how busy the machine is otherwise, but it does depend on the load: compare equal loads.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import msgspec
import trio
from websockets.client import ClientProtocol
from websockets.frames import Frame
from websockets.http11 import Response
from websockets.uri import parse_uri

_encode = msgspec.json.encode
_decode = msgspec.json.decode


@contextmanager
def server_process() -> Iterator[tuple[str, int]]:
    """The reference server on a fresh folder, as its address and process id."""
    with tempfile.TemporaryDirectory() as data:
        command = [sys.executable, "-m", "reference_server", "--port", "0", "--data", data]
        with subprocess.Popen(
            [*command, "--until-stdin-closes"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            line = process.stdout.readline()
            yield line.rpartition(" ")[2].strip(), process.pid
            process.terminate()


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far (Linux; clock ticks of 10 ms)."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


class Device:
    """A connected device on the sans-IO WebSocket client, without any checking of its own."""

    def __init__(self, stream: trio.SocketStream, protocol: ClientProtocol) -> None:
        self._stream = stream
        self._protocol = protocol

    @classmethod
    async def connect(cls, url: str, token: str) -> Device:
        """Connect and read up to `replay_complete`."""
        host, port = url.removeprefix("http://").split(":")
        protocol = ClientProtocol(parse_uri(f"ws://{host}:{port}/v1.0/chat"))
        request = protocol.connect()
        request.headers["Authorization"] = f"Bearer {token}"
        protocol.send_request(request)
        device = cls(await trio.open_tcp_stream(host, int(port)), protocol)
        await device.flush()
        while True:
            for frame in await device.receive():
                if frame["type"] == "replay_complete":
                    return device

    def put(self, frame: dict[str, Any]) -> None:
        """Queue a frame for the next `flush`."""
        self._protocol.send_text(_encode(frame))

    async def flush(self) -> None:
        """Write what was put."""
        await self._stream.send_all(b"".join(self._protocol.data_to_send()))

    async def receive(self) -> list[dict[str, Any]]:
        """The frames that have arrived, at least a read's worth."""
        self._protocol.receive_data(await self._stream.receive_some(65_536))
        frames = []
        for event in self._protocol.events_received():
            if isinstance(event, Frame):
                frames.append(_decode(event.data))
            elif isinstance(event, Response) and event.status_code != 101:
                raise RuntimeError(f"the server answered {event.status_code}")
        return frames


def account(http: httpx.Client, user_id: str) -> str:
    """Register and log in a user; its token."""
    http.post("/v1.0/users", json={"user_id": user_id, "password": "benchmark"})
    session = http.post("/v1.0/sessions", json={"user_id": user_id, "password": "benchmark"})
    return str(session.json()["token"])


async def run_pair(
    url: str, tokens: tuple[str, str], conversation_id: str, count: int, in_flight: int
) -> None:
    """Send `count` messages from one device to the other, `in_flight` at a time."""
    sender = await Device.connect(url, tokens[0])
    receiver = await Device.connect(url, tokens[1])
    text = "x" * 200
    started = 0

    def start(many: int) -> None:
        nonlocal started
        for _ in range(min(many, count - started)):
            started += 1
            sender.put(
                {
                    "type": "send",
                    "id": str(started),
                    "conversation_id": conversation_id,
                    "client_message_id": str(started),
                    "body": {"kind": "text", "text": text},
                }
            )

    async def acknowledge() -> None:
        seen = 0
        while seen < count:
            for frame in await receiver.receive():
                if frame["type"] == "message":
                    seen = frame["message"]["seq"]
                    receiver.put(
                        {"type": "delivered", "conversation_id": conversation_id, "up_to_seq": seen}
                    )
            await receiver.flush()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(acknowledge)
        done = 0
        start(in_flight)
        await sender.flush()
        while done < count:
            for frame in await sender.receive():
                if frame["type"] == "status":
                    start(frame["up_to_seq"] - done)
                    done = frame["up_to_seq"]
                elif frame["type"] == "failed":
                    raise RuntimeError(f"a send failed: {frame}")
            await sender.flush()


async def run_pairs(
    url: str, pairs: list[tuple[tuple[str, str], str]], count: int, in_flight: int
) -> None:
    """All pairs at once."""
    async with trio.open_nursery() as nursery:
        for tokens, conversation_id in pairs:
            nursery.start_soon(run_pair, url, tokens, conversation_id, count, in_flight)


def measure(pairs: int, in_flight: int, count: int) -> tuple[float, float]:
    """Server CPU in microseconds per message, and messages per second of wall time."""
    with server_process() as (url, pid), httpx.Client(base_url=url, trust_env=False) as http:
        talks = []
        for number in range(pairs):
            users = (f"sender-{number}", f"receiver-{number}")
            tokens = (account(http, users[0]), account(http, users[1]))
            conversation = http.post(
                "/v1.0/conversations",
                json={"kind": "direct", "members": [users[1]]},
                headers={"Authorization": f"Bearer {tokens[0]}"},
            )
            talks.append((tokens, str(conversation.json()["conversation_id"])))
        cpu, wall = cpu_seconds(pid), time.perf_counter()
        trio.run(run_pairs, url, talks, count, in_flight)
        total = pairs * count
        return (
            (cpu_seconds(pid) - cpu) / total * 1e6,
            total / (time.perf_counter() - wall),
        )


def main() -> None:
    """Measure and print, several runs each with its own server."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--in-flight", type=int, default=8)
    parser.add_argument("--messages", type=int, default=1_000, help="for each pair")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    results = [
        measure(options.pairs, options.in_flight, options.messages) for _ in range(options.runs)
    ]
    for cpu, rate in results:
        print(f"  {cpu:6.1f} µs of server CPU per message   {rate:7.0f} messages/s")
    median = statistics.median(cpu for cpu, _ in results)
    print(
        f"{options.pairs} pairs, {options.in_flight} in flight, 200 bytes:"
        f" median {median:.1f} µs of server CPU per message"
    )


if __name__ == "__main__":
    main()
