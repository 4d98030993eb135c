"""Conversations that begin, and groups that change: by who may, and by who may not."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Final

from ..plan import Beginning, Move, user_of
from ..world import Chat, Role, World
from .base import Json, Kind, Step, of, one_of, pick, usable

_MANAGERS: Final = ("owner", "admin")


# ── beginning ─────────────────────────────────────────────────────────────────────────────────


def _draw_direct(world: World, random: Random, label: str) -> Move | None:
    device = pick(random, usable(world))
    other = None if device is None else pick(random, (u for u in world.users if u != device.user))
    if device is None or other is None:
        return None
    how = random.choice(("", "race"))
    return Move(kind="direct", label=label, by=device.name, target=other, how=how)


def _write_direct(world: World, move: Move) -> list[Step] | None:
    """Create the direct conversation with a user, or find it; `race`: from both sides at once."""
    user, other = user_of(move.by), move.target
    if not world.devices[move.by].logged_in:
        return None
    answering = next((e for e in world.devices_of(other) if e.logged_in), None)
    known = world.direct_of(user, other)
    if known is None:
        world.begin(move.label, Beginning(kind="direct", members=(user, other)))
    step: Step = {"as": move.by, "create": {"direct": of(other)}, "save": move.label}
    match: dict[str, Json] = {"created": known is None}
    if known is not None:
        match |= {"conversation_id": f"${known.name}.conversation_id"}
    if move.how != "race" or answering is None:
        return [step | {"match": match, "proves": "CONV-1"}]
    theirs = {
        "as": answering.name,
        "create": {"direct": of(user)},
        "save": f"{move.label}_too",
    }
    same = {"that": f"${move.label}_too.conversation_id", "is": f"${move.label}.conversation_id"}
    return [{"together": [[step], [theirs]]}, {"assert": same, "proves": "CONV-1"}]


def _draw_group(world: World, random: Random, label: str) -> Move | None:
    device = pick(random, usable(world))
    if device is None:
        return None
    how = random.choice(("", "", "repeat", "unknown"))
    others = [user for user in world.users if user != device.user]
    return Move(
        kind="group",
        label=label,
        by=device.name,
        target=random.choice(others),
        how=how,
        count=random.randint(1, len(others)),
    )


def _write_group(world: World, move: Move) -> list[Step] | None:
    """Create a group; `repeat`: again under its key, `unknown`: with a member who does not exist."""
    if not world.devices[move.by].logged_in:
        return None
    user = user_of(move.by)
    others = [each for each in world.users if each not in (user, move.target)]
    members = [move.target, *others][: move.count]
    named: list[Json] = [of(each) for each in members]
    create: dict[str, Json] = {"group": named, "title": f"group {move.label}"}
    if move.how == "unknown":
        create["group"] = [*named, f"nobody-{move.label.replace('_', '-')}"]
        return [{"as": move.by, "create": create, "fails": "unknown_user", "proves": ["CONV-7"]}]
    chat = world.begin(move.label, Beginning(kind="group", members=(user, *members)))
    chat.title = f"group {move.label}"
    step: Step = {"as": move.by, "create": create, "save": move.label}
    if move.how != "repeat":
        return [step]
    create["idempotency_key"] = move.label
    same = {"conversation_id": f"${move.label}.conversation_id", "created": False}
    return [step, {"as": move.by, "create": create, "match": same, "proves": "CONV-7"}]


# ── changing ──────────────────────────────────────────────────────────────────────────────────

_CHANGES: Final = (
    "add",
    "add",
    "add",
    "remove",
    "remove",
    "leave",
    "rename",
    "owner",
    "admin",
    "member",
)


def _draw_change(world: World, random: Random, label: str) -> Move | None:
    chat = pick(random, (c for c in world.chats.values() if c.kind == "group"))
    if chat is None:
        chat = pick(random, world.chats.values())
    people = [
        each
        for each in usable(world)
        if chat is not None and (each.user in chat.members or random.random() < 0.1)
    ]
    if chat is None or not people:
        return None
    managers = [e for e in people if e.user in chat.members and _manages(chat, e.user)]
    device = pick(random, managers if managers and random.random() < 0.6 else people)
    assert device is not None
    how = random.choice(_CHANGES)
    outsiders = [user for user in world.users if user not in chat.members]
    target = device.user if how == "leave" else random.choice(world.users)
    if how == "add" and outsiders:
        target = random.choice(outsiders)
    return Move(kind="change", label=label, by=device.name, chat=chat.name, how=how, target=target)


def _manages(chat: Chat, user: str) -> bool:
    return chat.members[user].role in _MANAGERS


def _write_change(world: World, move: Move) -> list[Step] | None:
    """Add, remove, leave, rename, or give a role; and be refused where that must be."""
    chat, user = world.chats[move.chat], user_of(move.by)
    if not world.devices[move.by].logged_in:
        return None
    step = _asked(move)
    standing = chat.standing(user)
    if standing == "stranger":
        return [step | {"fails": "unknown_conversation", "proves": ["CONV-5"]}]
    if chat.encrypted:
        return None  # who can read what then is for scenarios that are about it
    if chat.kind == "direct":
        open_to_all = move.how in ("owner", "admin", "member") or move.target not in chat.members
        if move.how in ("remove", "add") and open_to_all:
            return None
        return [step | {"fails": "not_permitted", "proves": "CONV-8"}]
    if standing == "former":
        return [step | {"fails": "not_a_member", "proves": ["CONV-3", "CONV-4"]}]
    allowed = _CHECKS[move.how](chat, user, move.target)
    if allowed is None:
        return None
    if not allowed:
        return [step | {"fails": one_of(["not_permitted"]), "proves": "CONV-3"}]
    _change(world, chat, move)
    return [
        step
        | ({} if "remove_member" in step else {"match": {"head_seq": chat.head}})
        | {"proves": "CONV-3"}
    ]


def _asked(move: Move) -> Step:
    where = {"in": of(move.chat)}
    verbs: dict[str, Step] = {
        "rename": {"rename": where | {"title": f"renamed by {move.label}"}},
        "remove": {"remove_member": where | {"user": of(move.target)}},
        "leave": {"remove_member": where | {"user": of(user_of(move.by))}},
        "add": {"set_member": where | {"user": of(move.target)}},
    }
    role = {"set_member": where | {"user": of(move.target), "role": move.how}}
    return {"as": move.by} | verbs.get(move.how, role)


def _may_add(chat: Chat, user: str, target: str) -> bool | None:
    return None if target in chat.members else _manages(chat, user)


def _may_remove(chat: Chat, user: str, target: str) -> bool | None:
    if target == user or target not in chat.members:
        return None
    if chat.members[user].role == "owner":
        return True
    return _manages(chat, user) and chat.members[target].role == "member"


def _may_leave(chat: Chat, user: str, _target: str) -> bool | None:
    """Always; but where several could inherit, nobody can tell which of them will."""
    if not _is_last_owner(chat, user) or len(chat.members) == 1:
        return True
    return True if _heir(chat, user) is not None else None


def _may_rename(chat: Chat, user: str, _target: str) -> bool | None:
    return _manages(chat, user)


def _may_set_role(role: Role) -> Callable[[Chat, str, str], bool | None]:
    def check(chat: Chat, user: str, target: str) -> bool | None:
        if target not in chat.members or chat.members[target].role == role:
            return None
        if chat.members[user].role != "owner":
            return False
        return not _is_last_owner(chat, target)

    return check


_CHECKS: Final = {
    "add": _may_add,
    "remove": _may_remove,
    "leave": _may_leave,
    "rename": _may_rename,
    "owner": _may_set_role("owner"),
    "admin": _may_set_role("admin"),
    "member": _may_set_role("member"),
}
"""By change: whether the user may; None where the contract leaves it open or nothing would change."""


def _is_last_owner(chat: Chat, user: str) -> bool:
    owners = [name for name, member in chat.members.items() if member.role == "owner"]
    return owners == [user]


def _heir(chat: Chat, leaver: str) -> str | None:
    """Who becomes owner: the longest-standing admin, else member; None if two stand equally long."""
    others = {name: member for name, member in chat.members.items() if name != leaver}
    admins = {name: member for name, member in others.items() if member.role == "admin"}
    chosen = admins or others
    first = min(member.joined for member in chosen.values())
    heirs = [name for name, member in chosen.items() if member.joined == first]
    return heirs[0] if len(heirs) == 1 else None


def _change(world: World, chat: Chat, move: Move) -> None:
    user = user_of(move.by)
    if move.how == "add":
        world.admit(chat, move.target, "member")
    elif move.how == "remove":
        world.dismiss(chat, move.target)
    elif move.how == "leave":
        heir = _heir(chat, user) if _is_last_owner(chat, user) and len(chat.members) > 1 else None
        world.dismiss(chat, user)
        if heir is not None:
            world.note(chat)
            chat.members[heir].role = "owner"
    elif move.how == "rename":
        chat.title = f"renamed by {move.label}"
        world.note(chat)
    else:
        world.note(chat)
        chat.members[move.target].role = _ROLES[move.how]


_ROLES: Final[dict[str, Role]] = {"owner": "owner", "admin": "admin", "member": "member"}


# ── blocking ──────────────────────────────────────────────────────────────────────────────────


def _draw_block(world: World, random: Random, label: str) -> Move | None:
    device = pick(random, usable(world))
    if device is None:
        return None
    theirs = [other for user, other in sorted(world.blocks) if user == device.user]
    if theirs and random.random() < 0.7:
        return Move(kind="block", label=label, by=device.name, target=theirs[0], how="undo")
    other = random.choice([user for user in world.users if user != device.user])
    return Move(kind="block", label=label, by=device.name, target=other)


def _write_block(world: World, move: Move) -> list[Step] | None:
    """Block a user, or take it back."""
    if not world.devices[move.by].logged_in:
        return None
    pair = (user_of(move.by), move.target)
    (world.blocks.discard if move.how else world.blocks.add)(pair)
    verb = "unblock" if move.how else "block"
    return [{"as": move.by, verb: of(move.target), "proves": "CONV-9"}]


GROUPS: Final[dict[str, Kind]] = {
    "direct": Kind(draw=_draw_direct, write=_write_direct, weight=2),
    "group": Kind(draw=_draw_group, write=_write_group, weight=1, needs=("groups",)),
    "change": Kind(draw=_draw_change, write=_write_change, weight=9, needs=("groups",)),
    "block": Kind(draw=_draw_block, write=_write_block, weight=1, needs=("blocking",)),
}
