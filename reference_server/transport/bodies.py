"""Request bodies: taken from the connection when somebody wants them, and no faster.

JSON of a few kilobytes is an :class:`AwaitedBody`: the route that asks for it fetches it, so that a request
is one task from its head to its answer. Nobody watches meanwhile whether its client is still there: it runs
to its end, which is near, and what it changes happens whole (docs/decisions/0046).

Under the paths of files, a :class:`StreamedBody` is fed by a task of its own, which also notices a client
that has gone: while more than `HIGH_WATER` waits in it nothing more is read, Hypercorn's queue fills, and
TCP tells the client to wait. The limit of such a body is the route's affair, because only the route knows
who is asking.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import trio
from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable, ASGISendEvent
from quart import Request
from quart_trio.asgi import TrioASGIHTTPConnection
from quart_trio.wrappers.request import TrioBody
from werkzeug.exceptions import HTTPException

from ..core import errors
from ..core.errors import ApiError

HIGH_WATER = 262_144
"""Bytes of a streamed body that may wait in memory."""
PATIENCE_S = 30.0
SLOWEST_BYTES_PER_S = 1_024
"""A body has `PATIENCE_S` to begin and may take a second more for each of these bytes."""
REST_S = 2.0
REST_BYTES = 1_048_576
"""How long and how large the rest of a body may be that a refusal did not wait for."""

STREAMED_PATHS = ("/v1.0/assets", "/v1.0/uploads")


class StreamedBody(TrioBody):
    """A body that waits to be taken."""

    def __init__(self) -> None:
        super().__init__(None, None)
        self._taken = trio.Event()
        self.broken_off = False

    async def __anext__(self) -> bytes:
        try:
            data = await super().__anext__()
        except StopAsyncIteration:
            if self.broken_off:
                raise errors.Malformed("The body broke off.") from None
            raise
        self._taken.set()
        return data

    def break_off(self) -> None:
        """There will be no more, although it is not all; what has come can still be taken."""
        self.broken_off = not self._complete.is_set()
        self.set_complete()

    async def room(self) -> None:
        """Return when there is room for more."""
        while len(self._data) > HIGH_WATER:
            self._taken = trio.Event()
            await self._taken.wait()


class AwaitedBody(TrioBody):
    """A body that is fetched when it is awaited. Raises `Malformed` if it broke off."""

    def __init__(self, receive: ASGIReceiveCallable, request: Request, most: int) -> None:
        super().__init__(request.content_length, most)
        self._receive = receive

    def __await__(self) -> Generator[Any, None, bytes]:
        return self._fetched().__await__()

    async def _fetched(self) -> bytes:
        while self._must_raise is None and not self._complete.is_set():
            message = await self._receive()
            if message["type"] != "http.request":
                raise errors.Malformed("The body broke off.")
            self.append(message["body"])
            if not message["more_body"]:
                self.set_complete()
        if self._must_raise is not None:
            raise self._must_raise
        return bytes(self._data)

    def is_whole(self) -> bool:
        """Whether all of it has come."""
        return self._must_raise is None and self._complete.is_set()


class Connection(TrioASGIHTTPConnection):
    """Quart's side of one request, with the body that its path calls for."""

    _body: StreamedBody

    async def __call__(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Serve the request."""
        if self.scope["path"].startswith(STREAMED_PATHS):
            await self._stream(receive, send)
        else:
            await self._answer(receive, send)

    async def _answer(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        request = self._create_request_from_scope(send)
        body = AwaitedBody(receive, request, self.app.config["MAX_CONTENT_LENGTH"])
        request.body = body
        response = await self.app.handle_request(request)
        if body.is_whole():
            await self._send_response(send, response)
            return
        # What nobody wanted would fill Hypercorn's queue, in which it then could not say that all is over.
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_discard, receive)
            await self._send_response(send, response)
            nursery.cancel_scope.cancel()

    async def _stream(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Where the body breaks off, nobody is there to be answered."""
        request = self._create_request_from_scope(send)
        request.body = self._body = StreamedBody()

        async def answer(event: ASGISendEvent) -> None:
            if not self._body.broken_off:
                # The last event ends the request for Quart, which cancels whoever serves it, while Hypercorn
                # has still to close the connection. Its writes are bounded (`http_lane`).
                with trio.CancelScope(shield=True):
                    await send(event)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._feed, nursery.cancel_scope, receive)
            nursery.start_soon(self.handle_request, nursery, request, answer)

    async def _feed(self, serving: trio.CancelScope, receive: ASGIReceiveCallable) -> None:
        """Feed the streamed body; the end of the connection ends the request.

        Where it ends the body, the request goes on with what has come: that may be worth keeping.
        """
        body = self._body
        while True:
            message = await receive()
            if message["type"] == "http.request":
                body.append(message["body"])
                if not message["more_body"]:
                    body.set_complete()
                await body.room()
            elif message["type"] == "http.disconnect":
                body.break_off()
                if not body.broken_off:
                    serving.cancel()
                return


class Arriving:
    """A request's body in pieces, as they come. Raises `Malformed` for one that hardly comes at all."""

    def __init__(self, request: Request) -> None:
        self._body = request.body
        self._deadline = trio.current_time() + PATIENCE_S

    def __aiter__(self) -> Arriving:
        return self

    async def __anext__(self) -> bytes:
        try:
            with trio.fail_at(self._deadline):
                piece = await anext(self._body)
        except trio.TooSlowError:
            raise errors.Malformed("The body did not arrive in time.") from None
        self._deadline += len(piece) / SLOWEST_BYTES_PER_S
        return piece


async def _discard(receive: ASGIReceiveCallable) -> None:
    while (await receive())["type"] == "http.request":
        pass


async def read_to_the_end(request: Request) -> bool:
    """Read what the client still sends of a body, within bounds; whether that was all."""
    if isinstance(request.body, AwaitedBody) and request.body.is_whole():
        return True
    read = 0
    try:
        with trio.fail_after(REST_S):
            if not isinstance(request.body, StreamedBody):
                await request.get_data()
                return True
            async for piece in request.body:
                read += len(piece)
                if read > REST_BYTES:
                    return False
    except (HTTPException, ApiError, trio.TooSlowError):
        return False
    return True
