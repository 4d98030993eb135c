"""Sending: one message, many in flight, many at the same time, the same one again; and acknowledging."""

from __future__ import annotations

from random import Random
from typing import Final

from ..plan import Move, user_of
from ..world import Chat, Device, Message, World
from .base import Json, Kind, Step, carrier, lane, of, one_of, pick, usable

TEXTS: Final = {
    "": "{} says hello",
    "accents": "{} naïve cafe\u0301 ☃ 🙂",
    "spaces": "  {} stands  apart ",
    "markup": '{} <b>&amp;"quoted"</b> \\n \u2028',
}
"""Texts by what is odd about them."""


def text_of(move: Move) -> str:
    """What a move's message says."""
    return TEXTS.get(move.how, TEXTS[""]).format(move.label)


def refusals(world: World, chat: Chat, user: str) -> list[str]:
    """Why a plain message of the user to the conversation is refused; nothing if it is not."""
    standing = chat.standing(user)
    if standing != "member":
        return ["not_a_member" if standing == "former" else "unknown_conversation"]
    codes = ["blocked"] if world.blocked(chat) else []
    return [*codes, "plaintext_rejected"] if chat.encrypted else codes


_BLAMED: Final = {
    "not_a_member": ["CONV-4"],
    "unknown_conversation": ["CONV-5"],
    "blocked": ["CONV-9"],
    "plaintext_rejected": ["ENC-2"],
}


def sending(move: Move, via: str, text: str, **more: Json) -> Step:
    """The step in which the move's device sends a text under the move's label."""
    said = {"to": of(move.chat), "text": text, "client_message_id": move.label, **more}
    if via == "http":
        said["via"] = via
    return {"as": move.by, "send": said}


def _draw_send(world: World, random: Random, label: str) -> Move | None:
    device = pick(random, usable(world))
    if device is None:
        return None
    theirs = [chat for chat in world.chats.values() if device.user in chat.members]
    # A stranger's message, or one by somebody who left, is refused: now and then that is to be seen.
    chat = pick(random, world.chats.values() if random.random() < 0.1 else theirs)
    if chat is None:
        return None
    how = random.choice(("", "", "", *TEXTS))
    return Move(kind="send", label=label, by=device.name, chat=chat.name, how=how, via=lane(random))


def write_send(world: World, move: Move) -> list[Step] | None:
    """Send one text."""
    chat = world.chats[move.chat]
    text = text_of(move)
    step = sending(move, carrier(world, move), text)
    codes = refusals(world, chat, user_of(move.by))
    if codes:
        proves = [*_BLAMED[codes[0]], "STA-6"]
        return [step | {"fails": one_of(codes), "proves": proves}]
    world.append(Message(move.label, chat.name, user_of(move.by), text))
    due = {"seq": chat.head, "duplicate": False}
    return [step | {"save": move.label, "match": due, "proves": "ORD-1"}]


# ── in flight, and at the same time ───────────────────────────────────────────────────────────


def _draw_burst(world: World, random: Random, label: str) -> Move | None:
    device = pick(random, (each for each in usable(world) if each.speaks))
    chat = (
        None
        if device is None
        else pick(random, (c for c in world.chats.values() if _open(world, c, device)))
    )
    if device is None or chat is None:
        return None
    how = random.choice(("", "", "cut"))
    count = random.randint(2, 6)
    return Move(kind="burst", label=label, by=device.name, chat=chat.name, how=how, count=count)


def _open(world: World, chat: Chat, device: Device) -> bool:
    return not refusals(world, chat, device.user)


def _write_burst(world: World, move: Move) -> list[Step] | None:
    """Send without waiting for answers; `cut`: be cut off meanwhile, and send all of it again."""
    chat, device = world.chats[move.chat], world.devices[move.by]
    if not device.speaks or refusals(world, chat, device.user):
        return None
    parts = [(f"{move.label}_{n}", f"{move.label} number {n}") for n in range(move.count)]
    steps: list[Step] = []
    for label, text in parts:
        step = sending(move, "realtime", text, client_message_id=label)
        step["send"]["wait"] = False
        steps.append(step if move.how == "cut" else step | {"save": label})
        world.append(Message(label, chat.name, device.user, text, placed=move.how != "cut"))
    if move.how != "cut":
        return [*steps, {"as": move.by, "settle": {}}]
    world.line_ends(device)
    device.connected = True
    steps += [{"as": move.by, "drop": {}}, {"as": move.by, "connect": {}}]
    for label, text in parts:
        again = sending(move, "realtime", text, client_message_id=label)
        steps.append(again | {"save": label, "proves": "DLV-4"})
    return steps


def _draw_crowd(world: World, random: Random, label: str) -> Move | None:
    chat = pick(random, world.chats.values())
    if chat is None or chat.encrypted or world.blocked(chat):
        return None
    senders = {each.user for each in usable(world) if each.user in chat.members}
    if len(senders) < 2:
        return None
    by = pick(random, (each for each in usable(world) if each.user in senders))
    assert by is not None
    how = random.choice(("", "", "walk", "reconnect"))
    return Move(
        kind="crowd",
        label=label,
        by=by.name,
        chat=chat.name,
        how=how,
        via=lane(random),
        count=random.randint(2, 4),
    )


def _write_crowd(world: World, move: Move) -> list[Step] | None:
    """All members but the device's user send at the same time; it sends too, or walks, or reconnects."""
    chat, device = world.chats[move.chat], world.devices[move.by]
    if refusals(world, chat, device.user) or not device.logged_in:
        return None
    own = Move(kind=move.kind, label=f"{move.label}_own", by=move.by, chat=move.chat, via=move.via)
    branches: list[list[Step]] = []
    if move.how == "walk":
        branches.append(
            [{"as": move.by, "walk": {"in": of(chat.name), "direction": "before", "limit": 2}}]
        )
    elif move.how == "reconnect":
        world.line_ends(device)
        device.connected = True
        branches.append([{"as": move.by, "reconnect": {}}])
    else:
        branches.append(_branch(world, own, 2))
    for user in chat.members:
        other = next((each for each in world.devices_of(user) if each.logged_in), None)
        if user == device.user or other is None:
            continue
        theirs = Move(
            kind=move.kind,
            label=f"{move.label}_{user}",
            by=other.name,
            chat=move.chat,
            via=move.via,
        )
        branches.append(_branch(world, theirs, move.count))
    return [{"together": branches}] if len(branches) > 1 else branches[0]


def _branch(world: World, move: Move, count: int) -> list[Step]:
    steps = []
    for n in range(count):
        label = f"{move.label}_{n}"
        step = sending(move, carrier(world, move), f"{label} in a crowd", client_message_id=label)
        steps.append(step | {"save": label})
        world.append(
            Message(label, move.chat, user_of(move.by), f"{label} in a crowd", placed=False)
        )
    return steps


# ── again ─────────────────────────────────────────────────────────────────────────────────────


def _draw_again(world: World, random: Random, label: str) -> Move | None:
    message = pick(random, _repeatable(world))
    by = (
        None
        if message is None
        else pick(random, (e for e in usable(world) if e.user == message.sender))
    )
    if message is None or by is None:
        return None
    how = random.choice(("", "", "other", "reply"))
    if how == "reply" and "relations" not in world.capabilities:
        how = ""
    return Move(
        kind="again", label=label, by=by.name, target=message.label, how=how, via=lane(random)
    )


def _repeatable(world: World) -> list[Message]:
    return [
        each
        for each in world.messages.values()
        if not each.relation and not each.sealed and each.asset is None
    ]


def _write_again(world: World, move: Move) -> list[Step] | None:
    """Send a message again under its id; `other`: with another text, `reply`: relating to something."""
    message = world.messages.get(move.target)
    if message is None or message.sender != user_of(move.by) or message not in _repeatable(world):
        return None
    if world.chats[message.chat].standing(message.sender) != "member":
        return None
    said: dict[str, Json] = {
        "to": of(message.chat),
        "text": message.first_text,
        "client_message_id": message.label,
    }
    if carrier(world, move) == "http":
        said["via"] = "http"
    if move.how == "other":
        said["text"] = f"{message.label} in other words"
    if move.how == "reply":
        said["relates_to"] = {"relation": "reply", "message_id": f"${message.label}.message_id"}
    step = {"as": move.by, "send": said}
    if move.how:
        return [step | {"fails": "idempotency_conflict", "proves": "DLV-5"}]
    first = {name: f"${message.label}.{name}" for name in ("message_id", "seq")}
    return [step | {"match": {"duplicate": True, **first}, "proves": "DLV-4"}]


def _draw_race(world: World, random: Random, label: str) -> Move | None:
    sender = pick(random, (e for e in usable(world) if e.speaks))
    chat = (
        None
        if sender is None
        else pick(random, (c for c in world.chats.values() if _open(world, c, sender)))
    )
    if sender is None or chat is None:
        return None
    return Move(kind="race", label=label, by=sender.name, chat=chat.name)


def _write_race(world: World, move: Move) -> list[Step] | None:
    """The same message on two lanes at the same time: over the connection, and by another device or HTTP."""
    chat, device = world.chats[move.chat], world.devices[move.by]
    if not device.speaks or refusals(world, chat, device.user):
        return None
    others = [e for e in world.devices_of(device.user) if e.logged_in and e is not device]
    other = others[0] if others else device
    text = text_of(move)
    one = sending(move, "realtime", text) | {"save": move.label}
    two = sending(move, "http", text) | {"as": other.name, "save": f"{move.label}_too"}
    world.append(Message(move.label, chat.name, device.user, text))
    both = [f"${move.label}.message_id", f"${move.label}.seq"]
    same = {"that": [f"${move.label}_too.message_id", f"${move.label}_too.seq"], "is": both}
    return [{"together": [[one], [two]]}, {"assert": same, "proves": "DLV-4"}]


# ── acknowledging ─────────────────────────────────────────────────────────────────────────────


def _draw_acknowledge(world: World, random: Random, label: str) -> Move | None:
    device = pick(random, (each for each in usable(world) if each.speaks))
    chat = (
        None
        if device is None
        else pick(random, (c for c in world.chats.values() if device.user in c.members and c.head))
    )
    if device is None or chat is None:
        return None
    seen = [m.label for m in world.entries(chat, chat.members[device.user].joined)]
    how = random.choice(("delivered", "delivered", "read", "read", "beyond", "down"))
    # Mostly the newest, for what is acknowledged in order is the usual thing.
    target = "" if not seen else seen[-1] if random.random() < 0.6 else random.choice(seen)
    return Move(
        kind="acknowledge", label=label, by=device.name, chat=chat.name, target=target, how=how
    )


def _write_acknowledge(world: World, move: Move) -> list[Step] | None:
    """Say `delivered` or `read` up to a message.

    `beyond`: up to what is not there yet; `down`: up to the newest, and then again up to less.
    """
    chat, device = world.chats[move.chat], world.devices[move.by]
    member = chat.members.get(device.user)
    if member is None or not device.speaks:
        return None
    if move.how == "beyond":
        said = {"in": of(chat.name), "up_to": chat.head + 1}
        refused = {"error": {"error": {"code": "out_of_range"}}}
        return [
            {"as": move.by, "delivered": said},
            {"on": move.by, "expect": refused, "proves": "STA-8"},
        ]
    message = world.messages.get(move.target)
    if message is None or message.chat != chat.name or not world.sees(device.user, message):
        return None
    if move.how == "down":
        if any(label is not None and not world.messages[label].placed for label in chat.log[-1:]):
            return None
        return _down(world, move, message)
    world.unsettled = True
    if move.how == "read" and member.read is not None:
        member.read = max(member.read, world.seq(message)) if message.placed else None
    return [{"as": move.by, move.how: {"in": of(chat.name), "up_to": f"${message.label}.seq"}}]


def _down(world: World, move: Move, message: Message) -> list[Step]:
    chat = world.chats[move.chat]
    world.unsettled = False
    chat.members[user_of(move.by)].read = chat.head
    where = {"in": of(chat.name)}
    acknowledged = [("delivered", "head"), ("read", "head"), ("delivered", "low"), ("read", "low")]
    heights: dict[str, Json] = {"head": chat.head, "low": f"${message.label}.seq"}
    steps: list[Step] = [
        {"as": move.by, status: where | {"up_to": heights[height]}}
        for status, height in acknowledged
    ]
    return [*steps, {"barrier": {}}]


TALKING: Final[dict[str, Kind]] = {
    "send": Kind(draw=_draw_send, write=write_send, weight=12),
    "burst": Kind(draw=_draw_burst, write=_write_burst, weight=3),
    "crowd": Kind(draw=_draw_crowd, write=_write_crowd, weight=3),
    "again": Kind(draw=_draw_again, write=_write_again, weight=4),
    "race": Kind(draw=_draw_race, write=_write_race, weight=2),
    "acknowledge": Kind(draw=_draw_acknowledge, write=_write_acknowledge, weight=8),
}
