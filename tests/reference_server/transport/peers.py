"""The other end of a realtime connection, the same for every lane that carries one.

`memory` runs the session on a channel of this process: no bytes, no sockets. `fast lane` and `reused
connection` speak WebSocket to a server on loopback: the first request of a connection goes to the
sans-IO channel, an upgrade after another request to the Quart route.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any, NamedTuple, Protocol

import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, wrap_client_stream

from reference_server.hub import Closing, Item, Outgoing
from reference_server.service import Service
from reference_server.transport.handshake import CHAT_PATH
from reference_server.transport.session import Session

from ..people import Person, all_committed
from ..running import Running

PATIENCE_S = 30
"""For what must come; nothing is judged by how long it took."""

Frame = dict[str, Any]


class Peer(Protocol):
    """A client's end."""

    async def says(self, *frames: object) -> None:
        """Send each as a message: bytes as binary, str as it is, anything else as JSON."""

    async def next(self) -> Frame:
        """The next frame."""

    async def ended(self) -> int | None:
        """The code that the server closed with, once it has; frames that still come are dropped."""


Connect = Callable[[Person], AbstractAsyncContextManager[Peer]]


class Lane(NamedTuple):
    """A service and a way to connect to it."""

    service: Service
    connect: Connect


class MemoryPeer:
    """Both ends of a channel: a `session.Channel` for the server, a `Peer` for the test."""

    def __init__(self) -> None:
        self._to_server, self._from_peer = trio.open_memory_channel[list[str | bytes]](1_000)
        self._to_peer, self._from_server = trio.open_memory_channel[Frame](100_000)
        self._reading = trio.Event()
        self._reading.set()
        self._closed = trio.Event()
        self.closing: Closing | None = None

    # the server's end

    async def receive(self) -> list[str | bytes] | None:
        """What the peer said; None when it left."""
        try:
            return await self._from_peer.receive()
        except trio.EndOfChannel:
            return None

    async def send(self, batch: list[Item]) -> None:
        """To the peer, when it reads."""
        await self._reading.wait()
        for item in batch:
            if isinstance(item, Outgoing):
                self._to_peer.send_nowait(json.loads(item.payload))

    async def close(self, closing: Closing) -> None:
        """The peer answers a close by leaving."""
        self.closing = closing
        self._to_server.close()

    # the peer's end

    async def says(self, *frames: object) -> None:
        """All in one read of the server's."""
        await self._to_server.send([as_message(frame) for frame in frames])

    async def next(self) -> Frame:
        """The next frame."""
        with trio.fail_after(PATIENCE_S):
            return await self._from_server.receive()

    async def ended(self) -> int | None:
        """The code, once the session is over."""
        with trio.fail_after(PATIENCE_S):
            await self._closed.wait()
        return None if self.closing is None else self.closing.code

    def stalls(self) -> None:
        """Read nothing more."""
        self._reading = trio.Event()

    def reads_again(self) -> None:
        """Read on, after `stalls`."""
        self._reading.set()

    def leaves(self) -> None:
        """Go without a word."""
        self._to_server.close()

    def over(self) -> None:
        """The session has ended."""
        self._to_peer.close()
        self._closed.set()


class WirePeer:
    """A WebSocket client."""

    def __init__(self, websocket: WebSocketConnection) -> None:
        self._websocket = websocket

    async def says(self, *frames: object) -> None:
        """One after the other."""
        for frame in frames:
            await self._websocket.send_message(as_message(frame))

    async def next(self) -> Frame:
        """The next frame."""
        with trio.fail_after(PATIENCE_S):
            frame: Frame = json.loads(await self._websocket.get_message())
            return frame

    async def ended(self) -> int | None:
        """The code of the close frame."""
        try:
            while True:
                await self.next()
        except ConnectionClosed as closed:
            return None if closed.reason is None else closed.reason.code


def as_message(frame: object) -> str | bytes:
    """A frame as what a WebSocket message carries."""
    return frame if isinstance(frame, str | bytes) else json.dumps(frame)


def in_memory(
    service: Service,
) -> Callable[[Person], AbstractAsyncContextManager[MemoryPeer]]:
    """Sessions on channels of this process."""

    @asynccontextmanager
    async def connect(person: Person) -> AsyncIterator[MemoryPeer]:
        peer = MemoryPeer()

        async def serve() -> None:
            await Session(service, person.identity).run(peer)
            peer.over()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve)
            yield peer
            peer.leaves()

    return connect


async def new_connection(running: Running) -> trio.SocketStream:
    """Nothing was asked on it before."""
    return await running.connect()


async def reused_connection(running: Running) -> trio.SocketStream:
    """A request was answered on it before."""
    stream = await running.connect()
    await stream.send_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    answer = b""
    while not answer.endswith(b"}"):
        answer += await stream.receive_some()
    return stream


def over(
    running: Running, connection: Callable[[Running], Awaitable[trio.SocketStream]]
) -> Connect:
    """WebSockets to a server on loopback."""

    @asynccontextmanager
    async def connect(person: Person) -> AsyncIterator[WirePeer]:
        headers = [(name.encode(), value.encode()) for name, value in person.authorization.items()]
        async with await connection(running) as stream, trio.open_nursery() as nursery:
            websocket = await wrap_client_stream(
                nursery, stream, "localhost", CHAT_PATH, extra_headers=headers
            )
            yield WirePeer(websocket)
            await websocket.aclose()

    return connect


# What peers do.


async def hears(peer: Peer, kind: str) -> Frame:
    """The next frame, which must be of this type."""
    frame = await peer.next()
    assert frame["type"] == kind, f"expected {kind}, got {frame}"
    return frame


async def online(peer: Peer) -> list[Frame]:
    """Read up to `replay_complete`; the messages of the backlog."""
    await hears(peer, "welcome")
    messages: list[Frame] = []
    while (frame := await peer.next())["type"] != "replay_complete":
        if frame["type"] == "message":
            messages.append(frame["message"])
    assert frame["count"] == len(messages)
    return messages


async def live(lane: Lane, stack: AsyncExitStack, *people: Person) -> list[Peer]:
    """Connected, with the backlog read."""
    peers = [await stack.enter_async_context(lane.connect(person)) for person in people]
    for peer in peers:
        await online(peer)
    return peers


async def rest(service: Service, *peers: Peer) -> list[list[Frame]]:
    """All that is still to come to each of the peers, given what all of them have said.

    When each has its pong, everything said before has been taken; when the writer has done what it then
    had, everything that follows from it has been published; behind that comes the second pong.
    """
    for peer in peers:
        await peer.says({"type": "ping", "id": "taken"})
    heard = [await _up_to_pong(peer, "taken") for peer in peers]
    await all_committed(service)
    for peer in peers:
        await peer.says({"type": "ping", "id": "published"})
    return [
        frames + await _up_to_pong(peer, "published")
        for frames, peer in zip(heard, peers, strict=True)
    ]


async def _up_to_pong(peer: Peer, ping: str) -> list[Frame]:
    frames: list[Frame] = []
    while True:
        frame = await peer.next()
        if frame["type"] == "pong" and frame["id"] == ping:
            return frames
        frames.append(frame)


def send(conversation_id: str, text: str, **others: object) -> Frame:
    """A `send` of a text, which is its id and its client_message_id as well."""
    return {
        "type": "send",
        "id": text,
        "conversation_id": conversation_id,
        "client_message_id": text,
        "body": {"kind": "text", "text": text},
    } | others


def texts(frames: list[Frame]) -> list[str]:
    """The texts of the `message` frames among these."""
    return [
        frame["message"]["body"].get("text", frame["message"]["body"].get("event"))
        for frame in frames
        if frame["type"] == "message"
    ]
