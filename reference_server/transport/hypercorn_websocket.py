"""Hypercorn's side of a WebSocket, with a close frame for what a peer gets wrong.

Where wsproto cannot parse what came (invalid UTF-8, reserved bits, an unknown opcode), Hypercorn drops the
connection without a word, and it counts the length of a text in characters. §6 and RFC 6455 want a
close frame with a code, and the limit is one of bytes. And its pings outlive the connection: the task
that sends them sleeps on to the next one, and with it the connection keeps its place among the others,
and holds up a server that stops. So its stream is replaced by this one, in the one module that makes
them: there is no other way in.
"""

from __future__ import annotations

from typing import Any

import trio
from hypercorn.protocol import h11
from hypercorn.protocol.events import Event as StreamEvent
from hypercorn.protocol.events import StreamClosed
from hypercorn.protocol.ws_stream import WSStream
from wsproto.connection import ConnectionState
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, TextMessage
from wsproto.frame_protocol import CloseReason


class WebSocketStream(WSStream):
    """A WebSocket that ends as it should."""

    _length = 0

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._pinging = trio.CancelScope()

    async def handle(self, event: StreamEvent) -> None:
        """Take what the connection says; when it says that it is over, so are the pings."""
        if isinstance(event, StreamClosed):
            self._pinging.cancel()
        await super().handle(event)

    async def _send_pings(self) -> None:
        with self._pinging:
            await super()._send_pings()

    async def _handle_events(self) -> None:
        for event in self.connection.events():
            closing = self._fault(event)
            if closing is not None:
                await self._send_wsproto_event(closing)
                await self.send(StreamClosed(stream_id=self.stream_id))
                return
            await self._handle_event(event)

    def _fault(self, event: Event) -> CloseConnection | None:
        """What to close with if the peer has broken the rules, or the limit."""
        if isinstance(event, CloseConnection) and self.connection.state is ConnectionState.OPEN:
            return CloseConnection(code=event.code)  # wsproto's word for what it cannot parse
        if isinstance(event, TextMessage | BytesMessage):
            data = event.data.encode() if isinstance(event, TextMessage) else event.data
            self._length += len(data)
            if self._length > self.config.websocket_max_message_size:
                return CloseConnection(code=CloseReason.MESSAGE_TOO_BIG)
        return None

    async def _handle_event(self, event: Event) -> None:
        if isinstance(event, TextMessage | BytesMessage):
            self.buffer.extend(event)
            if event.message_finished:
                assert self.app_put is not None
                await self.app_put(self.buffer.to_message())
                self.buffer.clear()
                self._length = 0
        elif isinstance(event, Ping):
            await self._send_wsproto_event(event.response())
        elif isinstance(event, CloseConnection):
            if self.connection.state is ConnectionState.REMOTE_CLOSING:
                await self._send_wsproto_event(event.response())
            await self.send(StreamClosed(stream_id=self.stream_id))


def install() -> None:
    """Let Hypercorn use it."""
    h11.WSStream = WebSocketStream  # type: ignore[attr-defined]  # there is no other way in
