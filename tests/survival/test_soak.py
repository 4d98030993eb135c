"""The same day again and again: what the server holds in memory does not grow with what it has done.

A round is people who connect, talk, acknowledge, read their history, send a file, and go. The first rounds
fill what is there to be filled (caches, the allocator's arenas); after them the memory is flat. What is
kept for ever grows on disk alone.
"""

from __future__ import annotations

import os
from pathlib import Path

import trio

from benchmarks.device import Device
from benchmarks.talking import Pair, run_pair
from reference_server import descriptors

from ..e2e.processes import PATIENCE_S
from ..e2e.serving import Client, client_of, newcomer, served
from ..e2e.test_crowd import Process
from .scale import scale

ROUNDS = scale(usual=8, minutes=600)
LASTS_S = scale(usual=0, minutes=3_600)
"""It goes on until both are reached."""
WARM = scale(usual=4, minutes=300)
"""Rounds after which whatever is bounded is full: in the long run SQLite's page caches too, 16 MB of the
writer's and 2 MB of each reader's."""
TOLD_EACH = 200
"""Rounds between two lines of the curve, which `pytest -s` shows as it grows."""
PAIRS = 4
MESSAGES = scale(usual=250, minutes=500)
LEEWAY_KIB = scale(usual=10_240, minutes=16_384)
"""For an allocator's moods and, in a usual run, for the writer's cache, which still fills by about a kilobyte
for each message. So a usual run sees large leaks only; the long one sees ten bytes a message."""


async def _has_all(url: str, pair: Pair, up_to: int) -> None:
    """The sender's device acknowledges its own messages too, or it would be shown all of them each time."""
    device = await Device.connect(url, pair.sender)
    chat = pair.conversation_id
    device.put({"type": "delivered", "conversation_id": chat, "up_to_seq": up_to})
    device.put({"type": "ping", "id": "done"})
    await device.flush()
    while not any(frame["type"] == "pong" for frame in await device.receive()):
        pass
    await device.aclose()


async def one_round(url: str, talks: list[tuple[Client, Pair]], number: int) -> None:
    """Everybody comes, does everything, and goes."""
    async with trio.open_nursery() as nursery:
        for _, pair in talks:
            nursery.start_soon(run_pair, url, pair, MESSAGES, 8, "text", number * MESSAGES)
    for person, pair in talks:
        await _has_all(url, pair, (number + 1) * MESSAGES)
        page = f"/v1.0/conversations/{pair.conversation_id}/messages?limit=200"
        assert (await person.ask("GET", page))["items"]
        media = {**person.headers, "Content-Type": "application/octet-stream"}
        sent = await person.http.post("/v1.0/assets", content=os.urandom(100_000), headers=media)
        assert sent.status_code == 201


def _tell(rounds: int, after_s: float, resident_kib: int) -> None:
    messages = rounds * PAIRS * MESSAGES
    print(f"{after_s:6,.0f} s, {messages:10,} messages: {resident_kib / 1024:.1f} MiB resident")


async def test_memory_is_flat_however_much_was_said(tmp_path: Path) -> None:
    """After the first rounds it stays where it is; nor are descriptors left behind."""
    with (
        served("--data", str(tmp_path)) as server,
        trio.fail_after(PATIENCE_S * ROUNDS + LASTS_S),
    ):
        process = Process(server.process.pid)
        async with client_of(server) as http:
            talks = []
            for number in range(PAIRS):
                one, other = [await newcomer(http, f"{name}-{number}") for name in ("from", "to")]
                body = {"kind": "direct", "members": [other.user_id]}
                chat = (await one.ask("POST", "/v1.0/conversations", body))["conversation_id"]
                tokens = [each.headers["Authorization"].split()[1] for each in (one, other)]
                talks.append((one, Pair(tokens[0], tokens[1], chat)))
            began = trio.current_time()
            number = 0
            while number < ROUNDS or trio.current_time() - began < LASTS_S:
                if number == WARM:
                    warm = process.resident_kib()
                if number % TOLD_EACH == 0:
                    _tell(number, trio.current_time() - began, process.resident_kib())
                await one_round(server.url, talks, number)
                number += 1
            _tell(number, trio.current_time() - began, process.resident_kib())
            assert process.resident_kib() - warm < LEEWAY_KIB
            assert process.descriptors() < descriptors.OWN
        server.process.terminate()
        status, log = await trio.to_thread.run_sync(server.ends)
    assert status == 0
    assert "Traceback" not in log
