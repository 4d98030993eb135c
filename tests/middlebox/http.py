"""HTTP/1.1 (RFC 9112) that is handed on, a connection to the server for each request.

Requests go on as they come, piece by piece, and break off where they do. An answer is gathered and
said anew; what `h11` writes is too well-behaved for that, so the answer's bytes are made here.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from random import Random
from typing import NamedTuple
from urllib.parse import urlsplit

import h11

from . import channel
from .spelling import as_json

SWITCHING = 101
IDLE_S = 1.5
"""How long a connection may carry nothing before it is closed without a word."""
JSON = ("application/json", "application/problem+json")
PER_CONNECTION = {b"connection", b"keep-alive", b"transfer-encoding", b"upgrade"}


class Answer(NamedTuple):
    """What the server behind said."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class Box:
    """Everything below `prefix` goes to the server at `host` and `port`."""

    def __init__(self, host: str, port: int, prefix: str, seed: int) -> None:
        self._behind = (host, port)
        self._prefix = prefix
        self._rng = Random(seed)  # noqa: S311 (chance, and no secret)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of a client, to its end."""
        writer.transport.set_write_buffer_limits(high=0)
        received = b""
        try:
            while True:
                request = h11.Connection(h11.SERVER)
                if received:  # nothing would mean the end to h11
                    request.receive_data(received)
                async with asyncio.timeout(IDLE_S):
                    event = await _next(request, reader)
                if not isinstance(event, h11.Request) or not await self._exchange(
                    request, event, reader, writer
                ):
                    return
                received = request.trailing_data[0]
        except (OSError, EOFError, TimeoutError, h11.ProtocolError):
            pass
        finally:
            writer.close()

    async def _exchange(
        self,
        said: h11.Connection,
        request: h11.Request,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> bool:
        """One request and its answer; whether another may follow on the connection."""
        target = request.target.decode("latin-1")
        if not target.startswith(self._prefix + "/"):
            writer.write(
                b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )
            await writer.drain()
            return False
        behind = await asyncio.open_connection(*self._behind)
        is_upgrade = any(name == b"upgrade" for name, _ in request.headers)
        try:
            out = h11.Connection(h11.CLIENT)
            headers = [
                each for each in request.headers if is_upgrade or each[0] not in PER_CONNECTION
            ]
            chunked = [each for each in request.headers if each[0] == b"transfer-encoding"]
            closing = [] if is_upgrade else [(b"connection", b"close"), *chunked]
            path = target[len(self._prefix) :].encode("latin-1")
            begun = h11.Request(method=request.method, target=path, headers=[*headers, *closing])
            behind[1].write(out.send(begun) or b"")
            sending = asyncio.create_task(_send_body(said, reader, out, behind[1]))
            answering = asyncio.create_task(_answer(out, behind[0]))
            await asyncio.wait((sending, answering), return_when=asyncio.FIRST_EXCEPTION)
            if sending.done() and sending.exception() is not None and not answering.done():
                answering.cancel()
                raise ConnectionResetError
            if not sending.done():
                sending.cancel()
            answer = await answering
            if answer.status == SWITCHING:
                await channel.hand_on((reader, writer), behind, self._handshake(answer), self._rng)
                return False
            was_read = sending.done() and not sending.cancelled() and sending.exception() is None
            return await self._write(request, answer, writer, may_go_on=was_read)
        finally:
            behind[1].transport.abort()

    # ── saying it anew ────────────────────────────────────────────────────────────────────────────

    def _handshake(self, answer: Answer) -> bytes:
        return self._hints() + self._head(SWITCHING, answer.headers)

    async def _write(
        self, request: h11.Request, answer: Answer, writer: asyncio.StreamWriter, *, may_go_on: bool
    ) -> bool:
        rng = self._rng
        headers = [
            (name, self._address(request, value) if name == "location" else value)
            for name, value in answer.headers
            if name.encode() not in PER_CONNECTION
        ]
        body = answer.body
        media_type = dict(headers).get("content-type", "").partition(";")[0].strip().lower()
        if body and media_type in JSON:
            body = as_json(body, rng)
            charset = rng.choice(("", ";charset=UTF-8", ' ; charset="utf-8"'))
            headers = [
                (name, media_type.upper() + charset if name == "content-type" else value)
                for name, value in headers
            ]
        bare = request.method == b"HEAD" or answer.status in (204, 304)
        framing = "as it is" if bare else rng.choice(("length", "chunks", "end"))
        goes_on = may_go_on and framing != "end" and rng.random() < 0.7
        if not bare or (
            request.method == b"HEAD" and rng.random() < 0.5
        ):  # RFC 9110 §8.6 asks for none
            headers = [each for each in headers if each[0] != "content-length"]
        if framing == "length":
            headers.append(("content-length", str(len(body))))
        elif framing == "chunks":
            headers.append(("transfer-encoding", "chunked"))
            body = self._in_chunks(body)
        if not goes_on:
            headers.append(("connection", "close"))
        headers.append(("x-nobody-knows", "1, 2"))
        headers.append(("x-nobody-knows", "smörgås"))
        data = self._hints() + self._head(answer.status, headers) + (b"" if bare else body)
        cut = rng.randint(0, len(data))
        for part in (data[:cut], data[cut:]):
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0)
        return goes_on

    def _hints(self) -> bytes:
        """Interim answers that nobody asked for (RFC 9110 §15.2)."""
        hints = [(100, []), (102, []), (103, [("link", "</style.css>; rel=preload")])]
        return b"".join(self._head(*each) for each in hints if self._rng.random() < 0.2)

    def _head(self, status: int, headers: list[tuple[str, str]]) -> bytes:
        """Without a reason phrase, which RFC 9112 leaves out as it likes, and in any order."""
        rng = self._rng
        lines = [f"HTTP/1.1 {status} "]
        for name, value in headers:
            spelled = rng.choice((name, name.upper(), name.title()))
            lines.append(f"{spelled}:{rng.choice(('', ' ', '  '))}{value}{rng.choice(('', ' '))}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def _in_chunks(self, body: bytes) -> bytes:
        written = b""
        while body:
            size = self._rng.randint(1, max(64, len(body)))
            part, body = body[:size], body[size:]
            written += b'%X;of="many"\r\n%s\r\n' % (len(part), part)
        return written + b"000\r\nX-Trailer: that was it\r\n\r\n"

    def _address(self, request: h11.Request, location: str) -> str:
        """Another reference (RFC 3986) to the same resource."""
        path = self._prefix + urlsplit(location).path
        asked = request.target.decode("latin-1").partition("?")[0]
        host = next(value.decode() for name, value in request.headers if name == b"host")
        folder = asked.rpartition("/")[0] + "/"
        relative = path.removeprefix(folder) if path.startswith(folder) else path
        return self._rng.choice((path, f"http://{host}{path}", f"//{host}{path}", relative))


async def _next(
    connection: h11.Connection, reader: asyncio.StreamReader
) -> h11.Event | type[h11.PAUSED]:
    while True:
        event = connection.next_event()
        if event is not h11.NEED_DATA:
            return event  # type: ignore[return-value]
        data = await reader.read(65_536)
        connection.receive_data(data)


async def _body(said: h11.Connection, reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while True:
        event = await _next(said, reader)
        if not isinstance(event, h11.Data):
            return
        yield bytes(event.data)


async def _send_body(
    said: h11.Connection,
    reader: asyncio.StreamReader,
    out: h11.Connection,
    writer: asyncio.StreamWriter,
) -> None:
    """Raises what `h11` does if the client breaks off. A server that has refused it may read no more."""

    async def hand_on(event: h11.Data | h11.EndOfMessage) -> None:
        data = out.send(event)
        if data and not writer.is_closing():
            with contextlib.suppress(OSError):
                writer.write(data)
                await writer.drain()

    async for piece in _body(said, reader):
        await hand_on(h11.Data(data=piece))
    await hand_on(h11.EndOfMessage())


async def _answer(out: h11.Connection, reader: asyncio.StreamReader) -> Answer:
    """The answer of the server behind; what follows a change of protocols stays unread."""
    while True:
        out.receive_data(await reader.readuntil(b"\r\n\r\n"))
        head = out.next_event()
        if isinstance(head, h11.Response) or (
            isinstance(head, h11.InformationalResponse) and head.status_code == SWITCHING
        ):
            break
    body = b""
    while head.status_code != SWITCHING:
        event = await _next(out, reader)
        if isinstance(event, h11.EndOfMessage):
            break
        body += bytes(event.data) if isinstance(event, h11.Data) else b""
    headers = [(name.decode(), value.decode("latin-1")) for name, value in head.headers]
    return Answer(head.status_code, headers, body)
