"""Thousands of connections that say nothing, against a server in a process of its own."""

from __future__ import annotations

import json
import resource
import selectors
import socket
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import httpx
import pytest
import trio
from trio_websocket import WebSocketConnection

from reference_server import descriptors

from .processes import PATIENCE_S
from .serving import client_of, newcomer, served

SILENT = 10_000
SPARE = 500
"""Descriptors that the test needs for itself."""
LEEWAY_KIB = 16_384
"""What an allocator may hold on to from one crowd to the next: far less than a crowd takes."""


@pytest.fixture
def crowd() -> Iterator[int]:
    """As many connections as this machine lets one process open, at most `SILENT`."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    descriptors.raise_limit()
    yield min(SILENT, descriptors.limit() - SPARE)
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def open_many(address: tuple[str, int], number: int) -> list[socket.socket]:
    """Connect and say nothing."""
    return [socket.create_connection(address, timeout=PATIENCE_S) for _ in range(number)]


def number_that_end(silent: list[socket.socket]) -> int:
    """How many the server closes, having said nothing to them either."""
    ended = 0
    with selectors.DefaultSelector() as selector:
        for each in silent:
            selector.register(each, selectors.EVENT_READ, each)
        while ended < len(silent) and (ready := selector.select(PATIENCE_S)):
            for key, _ in ready:
                with suppress(ConnectionResetError):
                    assert key.data.recv(1) == b""
                selector.unregister(key.data)
                key.data.close()
                ended += 1
    return ended


class Process:
    """What the kernel knows of a process (proc(5))."""

    def __init__(self, process_id: int) -> None:
        self._folder = Path(f"/proc/{process_id}")
        if not self._folder.is_dir():
            pytest.skip("there is no /proc here")

    def descriptors(self) -> int:
        """How many are open."""
        return len(list((self._folder / "fd").iterdir()))

    def resident_kib(self) -> int:
        """Its memory."""
        lines = (self._folder / "status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


async def answered(channel: WebSocketConnection, number: int) -> None:
    """A round trip on the realtime channel."""
    await channel.send_message(json.dumps({"type": "ping", "id": f"p{number}"}))
    while True:
        frame = json.loads(await channel.get_message())
        if frame["type"] == "pong":
            assert frame["id"] == f"p{number}"
            return


async def visit(channel: WebSocketConnection, http: httpx.AsyncClient, crowd: int) -> None:
    """A crowd comes, says nothing, and is sent away, while others are served."""
    address = (http.base_url.host, http.base_url.port or 0)
    silent: list[socket.socket] = []

    async def arrive() -> None:
        silent.extend(await trio.to_thread.run_sync(open_many, address, crowd))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(arrive)
        number = 0
        while number < 10 or not silent:
            number += 1
            await answered(channel, number)
            new_connection = await http.get("/readyz", headers={"Connection": "close"})
            assert new_connection.status_code == 200
    assert await trio.to_thread.run_sync(number_that_end, silent) == crowd
    await answered(channel, 0)


async def test_thousands_that_say_nothing_are_closed_and_cost_others_nothing(crowd: int) -> None:
    """SEC-4: others are served meanwhile, on old connections and new; nothing is kept of the crowd."""
    with served("--head-timeout", "0.5") as server, trio.fail_after(4 * PATIENCE_S):
        process = Process(server.process.pid)
        async with client_of(server) as http:
            alice = await newcomer(http, "alice")
            async with alice.channel() as channel:
                await visit(channel, http, crowd)
                after_one = process.resident_kib()
                await visit(channel, http, crowd // 2)
                assert process.resident_kib() < after_one + LEEWAY_KIB
                assert process.descriptors() < descriptors.OWN
        server.process.terminate()
        status, log = server.ends()
    assert status == 0
    assert log.count("places for silent connections are taken") <= 2
    assert "Traceback" not in log


async def test_a_server_with_few_descriptors_never_runs_out_of_them(crowd: int) -> None:
    """The crowd is larger than what it may open; it takes what it can keep, and goes on serving."""
    few = ("sh", "-c", 'ulimit -n 256 && exec "$@"', "sh")
    async with AsyncExitStack() as stack:
        stack.enter_context(trio.fail_after(4 * PATIENCE_S))
        server = stack.enter_context(served("--head-timeout", "0.5", under=few))
        http = await stack.enter_async_context(client_of(server))
        alice = await newcomer(http, "alice")
        channel = await stack.enter_async_context(alice.channel())
        await visit(channel, http, min(crowd, 1_000))
        server.process.terminate()
        status, log = server.ends()
    assert status == 0
    assert "places for silent connections are taken" in log
    assert "no connection can be accepted" not in log
    assert "trouble" not in log
