"""What the verbs of accounts take: users, sessions, devices."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from .nodes import Node, Value


class Register(Node, frozen=True):
    """Register a user. Default: the actor of ``as``, who exists already."""

    user_id: Value | UnsetType = UNSET
    password: Value | UnsetType = UNSET
    display_name: Value | UnsetType = UNSET


class Login(Node, frozen=True):
    """Log this device in (again). Saves ``{token, user_id, device_id, expires_at}``."""

    user_id: Value | UnsetType = UNSET
    """Default: the actor's own."""
    password: Value | UnsetType = UNSET
    device_id: Value | UnsetType = UNSET
    """Default: the device's own, or a new one at its first login."""
    name: Value | UnsetType = UNSET


class Logout(Node, frozen=True):
    """End this device's session."""


class RemoveDevice(Node, frozen=True):
    """Remove one of one's own devices."""

    device: Value
    """A device (``$bob.laptop``) or a device id."""
