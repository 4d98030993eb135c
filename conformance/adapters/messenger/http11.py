"""HTTP/1.1 as the suite speaks it: the state machine of `h11` on Trio streams, and connections used again.

An `HttpConnection` carries one exchange after the other, as long as both sides are done with the last
one and nobody wants it closed (RFC 9112 §9). `HttpConnections` are those to one target. They are shared by
the scenarios that are played at the same time, as users behind a proxy share one; the last scenario to
leave hangs them up, so one that is played alone has its own.

Nothing is ever sent twice: a request whose connection ends before the answer has no answer. So an idle
connection is only used again while that is safe:

* It has nothing to read. Otherwise the server has ended it, or said what nobody asked for.
* It was idle for `KEEP_ALIVE` at most: a server may close idle ones after two seconds, as gunicorn does.
* It had fewer than `MOST_REQUESTS`: a server may have enough of one, too.

Nothing of the environment is in it: no proxies, no cookies, no redirects followed.
"""

from __future__ import annotations

import ssl
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from urllib.parse import SplitResult, quote

import h11
import trio
from msgspec import Struct

from ...patience import Patience
from .dialling import Dialled, authority, dial, socket_of

KEEP_ALIVE = 1.0
"""Seconds."""
MOST_REQUESTS = 100
RECEIVE = 64 * 1024
"""Bytes that are read, or written, at once."""
HEAD_LIMIT = 100 * 1024
"""Bytes of an answer's head."""
LARGEST_BODY = 256 * 1024 * 1024
"""Bytes of an answer's body, which is held in memory: a server that never ends is not read any longer."""
_SWITCHING_PROTOCOLS = 101
_VISIBLE = "".join(map(chr, range(0x21, 0x7F)))


class Reply(Struct, frozen=True):
    """An answer, its body whole; names of headers in lower case, repeated ones joined by a comma."""

    status: int
    headers: dict[str, str]
    content: bytes


class HttpTrouble(Exception):
    """Base of what can keep an answer from coming; its cause is what the system or `h11` said."""


class NotConnected(HttpTrouble):
    """No connection could be made: nothing was asked."""


class TimedOut(HttpTrouble):
    """Nothing went forth or back for so many `seconds`, as long as patience lasts."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"not within {seconds:g} s")
        self.seconds = seconds


class NotConnectedInTime(NotConnected, TimedOut):
    """No connection came about, and nothing said why."""


class NoAnswer(HttpTrouble):
    """The connection broke, or what came is no HTTP."""


class HttpConnection:
    """One connection, for one exchange at a time."""

    def __init__(self, stream: Dialled) -> None:
        self._stream = stream
        self._socket = socket_of(stream)
        self._protocol = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_LIMIT)
        self._requests = 0
        self._last_used = 0.0

    @property
    def at_rest(self) -> bool:
        """Whether it could carry another exchange, for all that was said on it."""
        return self._protocol.states == {h11.CLIENT: h11.IDLE, h11.SERVER: h11.IDLE}

    @property
    def fresh(self) -> bool:
        """Whether a server has no reason to have closed it, and has not."""
        return (
            self._requests < MOST_REQUESTS
            and trio.current_time() - self._last_used < KEEP_ALIVE
            and not self._socket.is_readable()
        )

    async def exchange(self, request: h11.Request, body: Iterable[bytes], patience: float) -> Reply:
        """One request and its answer. Raises `TimedOut`, `NoAnswer`, and what `body` raises.

        `patience` (seconds) begins anew whenever something was sent or received.
        """
        self._requests += 1
        with trio.move_on_after(patience) as limit:
            try:
                # A server that has refused the request may end its side before it has the whole body.
                with suppress(trio.BrokenResourceError):
                    await self._send(request, body, limit, patience)
                reply = await self._receive(limit, patience)
            except (trio.BrokenResourceError, h11.ProtocolError) as error:
                raise NoAnswer(str(error)) from error
            if self._protocol.trailing_data == (b"", False):
                with suppress(h11.LocalProtocolError):  # one side wants it closed
                    self._protocol.start_next_cycle()
            self._last_used = trio.current_time()
            return reply
        raise TimedOut(patience)

    async def _send(
        self, request: h11.Request, body: Iterable[bytes], limit: trio.CancelScope, patience: float
    ) -> None:
        waiting = self._protocol.send(request) or b""
        try:
            for piece in body:
                waiting += self._protocol.send(h11.Data(data=piece)) or b""
                if len(waiting) >= RECEIVE:
                    await self._stream.send_all(waiting)
                    waiting = b""
                    limit.deadline = trio.current_time() + patience
            waiting += self._protocol.send(h11.EndOfMessage()) or b""
        finally:
            # What comes before the place where a body breaks off is sent.
            await self._stream.send_all(waiting)

    async def _receive(self, limit: trio.CancelScope, patience: float) -> Reply:
        head: h11.Response | h11.InformationalResponse | None = None
        content: list[bytes] = []
        size = 0
        while True:
            event = self._protocol.next_event()
            if event is h11.NEED_DATA:
                data = await self._stream.receive_some(RECEIVE)
                if not data and head is None:
                    raise NoAnswer("the connection ended before an answer")
                self._protocol.receive_data(bytes(data))
                limit.deadline = trio.current_time() + patience
            elif isinstance(event, h11.Data):
                content.append(bytes(event.data))
                size += len(event.data)
                if size > LARGEST_BODY:
                    raise NoAnswer(f"its body has more than {LARGEST_BODY} bytes")
            elif isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.InformationalResponse):
                if event.status_code == _SWITCHING_PROTOCOLS:
                    return _reply(event, b"")
            elif head is not None:  # the end of the message
                return _reply(head, b"".join(content))

    def close(self) -> None:
        """Close the socket, without a word."""
        self._socket.close()


class HttpConnections:
    """The connections to one target: idle ones are used again while somebody shares them."""

    def __init__(
        self, address: SplitResult, tls: ssl.SSLContext | None, patience: Patience
    ) -> None:
        self._address = address
        self._tls = tls
        self._patience = patience
        self._idle: list[HttpConnection] = []
        self._sharers = 0
        self._standing = {
            "Host": authority(address),
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": "msgcheck",
        }

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Have connections kept meanwhile; with the last who leaves, the idle ones are closed."""
        self._sharers += 1
        try:
            yield
        finally:
            self._sharers -= 1
            while self._idle and not self._sharers:
                self._idle.pop().close()

    async def ask(
        self, method: str, target: bytes, headers: Mapping[str, str], body: Iterable[bytes] = ()
    ) -> Reply:
        """One request, on whatever connection; `headers` go before the standing ones.

        Raises an `HttpTrouble`; what `body` raises passes through, with the connection closed.
        """
        said = {name.lower() for name in headers}
        standing = {k: v for k, v in self._standing.items() if k.lower() not in said}
        try:
            request = h11.Request(
                method=method,
                target=target,
                headers=[(k.encode(), v.encode()) for k, v in (standing | {**headers}).items()],
            )
        except h11.LocalProtocolError as error:
            raise NoAnswer(str(error)) from error
        connection = self._fresh() or await self._dialled()
        try:
            return await connection.exchange(request, body, self._patience.seconds)
        finally:
            if connection.at_rest and self._sharers:
                self._idle.append(connection)
            else:
                connection.close()

    def _fresh(self) -> HttpConnection | None:
        """The idle connection that was used last, if it is still good."""
        while self._idle:
            connection = self._idle.pop()
            if connection.fresh:
                return connection
            connection.close()
        return None

    async def _dialled(self) -> HttpConnection:
        with trio.move_on_after(self._patience.seconds):
            try:
                return HttpConnection(await dial(self._address, self._tls))
            except OSError as error:
                raise NotConnected(str(error)) from error
        raise NotConnectedInTime(self._patience.seconds)


def target_of(path: str) -> bytes:
    """A path with its query as it goes out: as it is written, but what is not visible ASCII escaped."""
    return quote(path, safe=_VISIBLE).encode()


def _reply(head: h11.Response | h11.InformationalResponse, content: bytes) -> Reply:
    headers: dict[str, str] = {}
    for raw_name, raw_value in head.headers:
        name, value = raw_name.decode(), _text(raw_value)
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    if content and headers.get("content-encoding", "").lower() in ("gzip", "x-gzip", "deflate"):
        content = _inflated(content)
    return Reply(head.status_code, headers, content)


def _text(value: bytes) -> str:
    """A header's value; what is no UTF-8 is what it was before (RFC 9110 §5.5)."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _inflated(content: bytes) -> bytes:
    """A body that came compressed, although nobody asked for it: a server may do that."""
    inflating = zlib.decompressobj(zlib.MAX_WBITS | 32)
    try:
        inflated = inflating.decompress(content, LARGEST_BODY)
    except zlib.error as error:
        raise NoAnswer(f"its compressed body is damaged: {error}") from error
    if inflating.unconsumed_tail:
        raise NoAnswer(f"its body has more than {LARGEST_BODY} bytes")
    if not inflating.eof:
        raise NoAnswer("its compressed body is damaged: it is cut short")
    return inflated
