"""Verbs of the realtime connection: opening it, ending it, and treating it badly."""

from __future__ import annotations

from typing import Any

from ..cast import Device
from ..language.realtime import Connect, Disconnect, Drop, Freeze, Reconnect, Thaw
from .base import Verb, line_of, optional

Json = Any


async def connect(device: Device, args: Connect) -> Json:
    """Open a connection; the inbox is that one's from now on."""
    return await device.client.connect(
        auth=args.auth, wait=args.wait, token=optional(args.token), encoding=args.encoding
    )


async def reconnect(device: Device, args: Reconnect) -> Json:
    """Cut what is left of the connection, and open another."""
    if device.client.connection is not None:
        await device.client.connection.cut()
    return await device.client.connect(auth="header", wait=args.wait, encoding=args.encoding)


async def disconnect(device: Device, _args: Disconnect) -> None:
    """Close politely."""
    await line_of(device).close()


async def drop(device: Device, _args: Drop) -> None:
    """Cut the TCP connection."""
    await line_of(device).cut()


async def freeze(device: Device, _args: Freeze) -> None:
    """Stop reading."""
    line_of(device).freeze()


async def thaw(device: Device, _args: Thaw) -> None:
    """Read what has gathered."""
    await line_of(device).thaw()


REALTIME: dict[str, Verb] = {
    "connect": connect,
    "reconnect": reconnect,
    "disconnect": disconnect,
    "drop": drop,
    "freeze": freeze,
    "thaw": thaw,
}
