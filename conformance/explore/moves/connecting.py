"""Connections and sessions: opening, ending and mistreating them; logging out, in, and removing devices."""

from __future__ import annotations

from random import Random
from typing import Final

from ..plan import Move
from ..world import Device, World
from .base import Draw, Kind, Step, pick, settled, usable


def _simple(kind: str, *hows: str, connected: bool | None) -> Draw:
    """A draw of a device, with one of the variants, that is connected or is not; None: either."""

    def draw(world: World, random: Random, label: str) -> Move | None:
        devices = [e for e in usable(world) if connected is None or e.connected is connected]
        device = pick(random, devices)
        if device is None:
            return None
        how = random.choice(hows or ("",))
        if how == "msgpack" and "encoding.msgpack" not in world.capabilities:
            how = ""
        return Move(kind=kind, label=label, by=device.name, how=how)

    return draw


def _opening(how: str) -> dict[str, str]:
    return {"": {}, "msgpack": {"encoding": "msgpack"}, "subprotocol": {"auth": "subprotocol"}}[how]


def _write_connect(world: World, move: Move) -> list[Step] | None:
    device = world.devices[move.by]
    if device.connected or not device.logged_in:
        return None
    device.connected = True
    return [{"as": move.by, "connect": _opening(move.how)}]


def _write_reconnect(world: World, move: Move) -> list[Step] | None:
    device = world.devices[move.by]
    if not device.logged_in:
        return None
    world.line_ends(device)
    device.connected = True
    return [{"as": move.by, "reconnect": _opening(move.how)}]


def _write_leave(world: World, move: Move) -> list[Step] | None:
    """`disconnect` politely, or `drop` the line."""
    device = world.devices[move.by]
    if not device.speaks:
        return None
    world.line_ends(device)
    return [{"as": move.by, move.how: {}}]


def _write_stall(world: World, move: Move) -> list[Step] | None:
    """Stop reading, or read on if it has."""
    device = world.devices[move.by]
    if not device.connected:
        return None
    device.frozen = not device.frozen
    if device.frozen:
        # What it said may not have been taken in, and no barrier can ask it from now on.
        return [*settled(world), {"as": move.by, "freeze": {}}]
    return [{"as": move.by, "thaw": {}}]


def _write_barrier(world: World, _move: Move) -> list[Step] | None:
    world.unsettled = False
    return [{"barrier": {}}]


# ── sessions ──────────────────────────────────────────────────────────────────────────────────


def _draw_logout(world: World, random: Random, label: str) -> Move | None:
    device = pick(random, usable(world))
    how = random.choice(("", "remove"))
    if device is None:
        return None
    target = pick(random, world.devices_of(device.user)) if how == "remove" else None
    if how == "remove" and (target is None or target is device):
        return None
    return Move(
        kind="logout", label=label, by=device.name, how=how, target=target.name if target else ""
    )


def _write_logout(world: World, move: Move) -> list[Step] | None:
    """Log the device out, or let it remove another one: at once, its line ends and its token is dead."""
    device = world.devices[move.by]
    gone = world.devices.get(move.target) if move.how == "remove" else device
    if gone is None or not device.logged_in or not gone.logged_in:
        return None
    if move.how == "remove" and any(chat.encrypted for chat in world.chats.values()):
        return None  # its keys go with it, and all that others keep of its sessions
    ended = gone.speaks
    world.line_ends(gone)
    gone.logged_in = False
    gone.exists = move.how != "remove"
    step: Step = {"as": move.by, "logout": {}}
    if move.how == "remove":
        step = {"as": move.by, "remove_device": {"device": f"${gone.name}"}}
    steps = [step]
    if ended:
        closed = {"closed": {"code": 4401}}
        steps.append({"on": gone.name, "expect": closed, "proves": ["RT-5", "SEC-5"]})
    steps.append(_dead(gone))
    return steps


def _dead(device: Device) -> Step:
    headers = {"authorization": f"Bearer ${{{device.name}.token}}"}
    return {
        "request": {"method": "GET", "path": "/v1.0/devices", "headers": headers},
        "response": {"status": 401},
        "proves": "SEC-5",
    }


def _draw_login(world: World, random: Random, label: str) -> Move | None:
    device = pick(random, (e for e in world.devices.values() if not e.logged_in))
    return None if device is None else Move(kind="login", label=label, by=device.name)


def _write_login(world: World, move: Move) -> list[Step] | None:
    """Log in again as the same device."""
    device = world.devices[move.by]
    if device.logged_in:
        return None
    device.logged_in = device.exists = True
    return [{"as": move.by, "login": {}}]


_ENDS = ("disconnect", "drop")

CONNECTING: Final[dict[str, Kind]] = {
    "connect": Kind(
        draw=_simple("connect", "", "", "msgpack", "subprotocol", connected=False),
        write=_write_connect,
        weight=14,
    ),
    "reconnect": Kind(
        draw=_simple("reconnect", "", "", "msgpack", connected=True),
        write=_write_reconnect,
        weight=3,
    ),
    "leave_line": Kind(
        draw=_simple("leave_line", *_ENDS, connected=True), write=_write_leave, weight=3
    ),
    "stall": Kind(draw=_simple("stall", connected=True), write=_write_stall, weight=1),
    "barrier": Kind(draw=_simple("barrier", connected=None), write=_write_barrier, weight=1),
    "logout": Kind(draw=_draw_logout, write=_write_logout, weight=1),
    "login": Kind(draw=_draw_login, write=_write_login, weight=2),
}
