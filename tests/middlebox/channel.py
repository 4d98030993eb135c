"""A WebSocket (RFC 6455) that is handed on: what the client says as it is, what the server says in pieces.

What is written waits for the client to read it, and so does the server behind: a reader that stalls is
for the server to notice.
"""

from __future__ import annotations

import asyncio
import contextlib
from random import Random

from .spelling import as_json, as_msgpack

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
FINAL = 0x80
LONGEST_REASON = 123
"""Bytes of a control frame's payload behind the close code."""

Frame = tuple[bool, int, bytes]


async def hand_on(
    client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    handshake: bytes,
    rng: Random,
) -> None:
    """Be in between until one side ends. `handshake` goes out in front of the first message."""
    ways = [
        asyncio.create_task(_unchanged(client[0], server[1])),
        asyncio.create_task(_in_other_words(server[0], client[1], handshake, rng)),
    ]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        if ways[1].done() and ways[1].exception() is None:
            # It was closed in order: the client reads that, and ends.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await asyncio.wait(ways[:1])
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        for writer in (client[1], server[1]):
            writer.transport.abort()


async def _unchanged(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()


async def _in_other_words(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, waiting: bytes, rng: Random
) -> None:
    """Raises `ConnectionError` or `IncompleteReadError` if the server ends without a close."""
    kind, pieces = TEXT, b""
    while True:
        is_last, opcode, payload = await _read_frame(reader)
        if opcode >= CLOSE:
            is_closed = opcode == CLOSE
            writer.write(
                waiting + framed(FINAL | opcode, _with_reason(payload) if is_closed else payload)
            )
            waiting = b""
            await writer.drain()
            if is_closed:
                writer.write_eof()
                return
            continue
        kind = opcode or kind
        pieces += payload
        if not is_last:
            continue
        said = as_json(pieces, rng) if kind == TEXT else as_msgpack(pieces)
        writer.write(waiting + in_fragments(kind, said, rng))
        waiting = pieces = b""
        await writer.drain()


def in_fragments(kind: int, said: bytes, rng: Random) -> bytes:
    """One message, sometimes in fragments: empty, of a byte, cut through characters, with others between."""
    if rng.random() < 0.7:
        return framed(FINAL | kind, said)
    cuts = sorted(rng.randint(0, len(said)) for _ in range(rng.randint(1, 6)))
    parts = [said[a:b] for a, b in zip([0, *cuts], [*cuts, len(said)], strict=True)]
    written = b""
    for number, part in enumerate(parts):
        final = FINAL if number == len(parts) - 1 else 0
        written += framed(final | (CONTINUATION if number else kind), part)
        if not final:
            written += rng.choice(
                (b"", framed(FINAL | PONG, b"unasked"), framed(FINAL | PING, b""))
            )
    return written


def framed(head: int, payload: bytes) -> bytes:
    """A frame that is not masked: a server's."""
    size = len(payload)
    if size < 126:
        return bytes([head, size]) + payload
    if size < 1 << 16:
        return bytes([head, 126]) + size.to_bytes(2, "big") + payload
    return bytes([head, 127]) + size.to_bytes(8, "big") + payload


def _with_reason(payload: bytes) -> bytes:
    """A close with the longest of reasons; one without a code stays so."""
    return payload[:2] + "…".encode() * (LONGEST_REASON // 3) if payload else payload


async def _read_frame(reader: asyncio.StreamReader) -> Frame:
    head, size = await reader.readexactly(2)
    if size >= 126:
        size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8), "big")
    return bool(head & FINAL), head & 0x0F, await reader.readexactly(size)
