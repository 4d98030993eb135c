"""Verbs of accounts: users, sessions, devices."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from ..cast import Device
from ..language.accounts import Login, Logout, Register, RemoveDevice
from .base import Verb, id_of, optional, user_in

Json = Any


async def register(device: Device, args: Register) -> Json:
    """Register a user, by default the actor once more."""
    person = device.actor
    own = device.client.user_id
    try:
        return await device.client.register(
            person.user_id if args.user_id is UNSET else user_in(args.user_id),
            person.password if args.password is UNSET else args.password,
            optional(args.display_name),
        )
    finally:
        # The device stays its actor's, whomever it registered.
        device.client.user_id = own


async def login(device: Device, args: Login) -> Json:
    """Log the device in, by default as its actor and as the device that it is."""
    if args == Login():
        return await device.cast.log_in(device)
    person = device.actor
    return await device.client.login(
        person.user_id if args.user_id is UNSET else user_in(args.user_id),
        person.password if args.password is UNSET else args.password,
        device.cast.device_id(device) if args.device_id is UNSET else _device_in(args.device_id),
        optional(args.name),
    )


def _device_in(value: Json) -> Json:
    return value.get("device_id", value) if isinstance(value, dict) else value


async def logout(device: Device, _args: Logout) -> Json:
    """End the device's session."""
    return await device.client.logout()


async def remove_device(device: Device, args: RemoveDevice) -> Json:
    """Remove one of one's own devices."""
    return await device.client.remove_device(id_of(args.device, "device_id"))


async def devices(device: Device, _args: Json) -> Json:
    """List one's own devices."""
    return await device.client.devices()


async def profile(device: Device, args: Json) -> Json:
    """Look a user up."""
    return await device.client.profile(id_of(args, "user_id"))


async def block(device: Device, args: Json) -> Json:
    """Block a user."""
    return await device.client.block(id_of(args, "user_id"))


async def unblock(device: Device, args: Json) -> Json:
    """Take a block back."""
    return await device.client.unblock(id_of(args, "user_id"))


ACCOUNTS: dict[str, Verb] = {
    "register": register,
    "login": login,
    "logout": logout,
    "remove_device": remove_device,
    "devices": devices,
    "profile": profile,
    "block": block,
    "unblock": unblock,
}
