"""HTTP on a connection: Hypercorn's protocol, on a stream of ours.

Hypercorn keeps its protocols apart from I/O; only the runner under them is replaced. Its own starts and
ends a task for each request, which times how long the connection is idle, and sends the head of an answer
apart from its body. Here being idle is a deadline of whoever reads, and the two go out together.

The runner also bounds what Hypercorn leaves open: an answer that its peer does not take, and a
connection that is closed while its peer still sends. It would be reset, and what the peer has not read lost.
"""

from __future__ import annotations

from contextlib import suppress
from math import inf

import h11
import trio
from hypercorn.config import Config
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.protocol import ProtocolWrapper
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.trio.task_group import TaskGroup
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import AppWrapper, ConnectionState, H11SendableEvent
from hypercorn.utils import parse_socket_addr

from .eager import EagerStream
from .streams import Stream, closing

LINGER_S = 1.0
"""How long a peer may take to notice that it has its last answer, while it still sends."""
STALLED_S = 20.0
"""How long a peer may take nothing of an answer."""
PIECE_BYTES = 65_536

Address = tuple[str, int] | None


class HttpLane:
    """Serves HTTP connections with an application, until it is stopped."""

    def __init__(self, app: AppWrapper, config: Config) -> None:
        self._app = app
        self._config = config
        self._context = WorkerContext(None)
        self._connections: set[_Connection] = set()

    async def __call__(self, stream: Stream, head: bytes) -> None:
        """Serve a connection of which `head` was read, until it is closed."""
        connection = _Connection(stream, self._config.keep_alive_timeout)
        self._connections.add(connection)
        try:
            await connection.run(self._app, self._config, self._context, head)
        finally:
            self._connections.discard(connection)

    async def stop(self) -> None:
        """Close idle connections now, and others when their request is answered."""
        await self._context.terminated.set()
        for connection in self._connections:
            connection.leave_if_idle()


class _Http1(H11Protocol):
    """HTTP/1.1 that sends the head of an answer together with what follows it."""

    _head = b""

    async def _send_h11_event(self, event: H11SendableEvent) -> None:
        try:
            data = self.connection.send(event)
        except h11.LocalProtocolError:
            if self.connection.their_state is not h11.ERROR:
                raise
            return
        if isinstance(event, h11.Response):
            self._head = data
            return
        data, self._head = self._head + data, b""
        if data:
            await self.send(RawData(data))


class _Connection:
    """One connection. Its reader has until a deadline only while it is idle."""

    def __init__(self, stream: Stream, keep_alive_s: float) -> None:
        self._stream = stream
        self._keep_alive_s = keep_alive_s
        self._idle = trio.CancelScope()
        self._one_at_a_time = trio.Lock()
        self._receiving = False
        self._relieved = False
        self._read_over = trio.Event()
        self._closing = False
        self._lingered = trio.Event()

    async def run(
        self, app: AppWrapper, config: Config, context: WorkerContext, head: bytes
    ) -> None:
        """Serve it, from `head` on, until it is closed."""
        try:
            ends = _ends(self._stream)
            async with TaskGroup() as tasks:
                ours = (app, config, context, tasks, ConnectionState({}), *ends, self._send)
                self._protocol = ProtocolWrapper(*ours)
                self._protocol.protocol = _Http1(*ours)  # Hypercorn changes to HTTP/2 by itself
                await self._protocol.initiate()
                self._be_idle()
                with self._idle:
                    await self._read(head)
                self._read_over.set()
                await self._protocol.handle(Closed())
                await self._close()
        finally:
            await self._close()

    def leave_if_idle(self) -> None:
        """Close it if nothing is asked."""
        if self._idle.deadline < inf:
            self._idle.cancel()

    async def _read(self, data: bytes) -> None:
        """Hand on what comes, up to the end, or until who closes the connection reads instead.

        While it is being closed, what comes is dropped.
        """
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            while True:
                if not self._closing:
                    await self._protocol.handle(RawData(data))
                if not data or self._relieved:
                    return
                self._receiving = True
                try:
                    data = bytes(await self._stream.receive_some(PIECE_BYTES))
                finally:
                    self._receiving = False

    async def _send(self, event: Event) -> None:
        """What the protocol has to say (Hypercorn's interface)."""
        if isinstance(event, RawData):
            try:
                async with self._one_at_a_time:
                    await self._write(event.data)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                await self._protocol.handle(Closed())
        elif isinstance(event, Closed):
            await self._close()
            await self._protocol.handle(Closed())
        elif isinstance(event, Updated):
            if event.idle:
                self._be_idle()
            else:
                self._idle.deadline = inf

    async def _write(self, data: bytes) -> None:
        """Write all of it, whatever becomes of who has written it; cut a peer that takes nothing."""
        view = memoryview(data)
        for start in range(0, len(view), PIECE_BYTES):
            with trio.move_on_after(STALLED_S, shield=True) as patience:
                await self._stream.send_all(view[start : start + PIECE_BYTES])
            if patience.cancelled_caught:
                await trio.aclose_forcefully(self._stream)  # whoever reads from it shall notice
                raise trio.BrokenResourceError("the peer does not read")

    def _be_idle(self) -> None:
        self._idle.deadline = trio.current_time() + self._keep_alive_s

    async def _close(self) -> None:
        """Let the peer read the last answer to its end, then close. Whoever comes later waits for that."""
        if self._closing:
            await self._lingered.wait()
        else:
            self._closing = True
            try:
                with trio.move_on_after(LINGER_S):
                    await self._linger()
            finally:
                self._lingered.set()
        async with closing(self._stream):
            pass

    async def _linger(self) -> None:
        """Read to the end, as the one who reads: the reader if it is at it, else this task."""
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            if isinstance(self._stream, EagerStream):  # TLS cannot half-close
                await self._stream.send_eof()
            if self._receiving:
                await self._read_over.wait()
                return
            self._relieved = True
            while await self._stream.receive_some():
                pass


def _ends(stream: Stream) -> tuple[bool, Address, Address]:
    """Whether TLS is between them, and the client's and our own address. Raises `trio.BrokenResourceError`."""
    plain = stream if isinstance(stream, EagerStream) else stream.transport_stream
    family = plain.socket.family
    try:
        client, server = plain.socket.getpeername(), plain.socket.getsockname()
    except OSError as error:  # it is gone already
        raise trio.BrokenResourceError(str(error)) from error
    return plain is not stream, parse_socket_addr(family, client), parse_socket_addr(family, server)
