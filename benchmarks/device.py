"""A connected device on the sans-IO WebSocket client, without any checking of its own.

It is made for load: it reads what has arrived and hands on all frames of it, it writes what was put in one
go, and answers the server's pings as it reads.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
import trio
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.uri import parse_uri

RECEIVE_BYTES = 65_536
MAX_FRAME_BYTES = 4_194_304
DATA = (Opcode.TEXT, Opcode.BINARY)

Encoding = Literal["text", "msgpack"]


class Refused(Exception):
    """The handshake was answered with another status than 101, or not at all (0)."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the handshake was answered with {status}")
        self.status = status


class Device:
    """One realtime connection; `stream` may be closed to cut it."""

    def __init__(
        self, stream: trio.SocketStream, protocol: ClientProtocol, encoding: Encoding
    ) -> None:
        self.stream = stream
        self._protocol = protocol
        self._packs = encoding == "msgpack"

    @classmethod
    async def connect(
        cls,
        url: str,
        token: str,
        *,
        encoding: Encoding = "text",
        stream: trio.SocketStream | None = None,
        replayed: list[int] | None = None,
    ) -> Device:
        """Connect, on `stream` if there is one already, and read up to `replay_complete`.

        The seqs of the backlog are appended to `replayed`.
        Raises `Refused`, and `OSError` when there is no connection.
        """
        address = url.removeprefix("http://")
        host, _, port = address.rpartition(":")
        uri = parse_uri(f"ws://{address}/v1.0/chat?encoding={encoding}")
        protocol = ClientProtocol(uri, max_size=MAX_FRAME_BYTES)
        request = protocol.connect()
        request.headers["Authorization"] = f"Bearer {token}"
        protocol.send_request(request)
        device = cls(stream or await trio.open_tcp_stream(host, int(port)), protocol, encoding)
        try:
            await device.flush()
            await device._catch_up([] if replayed is None else replayed)
        except BaseException:
            await trio.aclose_forcefully(device.stream)
            raise
        return device

    async def _catch_up(self, replayed: list[int]) -> None:
        while True:
            for frame in await self.receive():
                if frame["type"] == "message":
                    replayed.append(frame["message"]["seq"])
                elif frame["type"] == "replay_complete":
                    return

    def put(self, frame: dict[str, Any]) -> None:
        """Queue a frame for the next `flush`."""
        if self._packs:
            self._protocol.send_binary(msgspec.msgpack.encode(frame))
        else:
            self._protocol.send_text(msgspec.json.encode(frame))

    async def flush(self) -> None:
        """Write what was put."""
        if data := b"".join(self._protocol.data_to_send()):
            await self.stream.send_all(data)

    async def receive(self) -> list[dict[str, Any]]:
        """The frames that have arrived, after waiting for something.

        Raises `Refused` if the handshake was, and `trio.BrokenResourceError` at the end.
        """
        data = await self.stream.receive_some(RECEIVE_BYTES)
        if data:
            self._protocol.receive_data(data)
        else:
            self._protocol.receive_eof()
        frames = []
        for event in self._protocol.events_received():
            if isinstance(event, Frame) and event.opcode in DATA:
                frames.append(self._decode(event.data))
            elif isinstance(event, Response) and event.status_code != 101:
                raise Refused(event.status_code)
        if not data:
            if self._protocol.handshake_exc is not None:
                raise Refused(0)
            raise trio.BrokenResourceError("the server closed the connection")
        await self.flush()  # the protocol answers pings by itself
        return frames

    def _decode(self, data: bytes | bytearray | memoryview) -> dict[str, Any]:
        decode = msgspec.msgpack.decode if self._packs else msgspec.json.decode
        frame: dict[str, Any] = decode(data)
        return frame

    async def aclose(self) -> None:
        """Cut the connection."""
        await self.stream.aclose()
