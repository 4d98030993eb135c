"""The realtime half of the messenger adapter, against small servers on the loopback."""

import errno
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import pytest
import trio
import trio.testing
from trio_websocket import ConnectionClosed, WebSocketConnection, WebSocketRequest, serve_websocket
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, Message, Request

from conformance.adapters.base import (
    Impatient,
    Malformed,
    RawMessage,
    Refusal,
    SendCall,
    TargetTrouble,
    Unanswered,
)
from conformance.adapters.messenger import MessengerAdapter
from conformance.adapters.messenger.adapter import MessengerSession
from conformance.adapters.messenger.client import MessengerClient
from conformance.adapters.messenger.dialling import dial
from conformance.history import (
    Accepted,
    Acknowledging,
    Closed,
    History,
    Received,
    Refused,
    ReplayDone,
    Sending,
    StatusTold,
    Wire,
)
from conformance.patience import Patience

Json = Any
Speak = Callable[[WebSocketConnection], Awaitable[None]]

CALL = SendCall(conversation_id="c1", client_message_id="m1", body={"kind": "text", "text": "hi"})
PROBLEM = b'{"type":"about:blank","title":"Unauthorized","status":401,"code":"unauthorized"}'


class Server:
    """A server that says what a test tells it to."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self.requests: list[WebSocketRequest] = []
        self.received: list[Json] = []
        self.url = ""
        self._nursery = nursery

    async def speaking(self, speak: Speak) -> str:
        """Accept every connection, and then `speak`."""

        async def handle(request: WebSocketRequest) -> None:
            self.requests.append(request)
            offered = "messenger.v1" in request.proposed_subprotocols
            ws = await request.accept(subprotocol="messenger.v1" if offered else None)
            try:
                await speak(ws)
                while True:
                    self.received.append(await ws.get_message())
            except ConnectionClosed:
                pass

        server = await self._nursery.start(serve_websocket, handle, "127.0.0.1", 0, None)
        return f"http://127.0.0.1:{server.port}"

    async def answering(self, answer: bytes) -> str:
        """Answer the first bytes of every connection with `answer`, and hang up."""

        async def handle(stream: trio.SocketStream) -> None:
            async with stream:
                await stream.receive_some()
                await stream.send_all(answer)

        listeners = await self._nursery.start(trio.serve_tcp, handle, 0)
        port = listeners[0].socket.getsockname()[1]
        return f"http://127.0.0.1:{port}"


@pytest.fixture
def server(nursery: trio.Nursery) -> Server:
    """A server for one test."""
    return Server(nursery)


@asynccontextmanager
async def session_at(
    url: str, history: History, patience: float = 10.0
) -> AsyncIterator[MessengerSession]:
    """A session with the server at `url`."""
    adapter = MessengerAdapter(url, Patience(patience))
    async with adapter.session(history, scenario="a.b[x=é]") as session:
        yield session


@asynccontextmanager
async def alice_at(
    url: str, history: History, patience: float = 10.0
) -> AsyncIterator[MessengerClient]:
    """Alice's device, logged in."""
    async with session_at(url, history, patience) as session:
        alice = session.client("alice.main")
        alice.user_id, alice.device_id, alice.token = "alice", "phone", "secret"
        yield alice


async def greet(ws: WebSocketConnection, *frames: Json) -> None:
    """The frames every connection begins with, and some more."""
    welcome = {
        "type": "welcome",
        "user_id": "alice",
        "device_id": "phone",
        "server_time": "2026-11-22T10:00:00.123Z",
        "heartbeat_interval_ms": 30_000,
    }
    for frame in (welcome, *frames):
        await ws.send_message(frame if isinstance(frame, str) else json.dumps(frame))


def message(seq: int, conversation_id: str = "c1") -> Json:
    """A `message` frame."""
    return {
        "type": "message",
        "message": {
            "conversation_id": conversation_id,
            "seq": seq,
            "message_id": f"{conversation_id}.{seq}",
            "sender_id": "bob",
            "body": {"kind": "text", "text": "hello"},
        },
    }


READY = {"type": "replay_complete", "count": 0}


def semantic(history: History) -> list[str]:
    """The kinds of the semantic events, in order."""
    return [type(event).__name__ for event in history if not isinstance(event, Wire)]


# ── the handshake ─────────────────────────────────────────────────────────────────────────────


async def test_a_connection_carries_token_scenario_and_subprotocol(
    server: Server, history: History
) -> None:
    """The token as a header by default, as a subprotocol like a browser's if asked for."""
    url = await server.speaking(lambda ws: greet(ws, READY))
    async with alice_at(url, history) as alice:
        await alice.connect(auth="header", wait="ready")
        await alice.connect(auth="subprotocol", wait="welcome")
    by_header, by_subprotocol = server.requests
    headers = dict(by_header.headers)
    assert headers[b"authorization"] == b"Bearer secret"
    assert headers[b"x-msgcheck-scenario"] == b"a.b[x=%C3%A9]"
    assert by_header.proposed_subprotocols == ("messenger.v1",)
    assert by_subprotocol.proposed_subprotocols == ("messenger.v1", "bearer.secret")
    assert b"authorization" not in dict(by_subprotocol.headers)


async def test_a_device_that_is_not_logged_in_presents_no_token(
    server: Server, history: History
) -> None:
    """So that a scenario can see it refused."""
    url = await server.speaking(lambda ws: greet(ws, READY))
    async with session_at(url, history) as session:
        for auth in ("header", "subprotocol"):
            await session.client("alice.main").connect(auth=auth, wait="ready")
    for request in server.requests:
        assert b"authorization" not in dict(request.headers)
        assert request.proposed_subprotocols == ("messenger.v1",)


async def test_connecting_answers_the_welcome_and_the_backlog(
    server: Server, history: History
) -> None:
    """Through the backlog up to its end, and everything is in the inbox too."""
    url = await server.speaking(
        lambda ws: greet(ws, message(1), message(2), {"type": "replay_complete", "count": 2})
    )
    async with alice_at(url, history) as alice:
        answer = await alice.connect(auth="header", wait="ready")
        assert answer["welcome"]["device_id"] == "phone"
        assert [entry["seq"] for entry in answer["replayed"]] == [1, 2]
        assert answer["count"] == 2
        assert alice.connection is not None
        kinds = [frame.type for frame in alice.connection.inbox]
    assert kinds == ["welcome", "message", "message", "replay_complete"]
    assert semantic(history)[:4] == ["Opened", "Received", "Received", "ReplayDone"]


async def test_a_refused_handshake_is_a_refusal_with_its_problem(
    server: Server, history: History
) -> None:
    """Status and code, as for any other request."""
    answer = (
        b"HTTP/1.1 401 Unauthorized\r\nContent-Type: application/problem+json\r\n"
        b"Content-Length: %d\r\n\r\n" % len(PROBLEM)
    ) + PROBLEM
    async with alice_at(await server.answering(answer), history) as alice:
        with pytest.raises(Refusal) as refusal:
            await alice.connect(auth="header", wait="ready")
    assert (refusal.value.status, refusal.value.code) == (401, "unauthorized")
    assert refusal.value.flaw is None
    told = [event.label for event in history if isinstance(event, Wire)]
    assert told[-2:] == ["connect", "connect → unauthorized"], "it is on the record like an answer"


async def test_a_refusal_may_end_with_the_connection(server: Server, history: History) -> None:
    """RFC 9112 §6.3: without a length, the body is what comes until the end."""
    answer = (
        b"HTTP/1.1 401 Unauthorized\r\nContent-Type: application/problem+json\r\n"
        b"Connection: close\r\n\r\n"
    ) + PROBLEM
    async with alice_at(await server.answering(answer), history) as alice:
        with pytest.raises(Refusal) as refusal:
            await alice.connect(auth="header", wait="ready")
    assert (refusal.value.status, refusal.value.code) == (401, "unauthorized")


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 101 Switching\r\n", b"gibberish\r\n\r\n"])
async def test_a_handshake_that_breaks_off_is_unanswered(
    server: Server, history: History, answer: bytes
) -> None:
    """Nobody waits for a server that has hung up."""
    async with alice_at(await server.answering(answer), history) as alice:
        with pytest.raises(Unanswered) as trouble:
            await alice.connect(auth="header", wait="ready")
    assert not isinstance(trouble.value, Impatient)


async def test_a_server_that_never_completes_the_handshake_exhausts_patience(
    server: Server, history: History, nursery: trio.Nursery
) -> None:
    """The connection stands, but nothing comes."""

    async def silent(_stream: trio.SocketStream) -> None:
        await trio.sleep_forever()

    listeners = await nursery.start(trio.serve_tcp, silent, 0)
    url = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
    async with alice_at(url, history, patience=0.05) as alice:
        with pytest.raises(Impatient):
            await alice.connect(auth="header", wait="ready")


# ── frames and their meaning ──────────────────────────────────────────────────────────────────


async def test_answers_find_their_sends_by_the_frames_id(server: Server, history: History) -> None:
    """In any order, with other frames in between."""

    async def speak(ws: WebSocketConnection) -> None:
        await greet(ws, READY)
        first = json.loads(await ws.get_message())
        second = json.loads(await ws.get_message())
        sent = {"type": "sent", "message_id": "x", "conversation_id": "c1", "duplicate": False}
        refused = {"code": "blocked", "detail": "no", "retryable": False}
        await ws.send_message(json.dumps({"type": "failed", "id": second["id"], "error": refused}))
        await ws.send_message(json.dumps(message(1)))
        answer = {**sent, "id": first["id"], "seq": 2, "created_at": "t"}
        await ws.send_message(json.dumps(answer))

    url = await server.speaking(speak)
    async with alice_at(url, history) as alice:
        await alice.connect(auth="header", wait="ready")
        assert alice.connection is not None
        first = await alice.connection.send_message(CALL)
        second = await alice.connection.send_message(CALL)
        with pytest.raises(Refusal, match="blocked"):
            await alice.connection.settled(second)
        assert (await alice.connection.settled(first))["seq"] == 2
    assert [type(event) for event in history if isinstance(event, (Accepted, Refused))] == [
        Refused,
        Accepted,
    ]


async def test_statuses_and_unknown_frames_are_recorded(server: Server, history: History) -> None:
    """A frame of a type that the suite does not know is anybody's right, and in the inbox."""
    status = {
        "type": "status",
        "conversation_id": "c1",
        "user_id": "bob",
        "status": "read",
        "up_to_seq": 3,
        "at": "2026-11-22T10:00:01.000Z",
    }
    url = await server.speaking(lambda ws: greet(ws, {"type": "novelty"}, status, READY))
    async with alice_at(url, history) as alice:
        await alice.connect(auth="header", wait="ready")
        assert alice.connection is not None
        assert [frame.type for frame in alice.connection.inbox][1:3] == ["novelty", "status"]
    (told,) = [event for event in history if isinstance(event, StatusTold)]
    assert (told.user_id, told.status, told.up_to_seq) == ("bob", "read", 3)
    assert list(MessengerAdapter(url, Patience()).manners(history)) == []


@pytest.mark.parametrize(
    "frame",
    [
        "no json",
        "[1]",
        '{"type": 5}',
        '{"type": "message", "message": {"seq": "one"}}',
        '{"type": "status", "conversation_id": "c"}',
        "[" * 5000,
    ],
)
async def test_malformed_frames_break_err_1_and_nothing_else(
    server: Server, history: History, frame: str
) -> None:
    """They prove nothing and end nothing, but the run's manners are judged."""
    url = await server.speaking(lambda ws: greet(ws, frame, READY))
    async with alice_at(url, history) as alice:
        await alice.connect(auth="header", wait="ready")
    (violation,) = MessengerAdapter(url, Patience()).manners(history)
    assert violation.requirement == "ERR-1"
    assert "Received" not in semantic(history)


async def test_a_malformed_answer_to_a_send_is_told_to_the_sender(
    server: Server, history: History
) -> None:
    """It did answer, so nobody waits for another one."""

    async def speak(ws: WebSocketConnection) -> None:
        await greet(ws, READY)
        frame = json.loads(await ws.get_message())
        await ws.send_message(json.dumps({"type": "sent", "id": frame["id"], "seq": "one"}))

    async with alice_at(await server.speaking(speak), history) as alice:
        await alice.connect(auth="header", wait="ready")
        assert alice.connection is not None
        outcome = await alice.connection.send_message(CALL)
        with pytest.raises(Malformed, match="a `sent` frame is not as"):
            await alice.connection.settled(outcome)


async def test_raw_frames_that_a_server_may_take_for_verbs_are_noted_as_such(
    server: Server, history: History
) -> None:
    """Or the checkers would find entries that nobody sent."""
    url = await server.speaking(lambda ws: greet(ws, READY))
    async with alice_at(url, history) as alice:
        await alice.connect(auth="header", wait="ready")
        for frame in (
            {"type": "send", "id": "r", "conversation_id": "c1", "client_message_id": "m"},
            {"type": "delivered", "conversation_id": "c1", "up_to_seq": 4},
            {"type": "delivered", "conversation_id": "c1", "up_to_seq": True},
            {"type": "send", "id": 5, "conversation_id": "c1", "client_message_id": "m"},
        ):
            payload = json.dumps(frame).encode()
            assert alice.raw is not None
            await alice.raw.message(RawMessage(kind="text", payload=payload))
        assert alice.connection is not None
        await alice.connection.close()
    noted = [event for event in history if isinstance(event, (Sending, Acknowledging))]
    assert [type(event) for event in noted] == [Sending, Acknowledging]
    assert [json.loads(frame)["type"] for frame in server.received] == [
        "send",
        "delivered",
        "delivered",
        "send",
    ]


async def test_raw_bytes_arrive_as_they_are(server: Server, history: History) -> None:
    """Binary, long, and text that is not UTF-8, which no server goes on after."""
    url = await server.speaking(lambda ws: greet(ws, READY))
    async with alice_at(url, history) as alice:
        await alice.connect(auth="header", wait="ready")
        assert alice.raw is not None
        assert alice.connection is not None
        for size in (0, 125, 126, 70_000):
            await alice.raw.message(RawMessage(kind="binary", payload=b"x" * size))
        await alice.raw.message(RawMessage(kind="text", payload=b"\xff\xfe"))
        while not alice.connection.closed:
            await alice.connection.news()
    assert [len(message) for message in server.received] == [0, 125, 126, 70_000]


# ── hidden users ──────────────────────────────────────────────────────────────────────────────


async def test_what_belongs_to_a_hidden_user_is_kept_aside(
    server: Server, history: History
) -> None:
    """Out of the inbox, out of the semantic history, and out of the replay's count."""
    conversation = {
        "conversation_id": "c9",
        "kind": "direct",
        "head_seq": 0,
        "members": [
            {"user_id": user, "role": "member", "joined_seq": 1, "delivered_seq": 0, "read_seq": 0}
            for user in ("sentinel", "alice")
        ],
    }
    frames = (
        {"type": "conversation", "conversation": conversation},
        message(1, "c9"),
        message(1),
        {"type": "replay_complete", "count": 2},
        {"type": "presence", "user_id": "sentinel", "state": "online"},
        {"type": "status", "conversation_id": "c9", "user_id": "sentinel", "status": "read"},
        {"type": "end"},
    )
    url = await server.speaking(lambda ws: greet(ws, *frames))
    async with session_at(url, history) as session:
        session.sentinel("sentinel").notebook.hidden_conversations.add("c9")
        alice = session.client("alice.main")
        answer = await alice.connect(auth="header", wait="ready")
        line = alice.connection
        assert line is not None
        while line.inbox[-1].type != "end":
            await line.news()
    assert answer["count"] == 1
    assert [frame.type for frame in line.inbox] == ["welcome", "message", "replay_complete", "end"]
    assert [frame.type for frame in line.aside] == ["conversation", "message", "presence", "status"]
    assert [event.count for event in history if isinstance(event, ReplayDone)] == [1]
    assert len([event for event in history if isinstance(event, Received)]) == 1
    assert sum(event.hidden for event in history if isinstance(event, Wire)) == 4


# ── ending ────────────────────────────────────────────────────────────────────────────────────


async def test_a_polite_close_is_the_clients(server: Server, history: History) -> None:
    """With 1000, and the connection is over when `close` returns."""
    url = await server.speaking(lambda ws: greet(ws, READY))
    async with alice_at(url, history) as alice:
        await alice.connect(auth="header", wait="ready")
        assert alice.connection is not None
        await alice.connection.close()
        assert alice.connection.closed
        outcome = await alice.connection.send_message(CALL)
        with pytest.raises(Unanswered):
            await alice.connection.settled(outcome)
    (closed,) = [event for event in history if isinstance(event, Closed)]
    assert (closed.by, closed.code) == ("client", 1000)


async def test_a_servers_close_keeps_its_code(server: Server, history: History) -> None:
    """And what was in flight is unanswered."""

    async def speak(ws: WebSocketConnection) -> None:
        await greet(ws, READY)
        await ws.get_message()
        await ws.aclose(4409)

    async with alice_at(await server.speaking(speak), history) as alice:
        await alice.connect(auth="header", wait="ready")
        assert alice.connection is not None
        outcome = await alice.connection.send_message(CALL)
        with pytest.raises(Unanswered, match="the connection ended before"):
            await alice.connection.settled(outcome)
        assert alice.connection.inbox[-1].content == {"code": 4409}
    (closed,) = [event for event in history if isinstance(event, Closed)]
    assert (closed.by, closed.code) == ("server", 4409)


async def test_a_cut_is_a_reset_and_no_close_frame(nursery: trio.Nursery, history: History) -> None:
    """The peer's next read fails, as when a phone loses its network."""
    ended: list[BaseException | bytes] = []
    over = trio.Event()

    async def handle(stream: trio.SocketStream) -> None:
        await _accept(stream)
        try:
            ended.append(await stream.receive_some())
        except trio.BrokenResourceError as error:
            ended.append(error)
        over.set()

    listeners = await nursery.start(trio.serve_tcp, handle, 0)
    url = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
    async with alice_at(url, history) as alice:
        with trio.move_on_after(5):
            await alice.connect(auth="header", wait="welcome")
        assert alice.connection is not None
        await alice.connection.cut()
        assert alice.connection.inbox[-1].content == {"code": 1006}
    await over.wait()
    assert isinstance(ended[0], trio.BrokenResourceError)
    (closed,) = [event for event in history if isinstance(event, Closed)]
    assert (closed.by, closed.code) == ("cut", None)


async def _accept(stream: trio.SocketStream) -> None:
    """Shake hands as a server, by hand, and send a welcome."""
    protocol = WSConnection(ConnectionType.SERVER)
    while True:
        protocol.receive_data(await stream.receive_some())
        if any(isinstance(event, Request) for event in protocol.events()):
            break
    await stream.send_all(protocol.send(AcceptConnection(subprotocol="messenger.v1")))
    await stream.send_all(protocol.send(Message(data='{"type": "welcome"}')))


async def test_a_frozen_connection_stops_reading_and_thaws_whole(
    server: Server, history: History
) -> None:
    """What came meanwhile waits in the kernels, not here, and nothing of it is lost."""
    thawing = trio.Event()
    wrote = trio.Event()
    blob = "x" * 1000

    async def speak(ws: WebSocketConnection) -> None:
        await greet(ws, READY)
        await ws.get_message()
        for number in range(20):
            await ws.send_message(json.dumps({"type": "blob", "n": number, "x": blob}))
        wrote.set()
        await thawing.wait()
        ping = json.loads(await ws.get_message())
        await ws.send_message(json.dumps({"type": "pong", "id": ping["id"]}))

    async with alice_at(await server.speaking(speak), history) as alice:
        await alice.connect(auth="header", wait="ready")
        line = alice.connection
        assert line is not None
        line.freeze()
        await line.acknowledge("c1", "delivered", 1)
        await wrote.wait()
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert [frame.type for frame in line.inbox] == ["welcome", "replay_complete"]
        thawing.set()
        await line.thaw()
        assert [f.content["n"] for f in line.inbox if f.type == "blob"] == list(range(20))


# ── discovery ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "status 404"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>",
            "text/html",
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "`versions`"),
        (
            b'HTTP/1.1 200 OK\r\nContent-Length: 34\r\n\r\n{"versions": ["v9"], "limits": {}}',
            "other versions",
        ),
        (b"SSH-2.0-OpenSSH\r\n", "could not be reached"),
        (
            b"HTTP/1.1 302 Found\r\nLocation: https://a.example/\r\nContent-Length: 0\r\n\r\n",
            "a redirect to https://a.example/",
        ),
        (b"", "write https://"),
    ],
)
async def test_something_that_is_no_messenger_server_is_told_in_one_paragraph(
    server: Server, answer: bytes, complaint: str
) -> None:
    """With what was asked, what came, and what to do."""
    url = await server.answering(answer)
    with pytest.raises(TargetTrouble) as trouble:
        await MessengerAdapter(url, Patience(5)).discover()
    assert complaint in str(trouble.value)
    assert url in str(trouble.value)
    assert "\n" not in str(trouble.value)


async def test_a_port_where_nobody_listens_is_told(server: Server) -> None:
    """Connection refused is the system's own word for it."""
    with pytest.raises(TargetTrouble, match="Connection refused"):
        await MessengerAdapter("http://127.0.0.1:1", Patience(5)).discover()


async def test_a_server_that_drips_its_answer_is_given_up(nursery: trio.Nursery) -> None:
    """Patience is for the whole answer: something always comes in time for the next wait."""

    async def drip(stream: trio.SocketStream) -> None:
        with suppress(trio.BrokenResourceError):
            await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
            while True:
                await stream.send_all(b" ")
                await trio.sleep(0.01)

    listeners = await nursery.start(trio.serve_tcp, drip, 0)
    port = listeners[0].socket.getsockname()[1]
    with pytest.raises(TargetTrouble, match=r"did not answer within 0\.2 s"):
        await MessengerAdapter(f"http://127.0.0.1:{port}", Patience(0.2)).discover()
    nursery.cancel_scope.cancel()


async def test_what_speaks_no_tls_is_told(server: Server) -> None:
    """And what to write instead."""
    url = await server.answering(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    with pytest.raises(TargetTrouble, match="is it http:// instead"):
        await MessengerAdapter(url.replace("http:", "https:"), Patience(5)).discover()


async def test_a_machine_without_descriptors_is_nobodys_broken_promise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is this side that can open no more connections, and what helps is said."""

    async def refused(*_arguments: object) -> None:
        group = ExceptionGroup("", [OSError(errno.EMFILE, "Too many open files")])
        raise OSError("all attempts failed") from group

    monkeypatch.setattr(trio, "open_tcp_stream", refused)
    with pytest.raises(TargetTrouble, match="ulimit -n"):
        await dial(urlsplit("http://127.0.0.1:1"), None)
