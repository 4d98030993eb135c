"""Admitting a device to the realtime channel: the checks before the upgrade (§6, RT-1).

Both transports ask here, so they refuse alike: 401 first, then the encoding, then the missing upgrade.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ..core import errors
from ..core.model import Identity
from ..hub import Encoding
from ..service import Service
from . import exchange

CHAT_PATH = "/v1.0/chat"
SUBPROTOCOL = "messenger.v1"
_BEARER_SUBPROTOCOL = "bearer."
ENCODINGS: dict[str, Encoding] = {"text": "text", "msgpack": "msgpack"}


class Admission(NamedTuple):
    """Who may open the channel, and what is to be spoken on it."""

    identity: Identity
    encoding: Encoding


def bearer(authorization: str | None) -> str | None:
    """The token of an `Authorization: Bearer …` header; None when there is none of that form."""
    scheme, _, token = (authorization or "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


async def authenticate(
    service: Service, authorization: str | None, offered: Iterable[str] = ()
) -> Identity:
    """Who asks: by header, or by a browser's `bearer.…` subprotocol. Raises `Unauthorized`."""
    token = bearer(authorization)
    if token is None:
        for subprotocol in offered:
            if subprotocol.startswith(_BEARER_SUBPROTOCOL):
                token = subprotocol.removeprefix(_BEARER_SUBPROTOCOL)
    if token is None:
        raise errors.Unauthorized
    identity = await service.accounts.identify(token)
    if (asked := exchange.current()) is not None:
        asked.user_id = identity.user_id
    return identity


async def admit(
    service: Service, authorization: str | None, offered: Iterable[str], encoding: str | None
) -> Admission:
    """Who may open the channel, and in which encoding (none asked for: text).

    Raises the refusal to answer instead of the upgrade.
    """
    identity = await authenticate(service, authorization, offered)
    service.rates.spend("requests", identity.user_id)
    chosen = ENCODINGS.get("text" if encoding is None else encoding)
    if chosen is None:
        raise errors.InvalidEncoding(f"This server offers the encodings {', '.join(ENCODINGS)}.")
    return Admission(identity, chosen)


def select(offered: Iterable[str]) -> str | None:
    """The subprotocol to answer with: ours if it was offered."""
    return SUBPROTOCOL if SUBPROTOCOL in offered else None
