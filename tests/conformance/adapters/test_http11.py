"""The suite's HTTP/1.1 over real sockets, against a peer that says what each test wants."""

from __future__ import annotations

import gzip
import ssl
from collections.abc import Awaitable, Callable, Iterator
from urllib.parse import SplitResult, urlsplit

import pytest
import trio

from conformance.adapters.messenger import http11
from conformance.adapters.messenger.http11 import (
    HttpConnections,
    NoAnswer,
    NotConnected,
    NotConnectedInTime,
    Reply,
    TimedOut,
)
from conformance.adapters.messenger.rest import reason_of
from conformance.patience import Patience

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
LARGE = 16 * 1024 * 1024
"""More than kernels hold on their way."""

Manner = Callable[["Peer", trio.SocketStream], Awaitable[None]]


class Peer:
    """A server on loopback; `heads` are the requests of each connection."""

    def __init__(self) -> None:
        self.heads: dict[trio.SocketStream, list[bytes]] = {}
        self.rest = bytearray()
        self.ended = trio.Event()
        """Set when a connection was closed by one side or the other."""

    async def serve(
        self, manner: Manner, task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Accept connections, and treat each in this manner."""

        async def accept(stream: trio.SocketStream) -> None:
            async with stream:
                await manner(self, stream)
            self.ended.set()

        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        task_status.started(listener.socket.getsockname()[1])
        await trio.serve_listeners(accept, [listener])

    async def request(self, stream: trio.SocketStream) -> bool:
        """Read one request's head; what comes behind it is in `rest`. False at the end."""
        data = b""
        while b"\r\n\r\n" not in data:
            more = await stream.receive_some()
            if not more:
                return False
            data += more
        head, _, self.rest[:] = data.partition(b"\r\n\r\n")
        self.heads.setdefault(stream, []).append(head)
        return True

    @property
    def requests(self) -> list[int]:
        """How many came on each connection."""
        return [len(heads) for heads in self.heads.values()]


def saying(answer: bytes) -> Manner:
    """Give this answer to each request, until the other side ends."""

    async def manner(peer: Peer, stream: trio.SocketStream) -> None:
        while await peer.request(stream):
            await stream.send_all(answer)

    return manner


def saying_once(answer: bytes) -> Manner:
    """Give this answer to one request, and close."""

    async def manner(peer: Peer, stream: trio.SocketStream) -> None:
        await peer.request(stream)
        await stream.send_all(answer)

    return manner


async def silent(peer: Peer, stream: trio.SocketStream) -> None:
    """Say nothing until the other side has given up."""
    while await stream.receive_some():
        pass


class Asking:
    """The connections under test, with a peer at their other end."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self.peer = Peer()
        self._nursery = nursery

    async def address(self, manner: Manner, scheme: str = "http") -> SplitResult:
        """Where the peer is from now on."""
        port = await self._nursery.start(self.peer.serve, manner)
        return urlsplit(f"{scheme}://127.0.0.1:{port}")

    async def a_peer(self, manner: Manner, patience: float = 5) -> HttpConnections:
        """Connections to it."""
        return HttpConnections(await self.address(manner), None, Patience(patience))


@pytest.fixture
def asking(nursery: trio.Nursery) -> Asking:
    """For a test to choose its peer."""
    return Asking(nursery)


async def get(http: HttpConnections) -> Reply:
    """One request."""
    return await http.ask("GET", b"/", {})


# ── connections ───────────────────────────────────────────────────────────────────────────────


async def test_a_connection_is_used_again_by_those_who_share(asking: Asking) -> None:
    """One after the other, whoever they are; with the last of them it is hung up."""
    http = await asking.a_peer(saying(OK))
    with http.shared():
        with http.shared():
            await get(http)
        await get(http)
    await asking.peer.ended.wait()
    with http.shared():
        await get(http)
    assert asking.peer.requests == [2, 1]


async def test_requests_at_the_same_time_have_connections_of_their_own(asking: Asking) -> None:
    """None waits for the answer of another."""
    both_there = trio.Event()

    async def together(peer: Peer, stream: trio.SocketStream) -> None:
        await peer.request(stream)
        if len(peer.heads) == 2:
            both_there.set()
        await both_there.wait()
        await stream.send_all(OK)

    http = await asking.a_peer(together)
    with http.shared():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(get, http)
            nursery.start_soon(get, http)
    assert asking.peer.requests == [1, 1]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}",
        b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\n{}",
        OK + b"more than was promised",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n",
    ],
)
async def test_a_connection_with_which_something_is_over_is_not_used_again(
    asking: Asking, answer: bytes
) -> None:
    """Because a server says so, said too much, or speaks something else from now on."""
    http = await asking.a_peer(saying(answer))
    with http.shared():
        for _ in range(2):
            await http.ask("GET", b"/", {"Connection": "upgrade", "Upgrade": "websocket"})
    assert asking.peer.requests == [1, 1]


async def test_a_connection_that_the_server_has_ended_is_not_used_again(asking: Asking) -> None:
    """It says so to nobody, after an answer that promised nothing."""
    http = await asking.a_peer(saying_once(OK))
    with http.shared():
        await get(http)
        await asking.peer.ended.wait()
        await get(http)
    assert asking.peer.requests == [1, 1]


@pytest.mark.parametrize(("limit", "value"), [("KEEP_ALIVE", 0.0), ("MOST_REQUESTS", 1)])
async def test_a_connection_goes_before_a_server_may_have_enough_of_it(
    asking: Asking, monkeypatch: pytest.MonkeyPatch, limit: str, value: float
) -> None:
    """After some seconds of idleness, or so many requests."""
    monkeypatch.setattr(http11, limit, value)
    http = await asking.a_peer(saying(OK))
    with http.shared():
        await get(http)
        await get(http)
    assert asking.peer.requests == [1, 1]


# ── answers ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("answer", "status", "content"),
    [
        (OK, 200, b"{}"),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", 200, b"until the end"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n" + OK, 200, b"{}"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
            200,
            b"{}",
        ),
        (
            b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n"
            + gzip.compress(b"unasked", mtime=0),
            200,
            b"unasked",
        ),
    ],
)
async def test_an_answer_is_read_to_its_end(
    asking: Asking, answer: bytes, status: int, content: bytes
) -> None:
    """However that is told."""
    http = await asking.a_peer(saying_once(answer))
    reply = await get(http)
    assert (reply.status, reply.content) == (status, content)


async def test_an_answer_to_head_has_no_body(asking: Asking) -> None:
    """Whatever length it tells."""
    http = await asking.a_peer(saying(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n"))
    reply = await http.ask("HEAD", b"/", {})
    assert (reply.headers, reply.content) == ({"content-length": "100"}, b"")


async def test_headers_are_known_by_names_in_lower_case(asking: Asking) -> None:
    """Repeated ones as one, and values in whatever encoding they came."""
    told = "Vary: a\r\nvary: b\r\nX-Name: Zoë\r\n".encode() + b"X-Old: Zo\xeb\r\n"
    http = await asking.a_peer(saying(b"HTTP/1.1 204 No Content\r\n" + told + b"\r\n"))
    reply = await get(http)
    assert reply.headers == {"vary": "a, b", "x-name": "Zoë", "x-old": "Zoë"}


async def test_a_request_says_what_it_has_to(asking: Asking) -> None:
    """Its own headers win over the standing ones."""
    http = await asking.a_peer(saying(OK))
    await http.ask("POST", b"/a?b", {"accept": "text/plain", "Content-Length": "2"}, [b"h", b"i"])
    ((head,),) = asking.peer.heads.values()
    line, *headers = head.decode().split("\r\n")
    assert line == "POST /a?b HTTP/1.1"
    assert "accept: text/plain" in headers
    assert not any("application/json" in header for header in headers)
    assert asking.peer.rest == b"hi"


# ── trouble ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\nnot so",
    ],
)
async def test_what_is_no_whole_answer_is_none_and_nothing_is_sent_twice(
    asking: Asking, answer: bytes
) -> None:
    """Nothing, half a head, another protocol, half a body, a body that cannot be decoded."""
    http = await asking.a_peer(saying_once(answer))
    with http.shared(), pytest.raises(NoAnswer):
        await get(http)
    assert asking.peer.requests == [1]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 2000,
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n" + gzip.compress(b"x" * 2000, mtime=0),
    ],
    ids=["as it comes", "inflated"],
)
async def test_a_body_without_end_is_not_read_to_it(
    asking: Asking, answer: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server cannot make the suite hold more than it can."""
    monkeypatch.setattr(http11, "LARGEST_BODY", 1999)
    http = await asking.a_peer(saying_once(answer))
    with pytest.raises(NoAnswer, match="more than 1999 bytes"):
        await get(http)
    monkeypatch.setattr(http11, "LARGEST_BODY", 2000)
    assert len((await get(http)).content) == 2000


async def test_a_silent_server_uses_patience_up_and_its_connection_is_closed(
    asking: Asking,
) -> None:
    """The error says how long that was."""
    http = await asking.a_peer(silent, patience=0.02)
    with http.shared(), pytest.raises(TimedOut) as trouble:
        await get(http)
    assert trouble.value.seconds == 0.02
    await asking.peer.ended.wait()


async def test_whoever_gives_up_closes_the_connection(asking: Asking) -> None:
    """Or its answer would come to somebody else."""
    http = await asking.a_peer(silent)
    with http.shared():
        with trio.move_on_after(0.02) as limit:
            await get(http)
        assert limit.cancelled_caught
        await asking.peer.ended.wait()


async def test_a_refusal_before_the_whole_body_was_sent_is_an_answer(asking: Asking) -> None:
    """Though the server has closed, and writing fails."""
    http = await asking.a_peer(saying_once(b"HTTP/1.1 413 Too Much\r\ncontent-length: 0\r\n\r\n"))
    reply = await http.ask("POST", b"/", {"Content-Length": str(LARGE)}, [bytes(LARGE)])
    assert reply.status == 413


async def test_a_body_that_breaks_off_ends_the_connection_there(asking: Asking) -> None:
    """The server has what came before it, and the caller the reason."""

    class Enough(Exception):
        pass

    def body() -> Iterator[bytes]:
        yield b"half"
        raise Enough

    received = bytearray()

    async def take(peer: Peer, stream: trio.SocketStream) -> None:
        await peer.request(stream)
        received.extend(peer.rest)
        async for data in stream:
            received.extend(data)

    http = await asking.a_peer(take)
    with http.shared(), pytest.raises(Enough):
        await http.ask("POST", b"/", {"Content-Length": "8"}, body())
    await asking.peer.ended.wait()
    assert received == b"half"


async def test_a_request_that_is_no_http_is_not_sent(asking: Asking) -> None:
    """A header with a line break in it would be two."""
    http = await asking.a_peer(silent)
    with pytest.raises(NoAnswer):
        await http.ask("GET", b"/", {"X-Name": "a\r\nb: c"})
    assert asking.peer.heads == {}


async def test_a_port_where_nobody_listens_is_told_from_a_server_that_is_silent() -> None:
    """Nothing was asked in either case, but only one of them is known to be gone."""
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    address = urlsplit(f"http://127.0.0.1:{listener.socket.getsockname()[1]}/")
    await listener.aclose()
    with pytest.raises(NotConnected) as trouble:
        await get(HttpConnections(address, None, Patience(5)))
    assert not isinstance(trouble.value, NotConnectedInTime)
    assert reason_of(trouble.value).endswith("Connection refused")


async def test_a_connection_that_does_not_come_about_uses_patience_up(asking: Asking) -> None:
    """Here because TLS is spoken to somebody who does not answer."""
    address = await asking.address(silent, "https")
    with pytest.raises(NotConnectedInTime) as trouble:
        await get(HttpConnections(address, ssl.create_default_context(), Patience(0.02)))
    assert reason_of(trouble.value) == "not within 0.02 s"
