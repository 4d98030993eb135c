"""What a kind of move is, and the small change that all of them need.

A kind draws a move that makes sense in a world, and writes a move as steps, doing to the world what the steps
do to the server. `write` answers None for a move that makes no sense there, for it may stand in a plan
of which parts were taken away; then it must have left the world as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import Any, TypeVar

from msgspec import Struct

from ..plan import Lane, Move
from ..world import Chat, Device, Message, World

Json = Any
Step = dict[str, Json]
Item = TypeVar("Item")

Draw = Callable[[World, Random, str], Move | None]
"""Draw a move with this label; None where there is nothing to do it with."""
Write = Callable[[World, Move], list[Step] | None]


class Kind(Struct, frozen=True, kw_only=True):
    """One kind of move."""

    draw: Draw
    write: Write
    weight: int = 2
    """How often it is drawn, beside the others."""
    needs: tuple[str, ...] = ()
    """Capabilities without which it is never drawn."""


def pick(random: Random, items: Iterable[Item]) -> Item | None:
    """One of them, if there is any."""
    choices = list(items)
    return random.choice(choices) if choices else None


def lane(random: Random) -> Lane:
    """Realtime, or now and then HTTP."""
    return "http" if random.random() < 0.35 else "realtime"


def usable(world: World) -> list[Device]:
    """The devices that can do something."""
    return [each for each in world.devices.values() if each.logged_in]


def carrier(world: World, move: Move) -> Lane:
    """The lane that the move can take: HTTP where the device's connection cannot answer."""
    return move.via if world.devices[move.by].speaks else "http"


def plain(world: World) -> list[Chat]:
    """The conversations that are not encrypted."""
    return [chat for chat in world.chats.values() if not chat.encrypted]


def of(label: str) -> str:
    """The reference to what a label names."""
    return f"${label}"


def one_of(codes: Sequence[str]) -> Json:
    """The pattern for a refusal for any of these reasons."""
    return codes[0] if len(codes) == 1 else {"code": {"$any_of": list(codes)}}


def settled(world: World) -> list[Step]:
    """What must come before a look at what acknowledgements have done."""
    if not world.unsettled:
        return []
    world.unsettled = False
    return [{"barrier": {}}]


def content(message: Message) -> Json:
    """The pattern for how a message stands."""
    if message.deleted:
        return {"body": {"kind": "deleted"}}
    pattern: dict[str, Json] = {
        "reactions": {
            key: len(users) if users else {"$absent": True}
            for key, users in message.reactions.items()
        },
        "edited_at": {"$present": True} if message.edited else {"$absent": True},
    }
    if message.text is not None:
        pattern["body"] = {"kind": "text", "text": message.text}
    if message.relation:
        pattern["relates_to"] = {
            "relation": message.relation,
            "message_id": f"${message.target}.message_id",
        }
    return pattern
