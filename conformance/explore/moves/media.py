"""Media: files that are uploaded, sent, and downloaded by who can see a message that carries them."""

from __future__ import annotations

from random import Random
from typing import Final

from ..plan import Move, user_of
from ..world import Message, World
from .base import Json, Kind, Step, carrier, lane, of, pick, usable
from .talking import refusals

TYPES: Final = (
    "image/png",
    "audio/wav",
    "video/mp4",
    "application/pdf",
    "application/octet-stream",
)


def _draw_upload(world: World, random: Random, label: str) -> Move | None:
    device = pick(random, usable(world))
    if device is None:
        return None
    how = random.choice(("", "", "chunked", "digest", "wrong", "lie", "tus"))
    if how == "tus" and "uploads.tus" not in world.capabilities:
        how = ""
    return Move(
        kind="upload", label=label, by=device.name, target=random.choice(TYPES[:4]), how=how
    )


def _write_upload(world: World, move: Move) -> list[Step] | None:
    """Upload a file; `wrong`: with a digest that does not fit, `lie`: of another type than it claims."""
    if not world.devices[move.by].logged_in:
        return None
    said: dict[str, Json] = {"type": move.target, "size": 3000}
    step: Step = {"as": move.by, "upload": said}
    if move.how == "wrong":
        said["digest"] = "wrong"
        return [step | {"fails": "digest_mismatch", "proves": "AST-3"}]
    if move.how == "lie":
        said["really"] = TYPES[(TYPES.index(move.target) + 1) % 4]
        return [step | {"fails": "media_type_mismatch", "proves": "AST-3"}]
    more: dict[str, dict[str, Json]] = {
        "chunked": {"chunked": True},
        "digest": {"digest": "right"},
        "tus": {"via": "tus"},
    }
    said |= more.get(move.how, {})
    world.assets[move.label] = user_of(move.by)
    return [step | {"save": move.label}]


def _draw_show(world: World, random: Random, label: str) -> Move | None:
    asset = pick(random, world.assets)
    device = pick(random, usable(world))
    if asset is None or device is None:
        return None
    chats = [c for c in world.chats.values() if device.user in c.members and not c.encrypted]
    chat = pick(random, chats)
    if chat is None:
        return None
    return Move(
        kind="show", label=label, by=device.name, chat=chat.name, target=asset, via=lane(random)
    )


def _write_show(world: World, move: Move) -> list[Step] | None:
    """Send a file; one that its sender cannot read is unknown."""
    chat, user = world.chats[move.chat], user_of(move.by)
    if move.target not in world.assets or chat.encrypted or refusals(world, chat, user):
        return None
    said: dict[str, Json] = {
        "to": of(chat.name),
        "body": {"kind": "media", "asset_id": f"${move.target}.asset_id"},
        "client_message_id": move.label,
    }
    if carrier(world, move) == "http":
        said["via"] = "http"
    step: Step = {"as": move.by, "send": said}
    if not _reads(world, user, move.target):
        return [step | {"fails": "unknown_asset", "proves": ["AST-6"]}]
    world.append(Message(move.label, chat.name, user, None, asset=move.target))
    return [step | {"save": move.label, "match": {"seq": chat.head}, "proves": "ORD-1"}]


def _reads(world: World, user: str, asset: str) -> bool:
    """Whether the user uploaded the asset or sees an undeleted message that carries it."""
    carriers = [each for each in world.messages.values() if each.asset == asset]
    return world.assets[asset] == user or any(
        world.sees(user, each) and not world.as_seen(user, each).deleted for each in carriers
    )


def _draw_fetch(world: World, random: Random, label: str) -> Move | None:
    asset, device = pick(random, world.assets), pick(random, usable(world))
    if asset is None or device is None:
        return None
    how = random.choice(("", "", "part", "beyond", "known"))
    return Move(kind="fetch", label=label, by=device.name, target=asset, how=how)


def _write_fetch(world: World, move: Move) -> list[Step] | None:
    """Download a file, or a part; that the bytes are right is checked in any case."""
    if move.target not in world.assets or not world.devices[move.by].logged_in:
        return None
    said: dict[str, Json] = {"asset": of(move.target)}
    step: Step = {"as": move.by, "download": said}
    if not _reads(world, user_of(move.by), move.target):
        return [step | {"fails": "unknown_asset", "proves": ["AST-2"]}]
    if move.how == "beyond":
        said["range"] = "bytes=9999-"
        return [step | {"fails": "range_not_satisfiable", "proves": "AST-4"}]
    if move.how == "part":
        said["range"] = "bytes=100-1099"
        return [step | {"match": {"status": 206, "size": 1000}, "proves": "AST-4"}]
    whole = step | {"match": {"sha256": f"${move.target}.sha256"}, "proves": ["AST-1", "AST-2"]}
    if move.how == "known":
        kept = f"{move.label}_kept"
        condition = {"asset": of(move.target), "headers": {"if-none-match": f"${kept}.etag"}}
        again = {"as": move.by, "download": condition, "match": {"status": 304}}
        return [whole | {"save": kept}, again | {"proves": "AST-4"}]
    return [whole]


MEDIA: Final[dict[str, Kind]] = {
    "upload": Kind(draw=_draw_upload, write=_write_upload, weight=2, needs=("media",)),
    "show": Kind(draw=_draw_show, write=_write_show, weight=2, needs=("media",)),
    "fetch": Kind(draw=_draw_fetch, write=_write_fetch, weight=2, needs=("media",)),
}
