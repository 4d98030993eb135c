"""Replies, edits, deletes and reactions: by who may and who may not, on what can be related to and what not."""

from __future__ import annotations

from random import Random
from typing import Final

from ..plan import Move, user_of
from ..world import Chat, Message, Relation, World
from .base import Json, Kind, Step, carrier, lane, of, one_of, pick, usable
from .talking import refusals

KEYS: Final = ("👍", "thanks-for-the-fish", "❤️")

_RELATIONS: Final[tuple[Relation, ...]] = (
    "reply",
    "edit",
    "edit",
    "delete",
    "reaction",
    "reaction",
)

_BY_ACTION: Final[dict[str, Relation]] = {
    "reply": "reply",
    "edit": "edit",
    "delete": "delete",
    "add": "reaction",
    "remove": "reaction",
}
"""What a move does, by the first word of its `how`."""


def _draw(world: World, random: Random, label: str) -> Move | None:
    target = pick(random, (e for e in world.messages.values() if not e.sealed))
    if target is None:
        return None
    relation = random.choice(_RELATIONS)
    people = [e for e in usable(world) if world.chats[target.chat].standing(e.user) != "stranger"]
    own = [each for each in people if each.user == target.sender]
    # Edits and deletes are for the sender: mostly, it is the sender who tries.
    likely = own if relation in ("edit", "delete") and random.random() < 0.7 else people
    device = pick(random, likely or people)
    if device is None:
        return None
    chat = target.chat
    if random.random() < 0.1:
        elsewhere = [c.name for c in world.chats.values() if device.user in c.members]
        chat = pick(random, elsewhere) or chat
    how: str = relation
    if relation == "reaction":
        how = f"{random.choice(('add', 'add', 'remove'))} {random.choice(KEYS)}"
    return Move(
        kind="relate",
        label=label,
        by=device.name,
        chat=chat,
        target=target.label,
        how=how,
        via=lane(random),
    )


def _write(world: World, move: Move) -> list[Step] | None:
    """Relate to a message, and be refused where that must be."""
    target, chat = world.messages.get(move.target), world.chats[move.chat]
    user = user_of(move.by)
    if target is None or chat.standing(user) == "stranger":
        return None
    action, _, key = move.how.partition(" ")
    relation: Relation = _BY_ACTION[action]
    codes = _refusals(world, chat, user, relation, target)
    if codes is None:
        return None
    relates: dict[str, Json] = {"relation": relation, "message_id": f"${target.label}.message_id"}
    if key:
        relates |= {"key": key} | ({"remove": True} if action == "remove" else {})
    said: dict[str, Json] = {"to": of(chat.name), "client_message_id": move.label}
    text = None if relation in ("delete", "reaction") else f"{move.label} as a {relation}"
    said |= {"relates_to": relates} | ({} if text is None else {"text": text})
    if carrier(world, move) == "http":
        said["via"] = "http"
    step: Step = {"as": move.by, "send": said}
    if codes:
        proves = ["CONV-4"] if codes[0] == "not_a_member" else ["REL-1", "STA-6"]
        return [step | {"fails": one_of(codes), "proves": proves}]
    message = Message(move.label, chat.name, user, text, relation=relation, target=target.label)
    world.append(message)
    _take_effect(world, message, target, action, key)
    return [step | {"save": move.label, "match": {"seq": chat.head}, "proves": ["REL-1", "ORD-1"]}]


def _refusals(
    world: World, chat: Chat, user: str, relation: Relation, target: Message
) -> list[str] | None:
    """Why it is refused; nothing if it is not, None where the contract leaves it open."""
    codes = refusals(world, chat, user)
    if chat.encrypted:
        # A tombstone says nothing that would have to be encrypted.
        codes = [each for each in codes if each != "plaintext_rejected" or relation != "delete"]
    if codes and codes[0] == "not_a_member":
        return codes
    if "blocked" in codes and relation != "reply":
        return None
    where = target.chat == chat.name
    if not where or not target.is_message or target.deleted or not world.sees(user, target):
        codes.append("unknown_target")
    elif relation == "edit" and target.sender != user:
        codes.append("not_permitted")
    elif relation == "edit" and target.asset is not None:
        return None
    elif relation == "delete" and target.sender != user:
        member = chat.members[user]
        if chat.kind == "direct" or member.role == "member":
            codes.append("not_permitted")
    if not target.placed and not world.sees(user, target):
        return None
    return codes


def _take_effect(world: World, message: Message, target: Message, action: str, key: str) -> None:
    if action == "edit":
        target.text, target.edited = message.text, True
    elif action == "delete":
        target.deleted = True
        for each in world.entries(world.chats[target.chat]):
            if each.relation == "edit" and each.target == target.label:
                each.deleted = True
    elif key:
        users = target.reactions.setdefault(key, set())
        (users.discard if action == "remove" else users.add)(message.sender)


RELATING: Final[dict[str, Kind]] = {
    "relate": Kind(draw=_draw, write=_write, weight=8, needs=("relations",))
}
