"""The realtime half: one WebSocket connection of one device.

One task lives as long as the connection: it shakes hands, then pumps. The pump reads every frame from
the first moment on, writes it down, concludes what it means, settles the send that it answers, and
puts it into an inbox. Nobody else reads, so nothing can be missed between two steps of a scenario;
whoever waits for something looks at the inbox again after each piece of news.

    handshake ── refused ──▶ Refusal
        │
      open ── pump: frame ▶ raw event ▶ semantic event ▶ inbox or aside
        │
      ended: `closed` in the inbox, whatever is in flight becomes indeterminate
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal

import trio
from trio_websocket import ConnectionClosed, WebSocketConnection
from wsproto.frame_protocol import Opcode

from ...patience import Patience
from ..base import (
    CUT,
    Impatient,
    Incoming,
    Json,
    Outcome,
    RawMessage,
    SendCall,
    Unanswered,
)
from . import frames
from .encodings import Encoding, NotAFrame
from .flight import InFlight
from .meaning import Frame, Meaning
from .notebook import Notebook
from .wire import WireStream, raw_message


class Channel:
    """One open connection; see `adapters.base.Connection` for what the methods promise."""

    def __init__(
        self,
        *,
        lane: str,
        conn: int,
        holder: tuple[str, str],
        hidden: bool,
        asked: int,
        notebook: Notebook,
        patience: Patience,
        stream: WireStream,
        socket: WebSocketConnection,
        encoding: Encoding,
    ) -> None:
        self.lane = lane
        self.conn = conn
        self.user_id = holder[0]
        self.inbox: list[Incoming] = []
        self.aside: list[Incoming] = []
        self.closed = False
        self._hidden = hidden
        self._notebook = notebook
        self._patience = patience
        self._stream = stream
        self._socket = socket
        self._encoding = encoding
        self._meaning = Meaning(conn, holder, notebook, hidden=hidden)
        self._news = trio.Event()
        self._over = trio.Event()
        self._closing = False
        self._said_goodbye = trio.Event()
        self._frames = 0
        self._meaning.opened(lane, self._write_down("in", "open", "connected"), asked)

    # ── waiting ───────────────────────────────────────────────────────────────────────────────

    @property
    def frozen(self) -> bool:
        """Whether reading is suspended."""
        return self._stream.frozen

    async def news(self) -> None:
        """Return at the next frame, or at the end of the connection."""
        await self._news.wait()

    def _tell(self) -> None:
        self._news.set()
        self._news = trio.Event()

    async def _until(self, found: Callable[[], bool], what: str) -> None:
        """Wait for `found`, as long as the connection stands and patience lasts."""
        with trio.move_on_after(self._patience.seconds):
            while not found():
                if self.closed:
                    raise Unanswered(f"the connection ended before {what}")
                await self.news()
            return
        raise Impatient(f"{what} did not come within {self._patience.seconds:g} s")

    async def ready(self) -> None:
        """Return when `replay_complete` has come."""
        await self._until(lambda: self._meaning.replayed, "`replay_complete`")

    async def welcomed(self) -> None:
        """Return when the first frame has come."""
        await self._until(lambda: bool(self.inbox or self.aside), "its first frame")

    # ── writing ───────────────────────────────────────────────────────────────────────────────

    async def _write(self, write: Callable[[], Awaitable[None]], what: str) -> None:
        if self.closed:
            raise Unanswered(f"{what} could not be sent: the connection has ended")
        with trio.move_on_after(self._patience.seconds):
            try:
                await write()
            except (ConnectionClosed, trio.BrokenResourceError, trio.ClosedResourceError):
                raise Unanswered(f"the connection ended while {what} was being sent") from None
            return
        raise Impatient(f"the server did not take {what} within {self._patience.seconds:g} s")

    async def _write_frame(self, frame: Frame) -> None:
        message = self._encoding.encode(frame)
        await self._write(lambda: self._socket.send_message(message), f"a `{frame['type']}` frame")

    async def send_message(self, call: SendCall) -> InFlight:
        """Write a `send` frame; for a hidden conversation, one that the scenario does not see."""
        self._frames += 1
        hidden = self._hidden or call.conversation_id in self._notebook.hidden_conversations
        frame: Frame = {
            "type": "send",
            "id": self._notebook.next_aside() if hidden else f"send.{self._frames}",
            "conversation_id": call.conversation_id,
            "client_message_id": call.client_message_id,
        }
        for member in ("body", "relates_to", "expires_in_s"):
            value = getattr(call, member)
            if value is not None:
                frame[member] = value
        flight = self._meaning.sending(frame, self._write_frame_down(frame, hidden), hidden=hidden)
        try:
            await self._write_frame(frame)
        except Unanswered as trouble:
            flight.fail(trouble)
        return flight

    async def settled(self, outcome: Outcome) -> Json:
        """Wait for the answer of a frame in flight."""
        with trio.move_on_after(self._patience.seconds):
            await outcome.wait()
            return outcome.result()
        raise Impatient(f"no answer to a frame within {self._patience.seconds:g} s")

    async def acknowledge(
        self, conversation_id: str, status: Literal["delivered", "read"], up_to_seq: int
    ) -> None:
        """Write a `delivered` or `read` frame."""
        frame = {"type": status, "conversation_id": conversation_id, "up_to_seq": up_to_seq}
        hidden = self._hidden or self._notebook.conceals(frame)
        position = self._write_frame_down(frame, hidden)
        if not hidden:
            self._meaning.writing(frame, position)
        await self._write_frame(frame)

    async def tell_typing(self, conversation_id: str, active: Json) -> None:
        """Write a `typing` frame."""
        frame = {"type": "typing", "conversation_id": conversation_id, "active": active}
        self._write_frame_down(frame, self._hidden)
        await self._write_frame(frame)

    async def send_to_device(self, frame_id: str, messages: Json) -> InFlight:
        """Write a `to_device` frame."""
        frame = {"type": "to_device", "id": frame_id, "messages": messages}
        flight = self._meaning.asking(frame)
        self._write_frame_down(frame, self._hidden)
        try:
            await self._write_frame(frame)
        except Unanswered as trouble:
            flight.fail(trouble)
        return flight

    async def acknowledge_to_device(self, up_to: Json) -> None:
        """Write a `to_device_ack` frame."""
        frame = {"type": "to_device_ack", "up_to": up_to}
        self._write_frame_down(frame, self._hidden)
        await self._write_frame(frame)

    async def write_value(self, value: Json) -> None:
        """Write what a scenario wrote, encoded."""
        message = self._encoding.encode(value)
        if isinstance(message, str):
            await self.write_raw(RawMessage(kind="text", payload=message.encode()))
        else:
            await self.write_raw(RawMessage(kind="binary", payload=message))

    async def write_raw(self, message: RawMessage) -> None:
        """Write what a scenario wrote."""
        frame = self._frame_in(message)
        if frame is not None:
            self._meaning.writing(frame, self._write_frame_down(frame, hidden=False))
        else:
            told = f"{len(message.payload)} bytes of raw {message.kind}"
            self._write_down("out", "frame", told, frames.shown(message))
        opcode = Opcode.TEXT if message.kind == "text" else Opcode.BINARY
        data = raw_message(message.payload, opcode=opcode)
        await self._write(lambda: self._stream.send_all(data), "a raw message")

    def _frame_in(self, message: RawMessage) -> Frame | None:
        """The frame that a raw message holds, if it holds one."""
        payload = message.payload
        try:
            value = self._encoding.decode(payload.decode() if message.kind == "text" else payload)
        except (UnicodeDecodeError, NotAFrame):
            return None
        return value if isinstance(value, dict) else None

    async def round_trip(self) -> None:
        """Write a `ping` and wait for its `pong`."""
        ping = {"type": "ping", "id": self._notebook.next_aside()}
        known = len(self.aside)
        self._write_down("out", "frame", "ping", ping, hidden=True)
        await self._write_frame(ping)
        await self._until(
            lambda: any(
                frame.type == "pong" and frame.content.get("id") == ping["id"]
                for frame in self.aside[known:]
            ),
            "the `pong` to a `ping`",
        )

    # ── ending, and not reading ───────────────────────────────────────────────────────────────

    async def close(self) -> None:
        """Close with 1000; cut if the server does not answer that."""
        if self.closed:
            return
        self._write_down("out", "close", "close 1000", hidden=self._hidden)
        self._closing = True
        self._stream.thaw()
        try:
            with trio.move_on_after(self._patience.seconds):
                await self._socket.aclose()
        finally:
            self._said_goodbye.set()
        await self._over.wait()

    async def farewell(self) -> None:
        """Return when a polite close, if one is under way, has been answered."""
        if self._closing:
            await self._said_goodbye.wait()

    async def cut(self) -> None:
        """Reset the TCP connection."""
        if self.closed:
            return
        self._write_down("out", "cut", "cuts the connection", hidden=self._hidden)
        self._stream.cut()
        await self._over.wait()

    def freeze(self) -> None:
        """Stop reading from the socket."""
        self._write_down("out", "freeze", "stops reading")
        self._stream.freeze()

    async def thaw(self) -> None:
        """Read again, up to the answer to a ping."""
        self._write_down("out", "thaw", "reads again")
        self._stream.thaw()
        try:
            await self.round_trip()
        except Impatient:
            raise
        except Unanswered:
            pass  # it has ended: then everything that was waiting is here too

    # ── the pump ──────────────────────────────────────────────────────────────────────────────

    async def pump(self) -> None:
        """Take in every frame until the connection ends."""
        try:
            while True:
                self._take(await self._socket.get_message())
        except ConnectionClosed as closed:
            self.end(int(closed.reason.code) if closed.reason else CUT)

    def end(self, code: int) -> None:
        """The connection has ended, with a close code or `CUT`."""
        if self.closed:
            return
        self.closed = True
        by: Literal["client", "server", "cut"] = "client" if self._closing else "server"
        if code == CUT:
            by = "cut"
        told = "connection lost" if by == "cut" else f"closed with {code}"
        position = self._write_down("in", "close", told, {"code": code})
        self._meaning.ended(None if by == "cut" else code, by, position)
        self._deliver(Incoming(type="closed", content={"code": code}, event=position), self._hidden)
        self._over.set()

    def _take(self, data: str | bytes) -> None:
        try:
            frame = self._encoding.decode(data)
        except NotAFrame:
            frame = None
        if not isinstance(frame, dict) or not isinstance(frame.get("type"), str):
            position = self._write_down("in", "frame", "not a frame", frames.evidence(data))
            self._deliver(Incoming(type="", content=frame, event=position), self._hidden)
            return
        hidden = self._hidden or self._notebook.conceals(frame)
        seen = self._meaning.as_seen(frame)
        position = self._write_down("in", "frame", frames.label(seen), frame, hidden=hidden)
        self._meaning.understand(seen, position, hidden=hidden)
        content = frames.content(seen)
        self._deliver(Incoming(type=seen["type"], content=content, event=position), hidden)

    def _deliver(self, incoming: Incoming, hidden: bool) -> None:
        (self.aside if hidden else self.inbox).append(incoming)
        self._tell()

    def _write_frame_down(self, frame: Frame, hidden: bool) -> int:
        return self._write_down("out", "frame", frames.label(frame), frame, hidden=hidden)

    def _write_down(
        self,
        direction: Literal["out", "in"],
        kind: str,
        label: str,
        content: Json = None,
        *,
        hidden: bool = False,
    ) -> int:
        return self._notebook.wire(
            self.lane,
            direction,
            kind,
            label,
            content,
            conn=self.conn,
            hidden=hidden or self._hidden,
        )
