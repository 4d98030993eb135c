"""End-to-end encryption: sealed messages, keys, and payloads from device to device."""

from __future__ import annotations

from random import Random
from typing import Final

from ..plan import Move, user_of
from ..world import Chat, Message, World
from .base import Json, Kind, Step, carrier, lane, of, pick, usable


def _draw_seal(world: World, random: Random, label: str) -> Move | None:
    device = pick(random, (each for each in usable(world) if each.speaks))
    chat = (
        None
        if device is None
        else pick(random, (c for c in world.chats.values() if _sealable(c, device.user)))
    )
    if device is None or chat is None or world.blocked(chat):
        return None
    how = random.choice(("olm", "olm", "megolm"))
    return Move(kind="seal", label=label, by=device.name, chat=chat.name, how=how, via=lane(random))


def _sealable(chat: Chat, user: str) -> bool:
    return chat.encrypted and user in chat.members


def _write_seal(world: World, move: Move) -> list[Step] | None:
    """Send an encrypted text; every connected device of a member can read it."""
    chat, device = world.chats[move.chat], world.devices[move.by]
    if not _sealable(chat, device.user) or not device.speaks or world.blocked(chat):
        return None
    text = f"{move.label} under seal"
    said: dict[str, Json] = {
        "to": of(chat.name),
        "encrypt": move.how,
        "text": text,
        "client_message_id": move.label,
    }
    if carrier(world, move) == "http":
        said["via"] = "http"
    readers = [each for each in world.speaking(chat.members) if each is not device]
    world.append(Message(move.label, chat.name, device.user, None, sealed=True))
    match = {"seq": chat.head, "duplicate": False}
    arrived = {"message": {"message_id": f"${move.label}.message_id"}}
    return [
        {"as": move.by, "send": said, "save": move.label, "match": match, "proves": "ORD-1"},
        *(
            {"on": each.name, "expect": arrived, "decrypted": {"text": text}, "proves": "ENC-1"}
            for each in readers
        ),
    ]


def _draw_claim(world: World, random: Random, label: str) -> Move | None:
    device = pick(random, usable(world))
    if device is None:
        return None
    peers = {
        name
        for chat in world.chats.values()
        if chat.encrypted and device.user in chat.members
        for name in chat.members
    }
    targets = [each for each in world.devices.values() if each.user in peers - {device.user}]
    target = pick(random, targets)
    if target is None:
        return None
    return Move(
        kind="claim",
        label=label,
        by=device.name,
        target=target.name,
        count=random.choice((1, 1, 3, 8)),
    )


def _write_claim(world: World, move: Move) -> list[Step] | None:
    """Claim keys of a device, several at the same time: all are given, none twice."""
    target = world.devices.get(move.target)
    if target is None or not world.devices[move.by].logged_in:
        return None
    user = user_of(move.by)
    if not any(
        c.encrypted and {user, target.user} <= c.members.keys() for c in world.chats.values()
    ):
        return None
    claim: dict[str, Json] = {"devices": of(target.name)}
    if move.count > 1:
        claim["times"] = move.count
    return [{"as": move.by, "claim": claim, "match": {"missing": []}, "proves": "ENC-3"}]


# ── from device to device ─────────────────────────────────────────────────────────────────────


def _draw_parcel(world: World, random: Random, label: str) -> Move | None:
    device = pick(random, (each for each in usable(world) if each.speaks))
    target = (
        None
        if device is None
        else pick(random, (e for e in world.devices.values() if e is not device))
    )
    if device is None or target is None:
        return None
    how = random.choice(("", "again", "other"))
    return Move(kind="parcel", label=label, by=device.name, target=target.name, how=how)


def _write_parcel(world: World, move: Move) -> list[Step] | None:
    """A payload for a device; `again`: a second time under its id, `other`: with other contents."""
    device, target = world.devices[move.by], world.devices[move.target]
    if not device.speaks or target is device or not target.exists:
        return None
    if not _in_reach(world, device.user, target.user):
        return None
    payload = {"label": move.label, "nothing": None, "list": [1, {"deep": "ü"}]}
    said: dict[str, Json] = {"to": of(target.name), "payload": payload, "id": move.label}
    step: Step = {"as": move.by, "to_device": said, "match": {"unknown": []}, "proves": "ENC-7"}
    steps = [step]
    if target.speaks:
        arrived = {"to_device": {"payload": payload}}
        steps.append({"on": target.name, "expect": arrived, "proves": "ENC-7"})
    if move.how == "other":
        other = {"as": move.by, "to_device": said | {"payload": {"label": "another"}}}
        return [*steps, other | {"fails": "idempotency_conflict", "proves": "ENC-7"}]
    if move.how == "again":
        steps.append(step)
        if target.speaks:
            twice = {"to_device": {"payload": {"label": move.label}}}
            world.unsettled = False
            steps.append({"on": target.name, "never": twice, "until": "barrier", "proves": "ENC-7"})
    return steps


def _in_reach(world: World, one: str, other: str) -> bool:
    return one == other or any({one, other} <= chat.members.keys() for chat in world.chats.values())


SEALING: Final[dict[str, Kind]] = {
    "seal": Kind(draw=_draw_seal, write=_write_seal, weight=6, needs=("e2ee",)),
    "claim": Kind(draw=_draw_claim, write=_write_claim, weight=2, needs=("e2ee",)),
    "parcel": Kind(draw=_draw_parcel, write=_write_parcel, weight=1, needs=("e2ee",)),
}
