"""One device on the realtime channel, without I/O: bytes in, frames out, and the other way round.

The WebSocket is `websockets`' sans-IO `ClientProtocol`; who owns the socket passes on what it reads and
writes what `data_to_send` gives. Frames are msgspec structs that hold only what a load generator looks
at, so decoding skips the rest; frames of other types are none of its business.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct as Layout
from typing import Any, Final, get_args

import msgspec
from msgspec import Struct
from websockets.client import ClientProtocol
from websockets.frames import Frame as WebSocketFrame
from websockets.frames import Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from .framing import FINAL_TEXT, MASKED, SHORT, Framing

HEAD_END: Final = b"\r\n\r\n"
MAX_HEAD_BYTES: Final = 1 << 16
PATH: Final = "/v1.0/chat"
MAX_FRAME_BYTES: Final = 1 << 20
"""More than any server's `max_frame_bytes` that this generator's own messages could fill."""


class Body(Struct, frozen=True, gc=False):
    """What an entry says, as far as something follows from it."""

    asset_id: str | None = None


class Entry(Struct, frozen=True, gc=False):
    """A log entry."""

    conversation_id: str
    seq: int
    sender_id: str | None = None
    client_message_id: str | None = None
    body: Body = Body()


class Message(Struct, frozen=True, gc=False, tag="message"):
    """An entry came to this device."""

    message: Entry


class Timing(Struct, frozen=True, gc=False):
    """How long a send waited at the server, and how long its commit took (capability `server_timing`)."""

    queue_us: float
    commit_us: float


class Sent(Struct, frozen=True, gc=False, tag="sent"):
    """A message of this connection is stored."""

    client_message_id: str
    conversation_id: str
    seq: int
    duplicate: bool = False
    timing: Timing | None = None


class Problem(Struct, frozen=True, gc=False):
    """Why something was refused."""

    code: str
    detail: str = ""


class Failed(Struct, frozen=True, gc=False, tag="failed"):
    """A message of this connection is refused."""

    client_message_id: str
    error: Problem


class Status(Struct, frozen=True, gc=False, tag="status"):
    """Another user's watermark rose, or a message failed for it (then `up_to_seq` is 0)."""

    conversation_id: str
    user_id: str
    status: str
    up_to_seq: int = 0


class ToDevice(Struct, frozen=True, tag="to_device"):
    """Something for this device alone."""

    position: int
    sender_id: str
    sender_device_id: str
    payload: Any


class Refused(Struct, frozen=True, gc=False, tag="error"):
    """A frame that was no `send` is refused."""

    error: Problem


class Welcome(Struct, frozen=True, gc=False, tag="welcome"):
    """The connection stands."""


class ReplayComplete(Struct, frozen=True, gc=False, tag="replay_complete"):
    """What follows is live."""


Frame = Message | Sent | Failed | Status | ToDevice | Refused | Welcome | ReplayComplete


class _Any(Struct, frozen=True):
    type: str


_KNOWN: Final = frozenset(str(kind.__struct_config__.tag) for kind in get_args(Frame))
_decoder: Final[msgspec.json.Decoder[Frame]] = msgspec.json.Decoder(Frame)
_decode_any: Final = msgspec.json.Decoder(_Any).decode


class Disconnected(Exception):
    """The connection cannot go on: refused at the handshake, closed, or speaking nonsense."""


class Channel:
    """The protocol's side of one connection.

    Whole text frames, which is what comes and goes nearly always, need no library. Those that come are cut
    out by `Framing`. Those that go are a header, a masking key and the payload. The key is zero, so that
    masking changes nothing and costs nothing; the server sees an ordinary masked frame (RFC 6455, section
    5.3; what the key protects, proxies against scripts in browsers, is not at stake here).
    """

    def __init__(self, url: str, token: str) -> None:
        """`url` is the target's, http or https."""
        self._protocol = ClientProtocol(
            parse_uri(f"ws{url.removeprefix('http')}{PATH}"), max_size=MAX_FRAME_BYTES
        )
        request = self._protocol.connect()
        request.headers["Authorization"] = f"Bearer {token}"
        self._protocol.send_request(request)
        self._framing = Framing(MAX_FRAME_BYTES)
        self._head = b""
        self._fragments = b""
        self._outgoing = self._protocol.data_to_send()
        self._open = False

    def send(self, frame: bytes) -> None:
        """Put a frame, encoded as JSON, behind what is to be written. A closed channel drops it."""
        if self._open:
            self._outgoing.append(_header(len(frame)))
            self._outgoing.append(frame)

    def data_to_send(self) -> bytes:
        """What is to be written now."""
        outgoing = self._outgoing
        if not outgoing:
            return b""
        self._outgoing = []
        return b"".join(outgoing)

    def close(self) -> None:
        """Begin the closing handshake."""
        if self._open:
            self._protocol.send_close(1000)
            self._library_spoke()

    def receive(self, data: bytes) -> Iterator[Frame]:
        """The frames in what was read (empty at the end of the stream). Raises `Disconnected`."""
        if not data:
            self._protocol.receive_eof()
            raise Disconnected(f"the connection was closed: {_reason(self._protocol)}")
        if not self._open and self._protocol.state is State.CONNECTING:
            data = self._shake_hands(data)
        for first, content in self._framing.feed(data):
            if first == FINAL_TEXT and not self._fragments:
                frame = _frame(content)
                if frame is not None:
                    yield frame
            else:
                self._protocol.receive_data(content)
                self._library_spoke()
                yield from self._others()

    def _shake_hands(self, data: bytes) -> bytes:
        """Complete the handshake; what came behind it."""
        self._head += data
        head, end, rest = self._head.partition(HEAD_END)
        if not end and len(head) <= MAX_HEAD_BYTES:
            return b""
        protocol = self._protocol
        protocol.receive_data(head + end)
        if protocol.handshake_exc is not None:
            raise Disconnected(f"the handshake failed: {protocol.handshake_exc}")
        if protocol.state is State.CONNECTING:
            status = head.partition(b"\r\n")[0].decode("latin-1")
            raise Disconnected(f"the handshake was answered with {status}")
        self._head = b""
        self._library_spoke()
        return rest

    def _library_spoke(self) -> None:
        """Take over what the library has to say, and whether it still lets us speak."""
        self._outgoing += self._protocol.data_to_send()
        self._open = self._protocol.state is State.OPEN

    def _others(self) -> Iterator[Frame]:
        """What the library made of a frame that is not a whole text."""
        for event in self._protocol.events_received():
            if isinstance(event, WebSocketFrame):
                yield from self._text(event)
        if self._protocol.close_expected():
            raise Disconnected(f"the connection was closed: {_reason(self._protocol)}")

    def _text(self, event: WebSocketFrame) -> Iterator[Frame]:
        if event.opcode not in (Opcode.TEXT, Opcode.CONT):
            return
        self._fragments += event.data
        if event.fin:
            whole, self._fragments = self._fragments, b""
            frame = _frame(whole)
            if frame is not None:
                yield frame


_SHORT: Final = Layout(">BBI").pack
_MEDIUM: Final = Layout(">BBHI").pack
_LONG: Final = Layout(">BBQI").pack
_NO_MASK: Final = 0


def _header(length: int) -> bytes:
    """Of a masked text frame (RFC 6455, section 5.2)."""
    if length < SHORT:
        return _SHORT(FINAL_TEXT, MASKED | length, _NO_MASK)
    if length < 1 << 16:
        return _MEDIUM(FINAL_TEXT, MASKED | 126, length, _NO_MASK)
    return _LONG(FINAL_TEXT, MASKED | 127, length, _NO_MASK)


def _frame(data: bytes) -> Frame | None:
    """A frame that matters here, or None. Raises `Disconnected` for a known one of a wrong shape."""
    try:
        return _decoder.decode(data)
    except msgspec.MsgspecError as error:
        try:
            kind = _decode_any(data).type
        except msgspec.MsgspecError:
            kind = None
        if kind is None or kind in _KNOWN:
            raise Disconnected(f"the server sent a frame that is none: {error}") from None
        return None


def _reason(protocol: ClientProtocol) -> str:
    received = protocol.close_rcvd
    return "without a close frame" if received is None else f"{received.code} {received.reason}"
