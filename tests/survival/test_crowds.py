"""Crowds: thousands that come at once, that stop reading, that have silently gone, that hardly say anything.

The users of a crowd are in the store before the server starts. Each test is about what the others notice,
and what is kept of the crowd afterwards.
"""

from __future__ import annotations

import re
import resource
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from pathlib import Path

import httpx
import pytest
import trio

from benchmarks.device import Device
from reference_server import descriptors

from ..e2e.processes import PATIENCE_S
from ..e2e.serving import Server, client_of, served
from ..e2e.test_crowd import Process
from .scale import scale
from .seeded import seed_users

STALLED = 998
"""With a sender and a reader that keeps up, a group as large as there may be (§1)."""
STORM = 2_000
SILENT = scale(usual=200, minutes=2_000)
LAST = "last"
BUFFER = 200_000
"""Bytes that may wait for one reader here."""
SHARED_KIB = 100 * 1024
"""What the server may grow by for all stalled readers: half of what it would be, if each had a copy."""


@pytest.fixture(autouse=True)
def many_descriptors() -> Iterator[None]:
    """As many as this machine lets a process open."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    descriptors.raise_limit()
    if descriptors.limit() < 2 * STORM:
        pytest.skip("too few open files are allowed here")
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.fixture
async def crowd() -> AsyncIterator[list[Device]]:
    """Devices, which are cut at the end."""
    devices: list[Device] = []
    yield devices
    for device in devices:
        await device.aclose()


@contextmanager
def serving_crowd(data: Path, size: int, *options: str) -> Iterator[tuple[Server, dict[str, str]]]:
    """A server that knows a crowd of users, and alice and carol; with the tokens of all."""
    tokens = seed_users(data, ["alice", "carol", *(f"user-{n}" for n in range(size))])
    with served("--data", str(data), *options) as server:
        yield server, tokens
        server.process.terminate()
        status, log = server.ends()
    assert status == 0
    assert "Traceback" not in log


async def narrow_stream(url: str) -> trio.SocketStream:
    """A connection of which the kernels on both sides hold little: small segments, a small window."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    narrow = trio.socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    narrow.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1_400)
    await narrow.connect((host, int(port)))
    return trio.SocketStream(narrow)


async def slow_readers(http: httpx.AsyncClient) -> int:
    """How many connections were closed for not keeping up, by the operator's figures."""
    figures = (await http.get("/metrics")).text
    found = re.search(r"^messenger_slow_readers_closed_total (\S+)", figures, re.MULTILINE)
    assert found is not None
    return int(float(found[1]))


async def read_in_order(device: Device, seen: list[int]) -> None:
    """Take in everything, up to the message called `LAST`."""
    while True:
        for frame in await device.receive():
            if frame["type"] == "message":
                seen.append(frame["message"]["seq"])
                if frame["message"]["client_message_id"] == LAST:
                    return


async def say(alice: Device, chat: str, name: str) -> int:
    """Send a large message, and wait for its answer: its seq."""
    ids = {"id": name, "conversation_id": chat, "client_message_id": name}
    alice.put({"type": "send", **ids, "body": {"kind": "text", "text": "x" * 16_000}})
    await alice.flush()
    while True:
        for frame in await alice.receive():
            if frame["type"] == "sent":
                seq: int = frame["seq"]
                return seq


async def test_a_thousand_that_stop_reading_delay_nobody_and_are_closed(
    tmp_path: Path, crowd: list[Device]
) -> None:
    """RT-6: the sender is answered, the one who reads has everything, and what waits is shared."""
    limit = ("--limit", f"max_connection_buffer_bytes={BUFFER}")
    async with AsyncExitStack() as stack:
        stack.enter_context(trio.fail_after(2 * PATIENCE_S))
        server, tokens = stack.enter_context(serving_crowd(tmp_path, STALLED, *limit))
        http = await stack.enter_async_context(client_of(server))
        process, seen = Process(server.process.pid), list[int]()
        group = await http.post(
            "/v1.0/conversations",
            json={"kind": "group", "members": [name for name in tokens if name != "alice"]},
            headers={"Authorization": f"Bearer {tokens['alice']}"},
        )
        chat = group.json()["conversation_id"]
        crowd += [
            await Device.connect(server.url, token, stream=await narrow_stream(server.url))
            for name, token in tokens.items()
            if name.startswith("user-")
        ]
        alice, carol = [
            await Device.connect(server.url, tokens[name]) for name in ("alice", "carol")
        ]
        crowd += alice, carol
        before, number = process.resident_kib(), 0
        async with trio.open_nursery() as nursery:
            nursery.start_soon(read_in_order, carol, seen)
            while await slow_readers(http) < STALLED:
                number += 1
                await say(alice, chat, f"m{number}")
                assert process.resident_kib() - before < SHARED_KIB
            head = await say(alice, chat, LAST)
        assert seen == list(range(2, head + 1))
        replayed: list[int] = []
        crowd.append(await Device.connect(server.url, tokens["user-7"], replayed=replayed))
        assert replayed == list(range(1, head + 1))


async def test_two_thousand_that_connect_at_once_all_get_in(
    tmp_path: Path, crowd: list[Device]
) -> None:
    """As after a cut of the network; who was already there is answered meanwhile."""
    with (
        serving_crowd(tmp_path, STORM) as (server, tokens),
        trio.fail_after(2 * PATIENCE_S),
    ):
        alice = await Device.connect(server.url, tokens["alice"])

        async def arrive(token: str) -> None:
            crowd.append(await Device.connect(server.url, token))

        async with trio.open_nursery() as nursery:
            for name, token in tokens.items():
                if name.startswith("user-"):
                    nursery.start_soon(arrive, token)
            while len(crowd) < STORM:
                await ping(alice)
        crowd.append(alice)
        for device in crowd:
            await ping(device)


async def ping(device: Device) -> None:
    """A round trip."""
    device.put({"type": "ping", "id": "p"})
    await device.flush()
    while all(frame["type"] != "pong" for frame in await device.receive()):
        pass


async def test_connections_whose_peer_is_gone_are_closed_and_nothing_is_kept(
    tmp_path: Path, crowd: list[Device]
) -> None:
    """§6: a peer that vanished without a word answers no ping; after two intervals it is over."""
    often = ("--limit", "heartbeat_interval_ms=1000")
    with (
        serving_crowd(tmp_path, SILENT, *often) as (server, tokens),
        trio.fail_after(2 * PATIENCE_S),
    ):
        process = Process(server.process.pid)
        async with client_of(server) as http:
            crowd += [
                await Device.connect(server.url, token)
                for name, token in tokens.items()
                if name.startswith("user-")
            ]
            for device in crowd:
                assert await close_code(device.stream) == 4408
            assert (await http.get("/readyz")).status_code == 200
            assert process.descriptors() < descriptors.OWN


async def close_code(stream: trio.SocketStream) -> int:
    """The code in the last frame that the server writes, read without ever answering."""
    received = b""
    while data := await stream.receive_some():
        received += data
    assert b"\x88" in received
    frame = received[received.rindex(b"\x88") :]
    return int.from_bytes(frame[2:4], "big")


HEADS = {
    "HTTP": b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n",
    "a handshake": b"GET /v1.0/chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n",
}


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
async def test_heads_that_drip_are_cut_and_others_are_served(head: bytes, tmp_path: Path) -> None:
    """SEC-4, the attack known as Slowloris: a byte now and then keeps nobody's place."""
    with (
        serving_crowd(tmp_path, 0, "--head-timeout", "1") as (server, _),
        trio.fail_after(2 * PATIENCE_S),
    ):
        process, ended = Process(server.process.pid), 0
        url = httpx.URL(server.url)

        async def drip() -> None:
            nonlocal ended
            async with await trio.open_tcp_stream(url.host, url.port or 0) as stream:
                with suppress(trio.BrokenResourceError):
                    await stream.send_all(head)
                    while True:
                        await stream.send_all(b"X")
                        with trio.move_on_after(0.2):
                            if not await stream.receive_some():
                                break
            ended += 1

        async with client_of(server) as http, trio.open_nursery() as nursery:
            for _ in range(SILENT):
                nursery.start_soon(drip)
            while ended < SILENT:
                fresh = await http.get("/readyz", headers={"Connection": "close"})
                assert fresh.status_code == 200
                await trio.sleep(0.05)
        assert process.descriptors() < descriptors.OWN
