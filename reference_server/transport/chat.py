"""The realtime channel where it does not come through the fast lane, and without an upgrade (§6).

An upgrade on a reused connection or over HTTP/2 is Hypercorn's; the same session runs over it, only slower.
"""

from __future__ import annotations

import math

from quart import Blueprint, Response, request, websocket
from websockets.frames import Opcode

from ..core import errors
from ..core.errors import ApiError
from ..hub import Closing, Item, Outgoing, Subscriber
from ..service import Service
from . import handshake
from .answers import refusal
from .crowds import join_chat
from .session import Session


def chat(service: Service) -> Blueprint:
    """The channel's one path."""
    routes = Blueprint("chat", __name__)

    @routes.get(handshake.CHAT_PATH)
    async def no_upgrade() -> Response:
        await handshake.admit(
            service,
            request.headers.get("Authorization"),
            (),
            request.args.get("encoding"),
        )
        raise errors.UpgradeRequired

    @routes.websocket(handshake.CHAT_PATH)
    async def upgraded() -> Response | None:
        offered = websocket.requested_subprotocols
        try:
            admission = await handshake.admit(
                service,
                websocket.headers.get("Authorization"),
                offered,
                websocket.args.get("encoding"),
            )
            join_chat()
        except ApiError as error:
            # Hypercorn cannot serve a further request on a connection that asked for an upgrade.
            return refusal(error, {"Connection": "close"})
        await websocket.accept(subprotocol=handshake.select(offered))
        session = Session(service, *admission)
        await session.run(QuartChannel(session.subscriber))
        return None

    return routes


class QuartChannel:
    """A `session.Channel` on the current Quart WebSocket. Hypercorn does the pings and sees the pongs."""

    def __init__(self, subscriber: Subscriber) -> None:
        subscriber.heard = math.inf

    async def receive(self) -> list[str | bytes] | None:
        """The next message; Quart cancels the session when there will be none."""
        message = await websocket.receive()
        return [b"" if message is None else message]  # Quart's word for an empty binary message

    async def send(self, batch: list[Item]) -> None:
        """Write frames one after the other."""
        for item in batch:
            if isinstance(item, Outgoing):
                text = item.opcode is Opcode.TEXT
                await websocket.send(item.payload.decode() if text else item.payload)

    async def close(self, closing: Closing) -> None:
        """Write a close frame."""
        if closing.code is not None:
            await websocket.close(closing.code, closing.reason)
