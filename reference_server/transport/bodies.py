"""Large request bodies: handed on as they arrive, and no faster than they are taken.

Quart keeps a body in memory until somebody wants it, which suits JSON of a few kilobytes. Under the
paths that take files, a :class:`StreamedBody` stands in its place: while more than `HIGH_WATER` waits
in it nothing more is read, Hypercorn's queue fills, and TCP tells the client to wait. The limit of
such a body is the route's affair, because only the route knows who is asking.
"""

from __future__ import annotations

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


class Connection(TrioASGIHTTPConnection):
    """Quart's side of one request, with a `StreamedBody` where files are taken."""

    _body: StreamedBody | None = None

    async def __call__(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Serve the request; where its body broke off, nobody is there to be answered."""

        async def answer(event: ASGISendEvent) -> None:
            if self._body is None or not self._body.broken_off:
                await send(event)

        await super().__call__(receive, answer)

    def _create_request_from_scope(self, send: ASGISendCallable) -> Request:
        request = super()._create_request_from_scope(send)
        if request.path.startswith(STREAMED_PATHS):
            request.body = self._body = StreamedBody()
        return request

    async def handle_messages(  # type: ignore[override]  # quart-trio's own deviation from Quart
        self, nursery: trio.Nursery, request: Request, receive: ASGIReceiveCallable
    ) -> None:
        """Feed the body; the end of the connection ends the request.

        Where it ends a streamed body, the request goes on with what has come: that may be worth keeping.
        """
        body = self._body
        if body is None:
            await super().handle_messages(nursery, request, receive)
            return
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
                    nursery.cancel_scope.cancel()
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


async def read_to_the_end(request: Request) -> bool:
    """Read what the client still sends of a body, within bounds; whether that was all."""
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
