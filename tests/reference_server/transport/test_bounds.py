"""What clients that do not behave can hold, and for how long; nobody else notices them.

Where a test waits for a bound to pass, the clock is virtual and put forward by hand; the sockets and the
server are real. The bounds themselves are made small where the clock is not.
"""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from reference_server import app, descriptors
from reference_server.core.limits import Limits
from reference_server.service.messages import SendRequest
from reference_server.transport import bodies, front_door, http, http_lane

from ..people import Person, direct, newcomer
from ..running import Running, running_server
from .peers import (
    CONNECTIONS,
    PATIENCE_S,
    new_connection,
    online,
    over,
    reused_connection,
)
from .raw import Wire, chatting, text, upgrade

SHORT_S = 0.2
CROWD = 10
GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST /v1.0/users HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"
STOP_S = 5.0
"""§9: a stopping server is gone in less."""


@pytest.fixture(autouse=True)
def short_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """As small as they can be while an honest client on a busy machine keeps within them."""
    monkeypatch.setattr(descriptors, "MOST_SILENT", CROWD)
    monkeypatch.setattr(descriptors, "MOST_HTTP", CROWD)
    monkeypatch.setattr(descriptors, "MOST_CHAT", 1)
    monkeypatch.setattr(http, "BODY_TIMEOUT_S", SHORT_S)
    monkeypatch.setattr(bodies, "REST_S", SHORT_S)
    monkeypatch.setattr(app, "KEEP_ALIVE_S", SHORT_S)
    monkeypatch.setattr(app, "STOPPING_S", SHORT_S)
    monkeypatch.setattr(http_lane, "STALLED_S", SHORT_S)


@pytest.fixture
async def bounded(short_bounds: None, tmp_path: Path) -> AsyncIterator[Running]:
    """A server with these bounds, which are read when it starts."""
    async with running_server(tmp_path / "data", Limits()) as running:
        yield running


async def serves(server: Running) -> bool:
    """Whether an honest client is served."""
    async with httpx.AsyncClient(base_url=server.url, timeout=PATIENCE_S) as client:
        return (await client.get("/healthz")).status_code == 200


async def rest_of(stream: trio.SocketStream) -> bytes:
    """Everything until the server closes the connection."""
    received = b""
    with trio.fail_after(PATIENCE_S):
        try:
            while data := await stream.receive_some():
                received += data
        except trio.BrokenResourceError:
            pass
    return received


async def drip(stream: trio.SocketStream, data: bytes, clock: MockClock) -> bytes:
    """Send a little again and again until the server has had enough; what it answered."""
    async with trio.open_nursery() as nursery:

        async def send() -> None:
            try:
                while True:
                    await stream.send_all(data)
                    await wait_all_tasks_blocked()
                    clock.jump(SHORT_S / 4)
            except trio.BrokenResourceError:
                pass

        nursery.start_soon(send)
        answer = await rest_of(stream)
        nursery.cancel_scope.cancel()
    return answer


async def test_of_many_that_say_nothing_the_oldest_are_cut(bounded: Running) -> None:
    """A crowd of bounded size; whoever speaks gets in."""
    silent = [await bounded.connect() for _ in range(3 * CROWD)]
    for stream in silent[: 2 * CROWD]:
        assert await rest_of(stream) == b""
    assert await serves(bounded)
    for stream in silent:
        await stream.aclose()


@pytest.mark.parametrize("lane", CONNECTIONS)
async def test_who_is_on_the_realtime_channel_stays(lane: str, bounded: Running) -> None:
    """Whatever comes over HTTP, and whoever else wants to be there: 503, but 401 comes first (§1)."""
    alice = await newcomer(bounded.service, "alice")
    bob = await newcomer(bounded.service, "bob")
    async with AsyncExitStack() as stack:
        hers = await stack.enter_async_context(chatting(bounded, alice, CONNECTIONS[lane]))
        for _ in range(2 * CROWD):
            await stack.enter_async_context(await reused_connection(bounded))
        await hers.sends(text({"type": "ping", "id": "still-here"}))
        assert (await hers.message())["id"] == "still-here"
        for connection in CONNECTIONS.values():
            for authorization, refusal in (
                (bob.authorization, (503, "unavailable")),
                ({"Authorization": "Bearer nobody's"}, (401, "unauthorized")),
                ({}, (401, "unauthorized")),
            ):
                his = Wire(await stack.enter_async_context(await connection(bounded)))
                await his.sends(upgrade(**authorization))
                refused = await his.answer()
                assert (refused.status, refused.problem["code"]) == refusal


async def test_a_head_that_does_not_end_is_cut(bounded: Running, mock_clock: MockClock) -> None:
    """Slowloris: a header now and then."""
    async with await bounded.connect() as stream:
        await stream.send_all(GET)
        assert await drip(stream, b"X: y\r\n", mock_clock) == b""
    assert await serves(bounded)


async def test_a_later_head_that_does_not_end_is_cut_too(
    bounded: Running, mock_clock: MockClock
) -> None:
    """On a connection that had an answer before."""
    async with await reused_connection(bounded) as stream:
        await stream.send_all(GET)
        assert await drip(stream, b"X: y\r\n", mock_clock) == b""


async def test_a_body_that_drips_is_refused_and_its_connection_closed(
    bounded: Running, mock_clock: MockClock
) -> None:
    """One byte at a time: the request fails, and what still comes is not taken for another."""
    async with await bounded.connect() as stream:
        await stream.send_all(POST)
        head, _, body = (await drip(stream, b" ", mock_clock)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400")
    assert json.loads(body)["code"] == "malformed"
    assert b"connection: close" in head.lower()
    assert await serves(bounded)


async def test_a_body_that_stops_half_way_holds_nothing(bounded: Running) -> None:
    """Nor does the client that is gone."""
    async with await bounded.connect() as stream:
        await stream.send_all(POST + b'{"user_id"')
    assert await serves(bounded)


@pytest.mark.parametrize("ends", [True, False], ids=["that ends", "without end"])
async def test_a_head_over_the_limit_is_431(bounded: Running, ends: bool) -> None:
    """With its code, readable although the client still sends."""
    head = GET + b"X: " + b"y" * front_door.HEAD_BYTES + (b"\r\n\r\n" if ends else b"")
    async with await bounded.connect() as stream:
        await stream.send_all(head)
        answered, _, body = (await rest_of(stream)).partition(b"\r\n\r\n")
    assert answered.startswith(b"HTTP/1.1 431 ")
    assert json.loads(body)["code"] == "headers_too_large"
    assert await serves(bounded)


async def test_a_later_head_over_the_limit_is_431_too(bounded: Running) -> None:
    """On a connection that had an answer before; there without a problem body (§11)."""
    async with await reused_connection(bounded) as stream:
        await stream.send_all(GET + b"X: " + b"y" * front_door.HEAD_BYTES * 2)
        assert (await rest_of(stream)).startswith(b"HTTP/1.1 431 ")


async def stalled_reader(server: Running, alice: Person, chat: str) -> trio.SocketStream:
    """A client that asked for more than all buffers hold, and reads nothing of it."""
    for number in range(200):
        await server.service.messages.send(
            alice.identity,
            SendRequest(
                conversation_id=chat,
                client_message_id=str(number),
                body={"kind": "text", "text": "😀" * server.service.kernel.limits.max_text_length},
            ),
        )
    own = trio.socket.socket()
    own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    await own.connect(server.address)
    stream = trio.SocketStream(own)
    await stream.send_all(
        f"GET /v1.0/conversations/{chat}/messages?limit=200 HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {alice.token}\r\n\r\n".encode()
    )
    assert (await stream.receive_some(64)).startswith(b"HTTP/1.1 200")
    return stream


async def test_a_client_that_does_not_read_its_answer_is_cut(
    bounded: Running, mock_clock: MockClock
) -> None:
    """An answer of 13 MB waits for nobody."""
    alice = await newcomer(bounded.service, "alice")
    chat = await direct(bounded.service, alice, await newcomer(bounded.service, "bob"))
    async with await stalled_reader(bounded, alice, chat) as stream:
        await wait_all_tasks_blocked()  # the buffers are full
        mock_clock.jump(2 * SHORT_S)
        await wait_all_tasks_blocked()  # and it is cut, before anything is read
        received = await rest_of(stream)
    assert len(received) < 200 * 4 * bounded.service.kernel.limits.max_text_length
    assert await serves(bounded)


async def test_stopping_waits_for_nobody(bounded: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """RT-8: a dripping request, a stalled reader and an idle connection; the channel gets its 1012."""
    monkeypatch.setattr(http_lane, "STALLED_S", 10 * STOP_S)
    monkeypatch.setattr(http, "BODY_TIMEOUT_S", 10 * STOP_S)
    alice = await newcomer(bounded.service, "alice")
    chat = await direct(bounded.service, alice, await newcomer(bounded.service, "bob"))
    async with (
        await stalled_reader(bounded, alice, chat) as stalled,
        await bounded.connect() as dripping,
        await bounded.connect() as silent,
        over(bounded, new_connection)(await newcomer(bounded.service, "carol")) as carols,
    ):
        await dripping.send_all(POST)
        await online(carols)
        with trio.fail_after(STOP_S):
            bounded.stop.set()
            assert await carols.ended() == 1012
            await rest_of(dripping)
            await rest_of(silent)
            await rest_of(stalled)
            await bounded.ended.wait()
