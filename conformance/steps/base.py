"""What every verb has in hand, and the small change between arguments and what adapters take."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from msgspec import UNSET, Struct

from ..adapters.base import Connection
from ..cast import Device
from ..crypto import Address
from ..findings import NotShown, ScenarioFault
from ..values import describe, resolve

Json = Any
Arguments = TypeVar("Arguments")

LARGEST = 256 * 1024 * 1024
"""The most that is made up to be sent at once, in bytes or code points. It is held in memory, and a target may
advertise limits that no machine holds: going beyond those is not tried."""

Verb = Callable[[Device, Any], Awaitable[Json]]
"""Perform the verb as a device, with its resolved arguments; answer what may be saved."""


def resolved(arguments: Arguments, scope: Mapping[str, Json]) -> Arguments:
    """A verb's arguments with every reference replaced."""
    if not isinstance(arguments, Struct):
        answer: Arguments = resolve(arguments, scope)
        return answer
    fields = {
        name: resolve(getattr(arguments, name), scope) for name in arguments.__struct_fields__
    }
    return type(arguments)(**fields)


def optional(value: Json) -> Json:
    """The value of an optional argument, None if it was left out."""
    return None if value is UNSET else value


def size_of(value: Json, what: str, least: int = 0) -> int:
    """How much is to be made up and sent, in bytes or code points, the argument `what`.

    Raises `ScenarioFault` for what is no such number, `NotShown` for more than `LARGEST`.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        from_least = f" from {least}" if least else ""
        raise ScenarioFault(
            f"`{what}` is a whole number{from_least}, and this is {describe(value)}"
        )
    if value > LARGEST:
        raise NotShown(f"a `{what}` of {value} is more than msgcheck sends at once ({LARGEST})")
    return value


def id_of(value: Json, member: str) -> str:
    """The id in a saved object (``$chat`` for its `conversation_id`), or the id itself."""
    found = value.get(member) if isinstance(value, Mapping) else value
    if not isinstance(found, str):
        raise ScenarioFault(f"a `{member}` is needed here, and this is {describe(value)}")
    return found


def user_in(value: Json) -> Json:
    """The user id of an actor; anything else as it is, for the target to refuse."""
    return value.get("user_id", value) if isinstance(value, Mapping) else value


def address_of(value: Json) -> Address:
    """The device that is spoken of: ``$bob.phone``, ``$bob`` for his only one, or the two ids."""
    if isinstance(value, Mapping) and "device_id" not in value:
        devices = [each for each in value.values() if isinstance(each, Mapping)]
        if len(devices) == 1:
            value = devices[0]
    return Address(id_of(value, "user_id"), id_of(value, "device_id"))


def line_of(device: Device) -> Connection:
    """The connection of a device, open or not any more."""
    connection = device.client.connection
    if connection is None:
        raise ScenarioFault(f"{device.lane} has no connection: let it `connect` first")
    return connection
