"""One listener for everything: it looks at a connection's first request and shows it the way.

An upgrade to the chat channel goes to the fast lane (`socket`); whatever else goes to Hypercorn, with
the bytes read so far put back in front. A later upgrade on a connection that Hypercorn has (a reused
one, HTTP/2) still works: the Quart WebSocket route runs the same session, only slower.

With a certificate every connection begins with TLS, within the same time as the first head.
A failure of either ends that connection and nothing else.

Who has not shown who it is gets little: a time for its first head, a bound on its size (431), and a
place among a bounded crowd, from which the longest-waiting is cut when another comes. So thousands of
connections that say nothing cost as much as the crowd, and an honest client, who speaks at once, gets in.
HTTP is a crowd of the same kind (Hypercorn cuts idle connections itself). An upgrade stays among the
silent until its token has been looked at, because 401 comes before everything; then it moves to the realtime
places (`crowds.join_chat`). There who is connected stays: when all are taken, a newcomer is refused (503).
"""

from __future__ import annotations

import logging
import re
import ssl
from collections.abc import Awaitable, Callable

import trio

from ..core.errors import ApiError, HeadersTooLarge
from ..descriptors import Capacity
from . import problems
from .crowds import Crowd, Place, offer_chat
from .eager import EagerStream
from .handshake import CHAT_PATH
from .streams import Stream, closing

log = logging.getLogger(__name__)

HEAD_BYTES = 32_768
HEAD_TIMEOUT_S = 10.0
LINGER_S = 1.0
"""How long a client may take to read why it is refused, while it still sends."""

Handler = Callable[[Stream, bytes], Awaitable[None]]
_END = b"\r\n\r\n"
_UPGRADE = re.compile(rb"\r\nupgrade:[ \t]*websocket[ \t]*\r\n", re.IGNORECASE)
_CHAT = re.compile(rb"GET " + re.escape(CHAT_PATH.encode()) + rb"(\?\S*)? HTTP/1\.1\r\n")


class FrontDoor:
    """Sorts new connections; `chat` and `http` serve a stream whose first bytes have been read."""

    def __init__(
        self,
        chat: Handler,
        http: Handler,
        places: Capacity,
        tls: ssl.SSLContext | None = None,
        head_timeout_s: float = HEAD_TIMEOUT_S,
    ) -> None:
        self._chat = chat
        self._http = http
        self._tls = tls
        self._head_timeout_s = head_timeout_s
        self._silent = Crowd("silent", places.silent)
        self._http_clients = Crowd("HTTP", places.http)
        self._chatting = Crowd("realtime", places.chat)

    async def __call__(self, connection: EagerStream) -> None:
        """Serve one connection, from its first byte until it is closed."""
        place = Place(connection)
        place.among(self._silent)
        try:
            async with closing(self._secured(connection)) as stream:
                await self._serve(stream, place)
        finally:
            place.give_up()

    async def _serve(self, stream: Stream, place: Place) -> None:
        try:
            with trio.fail_after(self._head_timeout_s):
                head = await _read_head(stream)
            if _end_of(head) > HEAD_BYTES:
                await _refuse(
                    stream, HeadersTooLarge(f"A request head has at most {HEAD_BYTES} bytes.")
                )
            elif _CHAT.match(head) and _UPGRADE.search(head, 0, _end_of(head) + 2):
                offer_chat(place, self._chatting)
                await self._chat(stream, head)
            elif head:
                place.among(self._http_clients)
                offer_chat(place, self._chatting)
                await self._http(stream, head)
        except (trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError):
            pass
        except Exception:  # whatever a peer brings about is the end of its connection alone
            log.exception("a connection failed")

    def _secured(self, connection: EagerStream) -> Stream:
        if self._tls is None:
            return connection
        # The handshake happens with the first read.
        return trio.SSLStream(connection, self._tls, server_side=True, https_compatible=True)

    def cut_all(self) -> None:
        """Close every connection that is still open, whatever it is in the middle of."""
        for crowd in (self._silent, self._http_clients, self._chatting):
            crowd.cut_all()


async def _read_head(stream: Stream) -> bytes:
    """Everything up to the end of the request head, and what came with it; what is not HTTP/1 as it is."""
    head = b""
    while _END not in head and len(head) <= HEAD_BYTES:
        data = await stream.receive_some(HEAD_BYTES)
        if not data:
            break
        head += data
    return head


def _end_of(head: bytes) -> int:
    """Where the head ends, or how long it already is."""
    end = head.find(_END)
    return len(head) if end < 0 else end


async def _refuse(stream: Stream, error: ApiError) -> None:
    """Say why, and let the client read that before the connection closes."""
    body = problems.problem(error)
    fields = (
        f"HTTP/1.1 {error.status} {error.title}",
        f"Content-Type: {problems.MEDIA_TYPE}",
        f"Content-Length: {len(body)}",
        "Connection: close",
    )
    await stream.send_all("\r\n".join((*fields, "", "")).encode() + body)
    if isinstance(stream, EagerStream):
        await stream.send_eof()
    # Closed with something unread, the connection would be reset and the answer lost.
    with trio.move_on_after(LINGER_S):
        while await stream.receive_some(HEAD_BYTES):
            pass
