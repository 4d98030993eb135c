"""Speaking HTTP and WebSocket byte by byte, for what no well-behaved client would send."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import trio
from websockets.frames import Frame, Opcode

from ..people import Person
from ..running import Running

PATIENCE_S = 30
KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455, 1.3
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


class Answer(NamedTuple):
    """An HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def problem(self) -> dict[str, Any]:
        """The problem document that it is."""
        assert self.headers["content-type"] == "application/problem+json"
        document: dict[str, Any] = json.loads(self.body)
        return document


class Wire:
    """A connection, with what was read of it and not yet used."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self.stream = stream
        self._buffer = b""

    async def sends(self, data: bytes) -> None:
        """Write bytes."""
        await self.stream.send_all(data)

    async def _more(self) -> bool:
        with trio.fail_after(PATIENCE_S):
            try:
                data = await self.stream.receive_some(65_536)
            except trio.BrokenResourceError:
                return False
        self._buffer += data
        return bool(data)

    async def _up_to(self, mark: bytes) -> bytes:
        while mark not in self._buffer:
            assert await self._more(), f"the connection ended within {self._buffer!r}"
        taken, _, self._buffer = self._buffer.partition(mark)
        return taken

    async def _exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            assert await self._more(), f"the connection ended within {self._buffer!r}"
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken

    async def answer(self) -> Answer:
        """An HTTP answer with its body."""
        first, *lines = (await self._up_to(b"\r\n\r\n")).decode().split("\r\n")
        pairs = (line.split(":", 1) for line in lines)
        headers = {name.strip().lower(): value.strip() for name, value in pairs}
        body = await self._exactly(int(headers.get("content-length", "0")))
        return Answer(int(first.split()[1]), headers, body)

    async def frame(self) -> tuple[Opcode, bytes]:
        """The next WebSocket frame but pings, which come when they like."""
        while True:
            opcode, payload = await self._any_frame()
            if opcode is not Opcode.PING:
                return opcode, payload

    async def _any_frame(self) -> tuple[Opcode, bytes]:
        """A WebSocket frame: a server's are not masked and, for us, never fragmented."""
        head = await self._exactly(2)
        assert head[0] & 0xF0 == 0x80, "fragmented, or reserved bits"
        assert head[1] < 0x80, "masked"
        length = head[1]
        if length >= 126:
            length = int.from_bytes(await self._exactly(2 if length == 126 else 8))
        return Opcode(head[0] & 0x0F), await self._exactly(length)

    async def message(self) -> dict[str, Any]:
        """A text frame of JSON; `presence`, which comes amid everything else, is passed over."""
        while True:
            opcode, payload = await self.frame()
            assert opcode is Opcode.TEXT, (opcode, payload)
            document: dict[str, Any] = json.loads(payload)
            if document["type"] != "presence":
                return document

    async def frames(self) -> AsyncIterator[tuple[Opcode, bytes]]:
        """The WebSocket frames up to the end of the connection."""
        while self._buffer or await self._more():
            yield await self.frame()

    async def close_code(self) -> int:
        """The code of the close frame, which must be the next one that is no text."""
        while True:
            opcode, payload = await self.frame()
            if opcode is not Opcode.TEXT:
                assert opcode is Opcode.CLOSE, (opcode, payload)
                return int.from_bytes(payload[:2])

    async def ends(self) -> bytes:
        """What still came before the connection ended."""
        while await self._more():
            pass
        taken, self._buffer = self._buffer, b""
        return taken


def upgrade(path: str = "/v1.0/chat", *more: str, **headers: str | None) -> bytes:
    """A request to upgrade, with `more` lines; underscores stand for hyphens, None leaves one out."""
    fields: Mapping[str, str | None] = {
        "Host": "localhost",
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": KEY,
    } | {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"{name}: {value}" for name, value in fields.items() if value is not None]
    return "\r\n".join([f"GET {path} HTTP/1.1", *lines, *more, "", ""]).encode("latin1")


def masked(opcode: Opcode, data: bytes, *, fin: bool = True) -> bytes:
    """A client's frame."""
    return Frame(opcode, data, fin=fin).serialize(mask=True)


def text(frame: object) -> bytes:
    """A client's text frame of JSON."""
    return masked(Opcode.TEXT, json.dumps(frame).encode())


@asynccontextmanager
async def chatting(
    running: Running,
    person: Person,
    connection: Callable[[Running], Awaitable[trio.SocketStream]] = Running.connect,
) -> AsyncIterator[Wire]:
    """A connection whose upgrade was accepted and whose backlog, which is empty, was read."""
    async with await connection(running) as stream:
        wire = Wire(stream)
        await wire.sends(upgrade(**person.authorization))
        assert (await wire.answer()).status == 101
        assert (await wire.message())["type"] == "welcome"
        assert (await wire.message())["type"] == "replay_complete"
        yield wire
