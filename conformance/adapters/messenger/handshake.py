"""From a device and its token to an open channel, or to the server's refusal.

A connection is one task of the session's nursery: dial, shake hands, pump, hang up. The handshake's
outcome goes to whoever asked for the connection, everything later goes into the channel.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from http.client import HTTPException, HTTPResponse
from io import BytesIO
from typing import Any, Literal, cast
from urllib.parse import SplitResult

import h11
import trio
from msgspec import Struct
from trio_websocket import ConnectionRejected, WebSocketConnection, wrap_client_stream
from wsproto.utilities import ProtocolError

from ...patience import Patience
from ..base import CUT, Impatient, Json, Refusal, Unanswered
from .channel import Channel
from .dialling import authority, dial
from .jsontext import NotJson, parse
from .rest import SCENARIO_HEADER, header_safe, reason_of, refusal_of
from .wire import WireStream

PROTOCOL = "messenger.v1"
CHAT_PATH = "/v1.0/chat?encoding="
MAX_MESSAGE = 16 * 1024 * 1024
"""Bytes of one message that the suite takes in; far above what any frame needs."""
RECEIVE = 64 * 1024

Auth = Literal["header", "subprotocol"]


class Doorway(Struct, frozen=True, kw_only=True):
    """Where connections of one session go, and how long they may take."""

    address: SplitResult
    tls: ssl.SSLContext | None
    scenario: str
    patience: Patience

    async def keep_open(
        self,
        auth: Auth,
        token: str,
        encoding: str,
        make: Callable[[WireStream, WebSocketConnection], Channel],
        *,
        task_status: trio.TaskStatus[Channel] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Be the life of one connection; hands over the `Channel` once it is open.

        Raises, before that, `Refusal` if the server refuses the upgrade, else `Unanswered`.
        """
        channel: Channel | None = None
        refusal: Refusal | None = None
        stream = await self._dialled()
        limit = trio.CancelScope(deadline=trio.current_time() + self.patience.seconds)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_give_up, limit, stream, nursery.cancel_scope)
                socket = await self._shake_hands(nursery, stream, auth, token, encoding)
                stream.forget_head()
                channel = make(stream, socket)
                task_status.started(channel)
                await channel.pump()
                await channel.farewell()
                nursery.cancel_scope.cancel()
        except* ConnectionRejected as group:
            refusal = _refusal_in(group)
        except* (ProtocolError, h11.ProtocolError):
            pass  # the server broke HTTP or WebSocket: the library has given the connection up
        finally:
            await stream.aclose()
            if channel is not None:
                channel.end(CUT)
        if channel is None:
            if limit.cancelled_caught:
                raise Impatient(f"no handshake within {self.patience.seconds:g} s")
            raise (
                refusal
                or _refusal_from(stream.head)
                or Unanswered("the connection ended during the handshake")
            )

    async def _dialled(self) -> WireStream:
        what = f"{self.address.hostname} for a WebSocket"
        with trio.move_on_after(self.patience.seconds):
            try:
                return WireStream(await dial(self.address, self.tls))
            except OSError as error:
                raise Unanswered(f"could not connect to {what}: {reason_of(error)}") from error
        raise Impatient(f"could not connect to {what} within {self.patience.seconds:g} s")

    async def _shake_hands(
        self, nursery: trio.Nursery, stream: WireStream, auth: Auth, token: str, encoding: str
    ) -> WebSocketConnection:
        headers = [(SCENARIO_HEADER.encode(), header_safe(self.scenario).encode())]
        subprotocols = [PROTOCOL]
        if not token:
            pass  # a device that is not logged in presents none
        elif auth == "header":
            headers.append((b"Authorization", f"Bearer {token}".encode()))
        else:
            subprotocols.append(f"bearer.{token}")
        return await wrap_client_stream(
            nursery,
            cast("trio.SocketStream", stream),  # it takes any stream; its signature is narrower
            authority(self.address),
            self.address.path.rstrip("/") + CHAT_PATH + encoding,
            subprotocols=subprotocols,
            extra_headers=headers,
            max_message_size=MAX_MESSAGE,
            receive_buffer_size=RECEIVE,
        )


async def _give_up(
    limit: trio.CancelScope, stream: WireStream, connection: trio.CancelScope
) -> None:
    """End a handshake that cannot succeed any more: the library would wait for ever."""
    with limit:
        await stream.ended.wait()
    if stream.shaking_hands:
        connection.cancel()


def _refusal_in(group: ExceptionGroup[ConnectionRejected]) -> Refusal:
    rejected = group.exceptions[0]
    assert isinstance(rejected, ConnectionRejected)
    headers = {name.decode().lower(): value.decode("latin-1") for name, value in rejected.headers}
    return _refusal(rejected.status_code, headers.get("content-type", ""), rejected.body or b"")


def _refusal_from(head: bytes) -> Refusal | None:
    """The refusal in an answer whose body ends with the connection, which the library drops."""
    response = HTTPResponse(cast("Any", _Buffered(head)))
    try:
        response.begin()
        body = response.read()
    except (HTTPException, OSError, ValueError):
        return None
    if response.status < 300:
        return None
    return _refusal(response.status, response.getheader("content-type") or "", body)


class _Buffered:
    """What `HTTPResponse` needs of a socket."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, mode: str) -> BytesIO:
        del mode
        return BytesIO(self._data)


def _refusal(status: int, content_type: str, body: bytes) -> Refusal:
    problem: Json
    try:
        problem = parse(body)
    except NotJson:
        problem = None
    return refusal_of(status, content_type.partition(";")[0].strip().lower(), problem)
