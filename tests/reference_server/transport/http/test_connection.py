"""Connections: the channel without an upgrade and on the slow lane, pipelines, and what is no HTTP."""

from __future__ import annotations

import json

import httpx
import pytest
import trio
import trio.testing
from hypercorn.events import Event, RawData
from websockets.frames import Opcode

from reference_server.core.limits import Limits
from reference_server.transport import http_lane

from ...people import Person
from ...running import Running
from ..raw import Wire, masked, text, upgrade
from .asking import ask, good, problem

MAX_BODY = 5_000


@pytest.fixture
def limits() -> Limits:
    """Small bodies."""
    return Limits(max_frame_bytes=MAX_BODY)


# the realtime channel without an upgrade


async def test_the_channel_without_an_upgrade_is_426(
    client: httpx.AsyncClient, alice: Person
) -> None:
    """§6; the encoding is looked at first."""
    answer = await ask(client, alice, "GET", "/v1.0/chat")
    problem(answer, 426, "upgrade_required")
    assert answer.headers["upgrade"].lower() == "websocket"
    answer = await ask(client, alice, "GET", "/v1.0/chat?encoding=xml")
    problem(answer, 400, "invalid_encoding")


@pytest.mark.parametrize(
    ("query", "token", "status", "code"),
    [
        ("", "nonsense", 401, "unauthorized"),
        ("?encoding=xml", "nonsense", 401, "unauthorized"),
        ("?encoding=xml", None, 400, "invalid_encoding"),
    ],
)
async def test_an_upgrade_on_a_reused_connection_is_refused_alike(
    query: str, token: str | None, status: int, code: str, wire: Wire, alice: Person
) -> None:
    """RT-1: both lanes ask in one place."""
    await wire.sends(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await wire.answer()).status == 200
    await wire.sends(upgrade(f"/v1.0/chat{query}", Authorization=f"Bearer {token or alice.token}"))
    answer = await wire.answer()
    assert (answer.status, answer.problem["code"]) == (status, code)


async def test_the_slow_lane_speaks_the_same_protocol(wire: Wire, alice: Person) -> None:
    """The upgrade, a subprotocol, frames, and a frame too large."""
    await wire.sends(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    await wire.answer()
    offered = f"bearer.{alice.token}, messenger.v1"
    await wire.sends(upgrade(Sec_WebSocket_Protocol=offered))
    answer = await wire.answer()
    assert (answer.status, answer.headers["sec-websocket-protocol"]) == (101, "messenger.v1")
    kinds: list[str] = []
    while len(kinds) < 2:
        opcode, payload = await wire.frame()
        if opcode is Opcode.TEXT:  # it pings at once
            kinds.append(json.loads(payload)["type"])
    assert kinds == ["welcome", "replay_complete"]
    await wire.sends(text({"type": "ping", "id": "p"}))
    assert (await wire.message())["type"] == "pong"
    await wire.sends(masked(Opcode.TEXT, b'"' + b"x" * MAX_BODY + b'"'))
    assert await wire.close_code() == 1009


# the connection


async def test_requests_on_one_connection_are_answered_in_turn(wire: Wire, alice: Person) -> None:
    """Pipelined, refused ones in between, and each with its own body read to the end."""
    authorization = f"Authorization: Bearer {alice.token}\r\n"
    requests = [
        f"GET /v1.0/users/alice HTTP/1.1\r\nHost: x\r\n{authorization}\r\n",
        f"PATCH /v1.0/users/me HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n{authorization}\r\nGET /x y\n",
        "POST /v1.0/devices HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
        "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    ]
    await wire.sends("".join(requests).encode())
    assert [(await wire.answer()).status for _ in requests] == [200, 400, 401, 200]


async def test_a_whole_url_is_as_good_as_its_path(wire: Wire, alice: Person) -> None:
    """RFC 9112, 3.2.2: a server must take the form that proxies are sent."""
    authorization = f"Authorization: Bearer {alice.token}\r\n"
    for request, status in (
        ("GET http://x/healthz HTTP/1.1\r\nHost: x\r\n\r\n", 200),
        ("GET http://x HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        (
            "POST http://x/v1.0/assets HTTP/1.1\r\nHost: x\r\nContent-Type: image/x-own\r\n"
            f"{authorization}Content-Length: {2 * MAX_BODY}\r\n\r\n" + "x" * 2 * MAX_BODY,
            201,
        ),
    ):
        await wire.sends(request.encode())
        assert (await wire.answer()).status == status
    await wire.sends(upgrade("http://x/v1.0/chat", **alice.authorization))
    assert (await wire.answer()).status == 101


@pytest.mark.parametrize(
    "host", ["a" * 300, "a..b", "xn--", ".", "ÿ", ""], ids=lambda host: repr(host)[:9]
)
async def test_the_routes_are_the_same_under_every_name(host: str, wire: Wire) -> None:
    """Also under one that no name server could know: what it is, is no concern of the server's."""
    await wire.sends(f"GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n".encode("latin1"))
    assert (await wire.answer()).status == 200
    await wire.sends(upgrade(Host=host))
    assert (await wire.answer()).status == 401


async def test_who_reads_on_at_the_end_is_one(
    wire: Wire, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The answer is out and the connection closing, while its reader is busy with what came before."""
    lingering, genuine_linger = trio.Event(), http_lane._Connection._linger
    genuine_handle = http_lane._Http1.handle

    async def linger(connection: http_lane._Connection) -> None:
        lingering.set()
        await genuine_linger(connection)

    async def handle(protocol: http_lane._Http1, event: Event) -> None:
        await genuine_handle(protocol, event)
        if isinstance(event, RawData):
            await lingering.wait()
            await trio.testing.wait_all_tasks_blocked()

    monkeypatch.setattr(http_lane, "LINGER_S", 1e9)
    monkeypatch.setattr(http_lane._Connection, "_linger", linger)
    monkeypatch.setattr(http_lane._Http1, "handle", handle)
    await wire.sends(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert (await wire.answer()).status == 200
    assert await wire.ends() == b""
    await wire.sends(b"what comes too late")
    await trio.testing.wait_all_tasks_blocked()
    await wire.sends(b"is read to its end, and the connection not reset on it")
    assert isinstance(wire.stream, trio.SocketStream)
    await wire.stream.send_eof()
    assert caplog.text == ""


async def test_an_answer_leaves_in_one_piece(wire: Wire) -> None:
    """A client is woken once, and has head and body then."""
    await wire.sends(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    head, _, body = (await wire.stream.receive_some(65_536)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert json.loads(body)


async def test_a_body_that_nobody_wants_holds_nothing(
    wire: Wire, alice: Person, bob: Person
) -> None:
    """More of it than is read and kept, in small pieces: answered, and then closed."""
    await wire.sends(
        f"PUT /v1.0/blocks/{bob.user_id} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
        f"Authorization: Bearer {alice.token}\r\n\r\n".encode()
        + b"1\r\nx\r\n" * 2 * MAX_BODY
    )
    assert (await wire.answer()).status == 204
    await wire.ends()


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET http://[/healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        upgrade("http://[/v1.0/chat"),
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
        b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
        b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 100 + b"\r\n\r\n",
        b"\x00" * 70_000,
    ],
    ids=lambda data: repr(data)[:50],
)
async def test_what_is_no_http_is_refused_or_cut(
    data: bytes, server: Running, client: httpx.AsyncClient
) -> None:
    """§11: without a problem body if need be, never with a 5xx, and the server stays up."""
    async with await server.connect() as stream:
        wire = Wire(stream)
        await wire.sends(data)
        await stream.send_eof()
        first = (await wire.ends()).partition(b"\r\n")[0]
        assert first == b"" or first.startswith(b"HTTP/1.1 4"), first
    good(await ask(client, None, "GET", "/readyz"))


async def test_http_2_is_spoken_to_who_knows_it(wire: Wire) -> None:
    """With prior knowledge (RFC 9113, 3.3): the server's preface is a SETTINGS frame."""
    await wire.sends(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00")
    data = await wire.stream.receive_some()
    assert data[3] == 4
