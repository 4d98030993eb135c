"""The fast lane: the sans-IO `websockets` protocol straight on a Trio stream.

One read takes whatever has arrived and hands on all complete messages of it; one write sends all that
has gathered in the outbox. Outgoing frames are serialized once for all their receivers (`hub`), so the
protocol object only sees what comes in and the bytes of its own answers (pongs, closes).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

import trio
from websockets.datastructures import Headers
from websockets.exceptions import InvalidHeader
from websockets.frames import Frame, Opcode
from websockets.headers import parse_subprotocol
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from ..core.errors import ApiError
from ..hub import CLOSING_GRACE_S, Closing, Control, Item, Subscriber
from ..service import Service
from . import cutting, exchange, handshake, problems
from .crowds import join_chat
from .cutting import Cutter
from .session import Session

RECEIVE_BYTES = 16_384
_FAILURES = (1002, 1007, 1009)
"""With what the protocol ends a connection on its own, amid whatever the peer was saying."""


class SocketChannel:
    """A `Channel` on a Trio stream, after its handshake."""

    def __init__(
        self,
        stream: trio.abc.Stream,
        protocol: ServerProtocol,
        subscriber: Subscriber,
        max_bytes: int,
        early: bytes = b"",
    ) -> None:
        """`early` is what came right behind the upgrade; a message has at most `max_bytes`."""
        self._stream = stream
        self._protocol = protocol
        self._subscriber = subscriber
        self._cutter = Cutter(max_bytes)
        self._early = early
        self._unfinished = bytearray()
        self._is_text = True
        self._last_words = b""

    async def receive(self) -> list[str | bytes] | None:
        """Messages that have arrived. See `session.Channel`."""
        protocol = self._protocol
        messages: list[str | bytes] = []
        # After our own close frame, too, up to the peer's: a socket that is closed with bytes unread resets
        # the connection, and with it the close frame. What else has ended it has sent EOF.
        while not messages and not protocol.eof_sent:
            data: bytes | bytearray = self._early
            self._early = b""
            if not data:
                try:
                    data = await self._stream.receive_some(RECEIVE_BYTES)
                except (trio.BrokenResourceError, trio.ClosedResourceError):
                    return None
                self._subscriber.heard = trio.current_time()
            messages = self._messages(data)
        return messages or None

    def _messages(self, data: bytes | bytearray) -> list[str | bytes]:
        """Whole messages out of what has arrived; empty: the peer says no more."""
        messages: list[str | bytes] = []
        try:
            for kind, piece in self._cutter.feed(data):
                if kind == cutting.OTHER:
                    self._protocol.receive_data(piece)
                    messages += self._understood()
                    if self._protocol.eof_sent:
                        break
                else:
                    messages.append(piece.decode() if kind == cutting.TEXT else bytes(piece))
        except UnicodeDecodeError:
            self._protocol.fail(1007, "invalid UTF-8")
        if not data:
            self._protocol.receive_eof()
        answer = b"".join(self._protocol.data_to_send())
        if self._protocol.eof_sent:
            # A close frame, behind which nothing may come (RFC 6455, 5.5.1), so it is for `close`.
            self._last_words = answer
        elif answer:
            self._subscriber.outbox.push(Control(answer))
        return messages

    def _understood(self) -> Iterator[str | bytes]:
        """Whole messages out of the frames that the library has parsed."""
        for frame in self._protocol.events_received():
            if not isinstance(frame, Frame) or frame.opcode not in _DATA:
                continue
            if frame.opcode is not Opcode.CONT:
                self._is_text = frame.opcode is Opcode.TEXT
            self._unfinished += frame.data
            if frame.fin:
                payload, self._unfinished = bytes(self._unfinished), bytearray()
                yield payload.decode() if self._is_text else payload

    async def send(self, batch: list[Item]) -> None:
        """Write all frames at once."""
        await self._stream.send_all(b"".join([item.wire for item in batch]))

    async def close(self, closing: Closing) -> None:
        """Write a close frame: the answer to the peer's, if it was faster."""
        if self._protocol.state is State.OPEN and closing.code is not None:
            self._protocol.send_close(closing.code, closing.reason)
            self._last_words = b"".join(self._protocol.data_to_send())
        await self._stream.send_all(self._last_words)


_DATA = (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)


async def serve_socket(service: Service, stream: trio.abc.Stream, head: bytes) -> None:
    """Serve a connection whose first bytes `head` are a request to upgrade to the chat channel.

    Frames may have come right behind the request.
    """
    limits = service.kernel.limits
    protocol = ServerProtocol(
        max_size=limits.max_frame_bytes, select_subprotocol=_select_subprotocol
    )
    request_head, end, early = head.partition(b"\r\n\r\n")
    protocol.receive_data(request_head + end)
    request = next(
        (event for event in protocol.events_received() if isinstance(event, Request)), None
    )
    if request is None:  # not parseable: the protocol has its own answer to that
        await _write(stream, protocol)
        return
    asked = exchange.begin("GET", handshake.CHAT_PATH, request.headers.get(exchange.SCENARIO))
    asked.route = handshake.CHAT_PATH
    try:
        query = parse_qs(urlsplit(request.path).query, keep_blank_values=True)
        admission = await handshake.admit(
            service,
            next(iter(request.headers.get_all("Authorization")), None),
            _offered(request.headers),
            query.get("encoding", [None])[0],
        )
        join_chat()
    except ApiError as error:
        asked.refused(error)
        response = _refusal(error)
    else:
        response = protocol.accept(request)
    asked.status = response.status_code
    response.headers.update(asked.headers())
    protocol.send_response(response)
    asked.over(service.kernel.metrics)
    await _write(stream, protocol)
    if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
        return
    if protocol.state is State.OPEN:
        session = Session(service, *admission)
        channel = SocketChannel(stream, protocol, session.subscriber, limits.max_frame_bytes, early)
        await session.run(channel)
        if protocol.close_sent is not None and protocol.close_sent.code in _FAILURES:
            await _read_to_the_end(stream)


async def _read_to_the_end(stream: trio.abc.Stream) -> None:
    """Let a peer that was still writing see why it was refused.

    A socket that is closed with bytes unread resets the connection, and with it the close frame.
    """
    with trio.move_on_after(CLOSING_GRACE_S):
        if isinstance(stream, trio.abc.HalfCloseableStream):
            await stream.send_eof()
        while await stream.receive_some(RECEIVE_BYTES):
            pass


async def _write(stream: trio.abc.Stream, protocol: ServerProtocol) -> None:
    await stream.send_all(b"".join(protocol.data_to_send()))


def _offered(headers: Headers) -> list[str]:
    try:
        return [
            name
            for value in headers.get_all("Sec-WebSocket-Protocol")
            for name in parse_subprotocol(value)
        ]
    except InvalidHeader:
        return []


def _select_subprotocol(
    _protocol: ServerProtocol, offered: Sequence[Subprotocol]
) -> Subprotocol | None:
    chosen = handshake.select(offered)
    return None if chosen is None else Subprotocol(chosen)


def _refusal(error: ApiError) -> Response:
    body = problems.problem(error)
    headers = Headers(
        {
            "Connection": "close",
            "Content-Length": str(len(body)),
            "Content-Type": problems.MEDIA_TYPE,
        }
    )
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(error.status, HTTPStatus(error.status).phrase, headers, body)
