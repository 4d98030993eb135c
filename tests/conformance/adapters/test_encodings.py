"""What the suite writes and takes for a frame, in both encodings."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio_websocket import ConnectionClosed, WebSocketConnection, WebSocketRequest, serve_websocket

from conformance.adapters.base import SendCall
from conformance.adapters.messenger import MessengerAdapter
from conformance.adapters.messenger.encodings import ENCODINGS, NotAFrame
from conformance.history import History, Received, Wire
from conformance.patience import Patience

Json = Any

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)

WELCOME = {
    "type": "welcome",
    "user_id": "alice",
    "device_id": "phone",
    "server_time": "2026-11-22T10:00:00.000Z",
    "heartbeat_interval_ms": 30_000,
}
ENTRY = {
    "message_id": "c.1",
    "conversation_id": "c",
    "seq": 1,
    "sender_id": "bob",
    "created_at": "2026-11-22T10:00:00.000Z",
    "body": {"kind": "text", "text": "hi"},
}


@pytest.mark.parametrize("name", sorted(ENCODINGS))
@given(value=VALUES)
def test_what_is_encoded_is_decoded(name: str, value: Json) -> None:
    """Every value of JSON's types."""
    encoding = ENCODINGS[name]
    assert encoding.decode(encoding.encode(value)) == value


@pytest.mark.parametrize(
    "message",
    [
        "{}",
        b"",
        b"\xc1",
        b"\x80\x80",
        b"\xa1\xff",
        b"\xdd\xff\xff\xff\xff",
        b"\x91" * 100_000,
        msgspec.msgpack.encode({"type": "pong", "id": b"a"}),
        msgspec.msgpack.encode({"type": "pong", "at": msgspec.msgpack.Ext(-1, b"data")}),
        msgspec.msgpack.encode({"type": "pong", 1: 1}),
        msgspec.msgpack.encode({"type": "pong", "x": [float("nan")]}),
    ],
    ids=lambda message: repr(message[:16]),
)
def test_what_json_cannot_say_is_no_frame_in_messagepack(message: str | bytes) -> None:
    """Nor is text, or what is no MessagePack."""
    with pytest.raises(NotAFrame):
        ENCODINGS["msgpack"].decode(message)


@pytest.mark.parametrize("message", [b"{}", "{", '{"a": NaN}'], ids=repr)
def test_what_is_no_json_text_is_no_frame_in_text(message: str | bytes) -> None:
    """Nor is a binary message."""
    with pytest.raises(NotAFrame):
        ENCODINGS["text"].decode(message)


class Packed:
    """A server that speaks MessagePack: it answers every `send`, and keeps what it was told."""

    def __init__(self) -> None:
        self.received: list[Json] = []
        self.path = ""

    async def __call__(self, request: WebSocketRequest) -> None:
        """Serve a connection."""
        self.path = request.path
        ws = await request.accept(subprotocol="messenger.v1")
        try:
            for frame in (WELCOME, {"type": "replay_complete", "count": 0}):
                await self._says(ws, frame)
            await self._says(ws, {"type": "message", "message": ENTRY})
            await ws.send_message('{"type": "status"}')
            while True:
                message = await ws.get_message()
                assert isinstance(message, bytes)
                frame = msgspec.msgpack.decode(message)
                self.received.append(frame)
                if frame["type"] == "send":
                    sent = {"type": "sent", "id": frame["id"], "message_id": "c.2", "seq": 2}
                    sent |= {"conversation_id": "c", "client_message_id": "m"}
                    sent |= {"created_at": ENTRY["created_at"], "duplicate": False}
                    await self._says(ws, sent)
        except ConnectionClosed:
            pass

    @staticmethod
    async def _says(ws: WebSocketConnection, frame: Json) -> None:
        await ws.send_message(msgspec.msgpack.encode(frame))


@pytest.fixture
async def packed(nursery: trio.Nursery) -> tuple[Packed, str]:
    """The server and its address."""
    server = Packed()
    running = await nursery.start(serve_websocket, server, "127.0.0.1", 0, None)
    return server, f"http://127.0.0.1:{running.port}"


async def test_a_connection_speaks_the_encoding_it_asked_for(packed: tuple[Packed, str]) -> None:
    """The history is that of any connection; text on it is no frame, and told as such."""
    server, url = packed
    history = History()
    adapter = MessengerAdapter(url, Patience(5))
    async with adapter.session(history, scenario="a.b") as session:
        alice = session.client("alice.main")
        alice.token = "token"
        answer = await alice.connect(auth="header", wait="ready", encoding="msgpack")
        assert answer["welcome"]["user_id"] == "alice"
        assert alice.connection is not None
        assert alice.raw is not None
        body = {"kind": "text", "text": "hi"}
        call = SendCall(conversation_id="c", client_message_id="m", body=body)
        sent = await alice.connection.settled(await alice.connection.send_message(call))
        assert sent["seq"] == 2
        await alice.raw.frame({"type": "delivered", "conversation_id": "c", "up_to_seq": 2})
        await alice.connection.close()
    assert server.path == "/v1.0/chat?encoding=msgpack"
    assert [frame["type"] for frame in server.received] == ["send", "delivered"]
    assert [event.entry.seq for event in history if isinstance(event, Received)] == [1]
    labels = [event.label for event in history if isinstance(event, Wire)]
    assert "not a frame" in labels
    assert "delivered ≤ #2" in labels
    (complaint,) = adapter.manners(history)
    assert (complaint.requirement, "no frame" in complaint.message) == ("ERR-1", True)
