"""One connection: it pulls out of the logs what it has not written yet.

Nothing is queued for a reader but the fact that a conversation moved. The writer wakes, takes the
conversations that moved in any order, and writes their new entries as they stand by then; statuses
follow, the newest of each kind. Answers to pings and refusals overtake everything. What a reader owes
reading is counted, and one that owes too much is closed.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import WSMsgType, web

from .people import Device, House, stamp
from .rooms import Entry, Room
from .wire import (
    IDENTIFIER,
    Refused,
    Undecodable,
    boolean,
    decode,
    members,
    shallow,
    whole,
)

if TYPE_CHECKING:
    from .messenger import Messenger

Json = Any

SHORT = 60_000
"""Bytes up to which two fragments have 16-bit lengths."""


class Line:
    """One connected device."""

    def __init__(
        self, messenger: Messenger, device: Device, socket: web.WebSocketResponse, *, packed: bool
    ) -> None:
        self._messenger = messenger
        self._house: House = messenger.house
        self._device = device
        self._socket = socket
        self._packed = packed
        self._backlog = messenger.rooms_of(device.user)
        user_id = device.user.user_id
        self._heads = {room.room_id: room.head(user_id) for room in self._backlog}
        self._positions = {
            room.room_id: max(device.marks.get(room.room_id, 0), room.stay(user_id).since - 1)
            for room in self._backlog
        }
        self._moved: dict[str, Room] = {}
        self._announced: dict[str, Room] = {}
        self._urgent: list[dict[str, Json]] = []
        self._notes: dict[object, dict[str, Json]] = {}
        self._owed: dict[tuple[str, int], int] = {}
        self._frame_ids: dict[str, str] = {}
        self._news = asyncio.Event()
        self._heard = 0.0
        self._ending: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport | None = None

    # ── what others say to it ─────────────────────────────────────────────────────────────────────

    def owe(self, entry: Entry) -> None:
        """An entry was written that this connection is to get."""
        self._moved[entry.room.room_id] = entry.room
        self._owed[entry.room.room_id, entry.seq] = 300 + len(json.dumps(entry.body))
        if sum(self._owed.values()) > self._house.limits["max_connection_buffer_bytes"]:
            self.end(4408)
        self._news.set()

    def announce(self, room: Room, position: int) -> None:
        """The user became a member; what it sees begins behind `position`."""
        self._positions.setdefault(room.room_id, position)
        self._announced[room.room_id] = self._moved[room.room_id] = room
        self._news.set()

    def tell(self, kind: str, /, **content: Json) -> None:
        """A frame for when the entries before it are out."""
        self._notes[object()] = {"type": kind, **content}
        self._news.set()

    def tell_status(self, **status: Json) -> None:
        """A status; those of the same kind that wait are needless now."""
        key = (status["conversation_id"], status["user_id"], status["status"])
        self._notes.pop(key, None)
        if status["status"] == "read":
            waiting = self._notes.get((*key[:2], "delivered"))
            if waiting is not None and waiting["up_to_seq"] <= status["up_to_seq"]:
                del self._notes[*key[:2], "delivered"]
        self._notes[key] = {"type": "status", **status}
        self._news.set()

    def answer(self, kind: str, /, **content: Json) -> None:
        """A frame that waits for nothing."""
        self._urgent.append({"type": kind, **content})
        self._news.set()

    def end(self, code: int) -> None:
        """Close, and cut if that takes too long."""
        if self._device.line is self:
            self._device.line = None
            self._messenger.presence_changed(self._device.user)
        if self._ending is None:
            self._ending = asyncio.create_task(self._close(code))

    async def _close(self, code: int) -> None:
        try:
            async with asyncio.timeout(1):
                await self._socket.close(code=code, message=b"that is how it is")
        except (TimeoutError, ConnectionError, RuntimeError):
            pass
        if self._transport is not None:
            self._transport.abort()

    # ── its life ──────────────────────────────────────────────────────────────────────────────────

    async def live(self, request: web.Request) -> None:
        """Serve the connection until it ends."""
        self._transport = request.transport
        self._heard = asyncio.get_running_loop().time()
        tasks = [asyncio.create_task(self._write()), asyncio.create_task(self._beat())]
        try:
            async for message in self._socket:
                self._heard = asyncio.get_running_loop().time()
                if message.type == WSMsgType.PING:
                    await self._socket.pong(message.data)
                elif message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    await self._read(message.type, message.data)
        except ConnectionError:
            pass
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self._ending is not None:
                await self._ending
            elif self._device.line is self:
                self._device.line = None
                self._messenger.presence_changed(self._device.user)

    async def _beat(self) -> None:
        beat = self._house.limits["heartbeat_interval_ms"] / 1000
        while True:
            await asyncio.sleep(beat)
            if asyncio.get_running_loop().time() - self._heard > 2 * beat:
                self.end(4408)
            self._urgent.append({})
            self._news.set()

    # ── writing ───────────────────────────────────────────────────────────────────────────────────

    async def _put(self, frame: dict[str, Json]) -> None:
        if not frame:
            await self._socket.ping(b"alive?")
            return
        frame = self._house.show(**frame)
        if self._packed:
            await self._socket.send_bytes(msgspec.msgpack.encode(frame))
            return
        text = json.dumps(frame, ensure_ascii=bool(len(frame) % 2))
        if len(text) < SHORT and self._house.rng.random() < 0.1 and self._transport is not None:
            self._transport.write(in_pieces(text.encode()))
        else:
            await self._socket.send_str(text)

    async def _write(self) -> None:
        """Replay, then whatever comes."""
        user = self._device.user
        await self._put(
            {
                "type": "welcome",
                "user_id": user.user_id,
                "device_id": self._device.device_id,
                "server_time": stamp(self._house.now()),
                "heartbeat_interval_ms": self._house.limits["heartbeat_interval_ms"],
            }
        )
        count = 0
        waiting = [
            (room.behind(user.user_id, self._positions[room.room_id]), self._heads[room.room_id])
            for room in self._backlog
        ]
        while waiting:
            entries, head = chosen = self._house.rng.choice(waiting)
            entry = next(entries, None)
            if entry is None or entry.seq > head:
                waiting.remove(chosen)
                continue
            await self._put_entry(entry)
            count += 1
        await self._put({"type": "replay_complete", "count": count})
        for other in self._messenger.online_partners(user):
            self._messenger.tell_presence(other, [self])
        while True:
            await self._news.wait()
            self._news.clear()
            await self._house.hesitate()
            await self._round()

    async def _round(self) -> None:
        while self._urgent:
            await self._put(self._urgent.pop(0))
        if self._notes:
            await self._house.hesitate()  # some of them may become needless
        notes, self._notes = self._notes, {}
        moved, self._moved = list(self._moved.values()), {}
        self._house.rng.shuffle(moved)
        user_id = self._device.user.user_id
        for room in moved:
            if self._announced.pop(room.room_id, None):
                await self._put({"type": "conversation", "conversation": room.shown(user_id)})
            for entry in room.behind(user_id, self._positions.get(room.room_id, 0)):
                await self._put_entry(entry)
        for note in notes.values():
            await self._put(note)

    async def _put_entry(self, entry: Entry) -> None:
        self._positions[entry.room.room_id] = entry.seq
        self._owed.pop((entry.room.room_id, entry.seq), None)
        if entry.origin is self:
            frame_id = self._frame_ids.pop(entry.message_id)
            await self._put(self._sent(entry, frame_id, duplicate=False))
        else:
            shown = entry.shown(self._house, self._device.user.user_id)
            await self._put({"type": "message", "message": shown})

    def _sent(self, entry: Entry, frame_id: str, *, duplicate: bool) -> dict[str, Json]:
        timing = {"queue_us": 1, "commit_us": 2} if self._house.has("server_timing") else None
        return {
            "type": "sent",
            "id": frame_id,
            "client_message_id": entry.client_message_id,
            "message_id": entry.message_id,
            "conversation_id": entry.room.room_id,
            "seq": entry.seq,
            "created_at": stamp(entry.created_at),
            "duplicate": duplicate,
            "timing": timing and self._house.show(**timing),
        }

    # ── reading ───────────────────────────────────────────────────────────────────────────────────

    async def _read(self, kind: WSMsgType, data: str | bytes) -> None:
        size = len(data.encode() if isinstance(data, str) else data)
        if size > self._house.limits["max_frame_bytes"]:
            self.end(1009)
            return
        try:
            if (kind == WSMsgType.BINARY) is not self._packed:
                raise Undecodable("the other kind of message was agreed upon")
            frame = _unpacked(data) if isinstance(data, bytes) else decode(data)
        except Undecodable:
            self.end(4400)
            return
        frame_id = frame.get("id") if isinstance(frame, dict) else None
        named = {"id": frame_id} if not list(IDENTIFIER(frame_id)) else {}
        try:
            kind_of_frame = members(frame, type=_word)["type"]
            handle = HANDLERS.get(kind_of_frame)
            if handle is None or (kind_of_frame == "typing" and not self._house.has("typing")):
                raise Refused("invalid_request", "There are no such frames here.")
            await handle(self, frame)
        except Refused as refused:
            self.answer("error", **named, error=self._error(refused))

    def _error(self, refused: Refused) -> dict[str, Json]:
        return self._house.show(code=refused.code, detail=refused.detail)

    async def _send(self, frame: Json) -> None:
        members(frame, id=IDENTIFIER)
        await self._house.hesitate()
        try:
            members(frame, conversation_id=_word)
            entry, duplicate = self._messenger.post.take(
                self._device, frame["conversation_id"], frame, self
            )
        except Refused as refused:
            name = frame.get("client_message_id")
            error = {**self._error(refused), "retryable": False}
            told = None if list(IDENTIFIER(name)) else name
            self.answer("failed", id=frame["id"], client_message_id=told, error=error)
            return
        if not duplicate:
            self._frame_ids[entry.message_id] = frame["id"]
            return
        self._notes[object()] = self._sent(entry, frame["id"], duplicate=True)
        self._news.set()

    async def _acknowledge(self, frame: Json) -> None:
        given = members(frame, type=_word, conversation_id=_word, up_to_seq=whole(0))
        await self._house.hesitate()
        room = self._messenger.room(given["conversation_id"])
        room.acknowledge(self._device, given["type"], given["up_to_seq"])

    async def _typing(self, frame: Json) -> None:
        given = members(frame, conversation_id=_word, active=boolean)
        user_id = self._device.user.user_id
        room = self._messenger.room(given["conversation_id"])
        room.membership(user_id)
        for stay in room.present:
            for line in stay.user.lines if stay.user.user_id != user_id else []:
                line.tell("typing", user_id=user_id, **given)

    async def _ping(self, frame: Json) -> None:
        given = members(frame, id=IDENTIFIER)
        self.answer("pong", id=given["id"], server_time=stamp(self._house.now()))


HANDLERS = {
    "send": Line._send,
    "delivered": Line._acknowledge,
    "read": Line._acknowledge,
    "typing": Line._typing,
    "ping": Line._ping,
}


def in_pieces(text: bytes) -> bytes:
    """A text message in fragments with a Ping in between (RFC 6455, section 5.4)."""
    middle = len(text) // 2
    pieces = ((0x01, text[:middle]), (0x89, b"still there?"), (0x00, text[middle:]), (0x80, b""))
    return b"".join(
        (
            bytes([head, len(piece)])
            if len(piece) < 126
            else bytes([head, 126]) + len(piece).to_bytes(2, "big")
        )
        + piece
        for head, piece in pieces
    )


def _word(value: Json) -> Any:
    if not isinstance(value, str):
        yield "", "is to be a text"


def _unpacked(data: bytes) -> Json:
    """MessagePack that says no more than JSON can. Raises `Undecodable`."""
    try:
        value = msgspec.msgpack.decode(data)
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (msgspec.DecodeError, ValueError, TypeError, RecursionError) as error:
        raise Undecodable(str(error)) from None
    if not _has_text_keys(shallow(value)):
        raise Undecodable("keys are texts")
    return decode(text)


def _has_text_keys(value: Json) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and _has_text_keys(each) for key, each in value.items())
    return not isinstance(value, list) or all(map(_has_text_keys, value))
