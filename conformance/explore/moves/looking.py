"""Looking: pages, cursors, conversations, lists, single messages and statuses, and what is not to be seen."""

from __future__ import annotations

from random import Random
from typing import Final

from ..plan import Move, user_of
from ..world import Chat, Message, World
from .base import Draw, Json, Kind, Step, content, of, pick, settled, usable

_BAD_LIMITS: Final[dict[str, Json]] = {
    "zero": 0,
    "negative": -1,
    "words": "many",
    "too_large": "$target.limits.max_page_limit+1",
}


def _draw_in_chat(kind: str, *hows: str, strangers: float = 0.0) -> Draw:
    """A draw of somebody who sees a conversation, or now and then of one who does not."""

    def draw(world: World, random: Random, label: str) -> Move | None:
        chat = pick(random, world.chats.values())
        if chat is None:
            return None
        strange = random.random() < strangers
        people = [e for e in usable(world) if (chat.standing(e.user) == "stranger") is strange]
        device = pick(random, people)
        if device is None:
            return None
        return Move(
            kind=kind,
            label=label,
            by=device.name,
            chat=chat.name,
            how=random.choice(hows or ("",)),
            count=random.randint(1, 6),
        )

    return draw


# ── pages ─────────────────────────────────────────────────────────────────────────────────────


def _bounds(chat: Chat, user: str) -> tuple[int, int]:
    """The first and the last seq that the user sees."""
    if user in chat.members:
        return chat.members[user].joined, chat.head
    past = chat.past[user]
    return past.joined, past.left


def _items(world: World, chat: Chat, first: int, last: int) -> list[Json]:
    items = []
    for seq in range(first, last + 1):
        label = chat.log[seq - 1]
        known = label is not None and world.messages[label].placed
        items.append({"seq": seq} | ({"message_id": f"${label}.message_id"} if known else {}))
    return items


def _write_page(world: World, move: Move) -> list[Step] | None:
    """One page: the newest, or (`oldest`) the first; with what lies beyond it."""
    chat, user = world.chats[move.chat], user_of(move.by)
    if not world.devices[move.by].logged_in:
        return None
    page: dict[str, Json] = {"in": of(chat.name), "limit": move.count}
    if chat.standing(user) == "stranger":
        return [{"as": move.by, "page": page, "fails": "unknown_conversation", "proves": "CONV-5"}]
    if move.how in _BAD_LIMITS:
        page["limit"] = _BAD_LIMITS[move.how]
        return [{"as": move.by, "page": page, "fails": "invalid_limit", "proves": "PAG-4"}]
    first, last = _bounds(chat, user)
    # A server may put fewer entries on a page than it was asked for, so only one end of it is certain.
    more = last - first + 1 > move.count
    if move.how == "oldest":
        page["after"] = ""
        match: dict[str, Json] = {"has_older": False} | ({"has_newer": True} if more else {})
        end = (first, f"${move.label}.items.0")
    else:
        match = {"has_newer": False} | ({"has_older": True} if more else {})
        end = (last, f"${move.label}.items.-1")
        if user in chat.members:
            world.cursors[move.label] = (chat.name, user, last)
    step: Step = {"as": move.by, "page": page, "save": move.label}
    if last < first:
        nothing = {"items": [], "has_older": False, "has_newer": False}
        return [step | {"match": nothing, "proves": ["PAG-3", "PAG-7"]}]
    (item,) = _items(world, chat, end[0], end[0])
    return [
        step | {"match": match, "proves": "PAG-3"},
        {"assert": {"that": end[1], "is": item}, "proves": "PAG-3"},
    ]


def _draw_poll(world: World, random: Random, label: str) -> Move | None:
    target = pick(random, world.cursors)
    if target is None:
        return None
    chat, reader, _ = world.cursors[target]
    devices = [each for each in usable(world) if each.user == reader]
    device = pick(random, devices)
    how = random.choice(("", "", "foreign", "forged"))
    if how == "foreign":
        chat = pick(random, (c for c in world.chats if c != chat)) or chat
    if device is None:
        return None
    return Move(
        kind="poll",
        label=label,
        by=device.name,
        chat=chat,
        target=target,
        how=how,
        count=random.randint(1, 6),
    )


def _write_poll(world: World, move: Move) -> list[Step] | None:
    """Go on from a cursor; `foreign`: in another conversation, `forged`: with a cursor that nobody gave."""
    known = world.cursors.get(move.target)
    if known is None or user_of(move.by) != known[1] or not world.devices[move.by].logged_in:
        return None
    chat = world.chats[move.chat]
    page: dict[str, Json] = {
        "in": of(chat.name),
        "limit": move.count,
        "after": f"${move.target}.after",
    }
    user = user_of(move.by)
    if user not in chat.members:
        return None
    if move.how:
        if (chat.name == known[0]) is (move.how == "foreign"):
            return None
        if move.how == "forged":
            page["after"] = "${" + move.target + ".after}x"
        return [{"as": move.by, "page": page, "fails": "invalid_cursor", "proves": "PAG-4"}]
    first, last = _bounds(chat, user)
    begin = known[2] + 1
    if chat.name != known[0] or begin < first:
        return None  # it joined again meanwhile
    world.cursors[move.label] = (chat.name, user, last)
    walk = {
        "in": of(chat.name),
        "direction": "after",
        "limit": move.count,
        "start": f"${move.target}.after",
    }
    match = {"items": _items(world, chat, begin, last)}
    step = {"as": move.by, "walk": walk, "save": move.label, "match": match, "proves": "PAG-2"}
    return [step]


def _write_walk(world: World, move: Move) -> list[Step] | None:
    """The whole history, from either end."""
    chat, user = world.chats[move.chat], user_of(move.by)
    if chat.standing(user) == "stranger" or not world.devices[move.by].logged_in:
        return None
    forth = move.how == "after"
    first, last = _bounds(chat, user)
    walk = {"in": of(chat.name), "direction": move.how, "limit": move.count}
    return [
        {
            "as": move.by,
            "walk": walk,
            "match": {"items": {"$length": last - first + 1}},
            "proves": "PAG-2" if forth else "PAG-1",
        }
    ]


# ── conversations ─────────────────────────────────────────────────────────────────────────────


def _write_view(world: World, move: Move) -> list[Step] | None:
    """A conversation by itself: its title and members, what is unread and what was said last."""
    chat, user = world.chats[move.chat], user_of(move.by)
    if not world.devices[move.by].logged_in:
        return None
    step: Step = {"as": move.by, "conversation": of(chat.name)}
    standing = chat.standing(user)
    if standing == "stranger":
        return [step | {"fails": "unknown_conversation", "proves": "CONV-5"}]
    if standing == "former":
        left = chat.past[user].left
        match = {"left": True, "members": {"$length": 0}, "head_seq": left}
        return [step | {"match": match, "proves": "CONV-4"}]
    before = settled(world)
    members = [
        {"user_id": f"${name}.user_id", "role": member.role, "joined_seq": member.joined}
        for name, member in chat.members.items()
    ]
    facts: dict[str, Json] = {
        "kind": chat.kind,
        "head_seq": chat.head,
        "member_count": len(members),
        "members": {"$unordered": members},
    }
    if chat.title is not None:
        facts["title"] = chat.title
    steps = [*before, step | {"match": facts, "proves": "CONV-3"}]
    counts = _counts(world, chat, user)
    return [*steps, step | {"match": counts, "proves": "CONV-6"}] if counts else steps


def _counts(world: World, chat: Chat, user: str) -> dict[str, Json]:
    """What is unread, and what was said last, where that is known."""
    counts: dict[str, Json] = {}
    if (unread := world.unread(chat, user)) is not None:
        counts["unread_count"] = unread
    for seq in range(chat.head, chat.members[user].joined - 1, -1):
        label = chat.log[seq - 1]
        message = None if label is None else world.messages[label]
        if message is not None and not message.placed:
            break
        if message is None or message.is_message:
            counts["last_message"] = {"seq": seq}
            break
    return counts


def _write_list(world: World, move: Move) -> list[Step] | None:
    """All conversations of one's own, page by page; `top`: what moved last stands first."""
    device = world.devices[move.by]
    if not device.logged_in:
        return None
    if move.how != "top":
        listed = [
            {"conversation_id": f"${chat.name}.conversation_id"}
            for chat in world.chats.values()
            if chat.standing(device.user) != "stranger"
        ]
        walk = {"as": move.by, "walk_conversations": {"limit": move.count}}
        return [walk | {"match": {"items": {"$unordered": listed}}, "proves": "CONV-6"}]
    chat = world.chats[move.chat]
    if device.user not in chat.members or chat.encrypted or world.blocked(chat):
        return None
    text = f"{move.label} to the top"
    world.append(Message(move.label, chat.name, device.user, text))
    send = {"to": of(chat.name), "text": text, "client_message_id": move.label, "via": "http"}
    first = {
        "conversation_id": f"${chat.name}.conversation_id",
        "last_message": {"message_id": f"${move.label}.message_id"},
    }
    world.unsettled = False
    return [
        # Activities of the same millisecond have no order: the barrier is between them.
        {"barrier": {}},
        {"as": move.by, "send": send, "save": move.label},
        {
            "as": move.by,
            "conversations": {"limit": 1},
            "match": {"items": [first]},
            "proves": "CONV-6",
        },
    ]


# ── messages ──────────────────────────────────────────────────────────────────────────────────


def _draw_about(kind: str) -> Draw:
    def draw(world: World, random: Random, label: str) -> Move | None:
        message = pick(random, world.messages.values())
        device = pick(random, usable(world))
        if message is None or device is None:
            return None
        own = [each for each in usable(world) if each.user == message.sender]
        if own and random.random() < 0.4:
            device = random.choice(own)
        return Move(kind=kind, label=label, by=device.name, target=message.label)

    return draw


def _write_message(world: World, move: Move) -> list[Step] | None:
    """One message, as it stands for who looks; who cannot see it finds none."""
    message, user = world.messages.get(move.target), user_of(move.by)
    if message is None or not world.devices[move.by].logged_in:
        return None
    step: Step = {"as": move.by, "message": of(message.label)}
    if not world.sees(user, message):
        requirement = _hidden(world.chats[message.chat], user)
        return [step | {"fails": "unknown_message", "proves": requirement}]
    pattern = content(world.as_seen(user, message)) | {
        "message_id": f"${message.label}.message_id",
        "sender_id": f"${message.sender}.user_id",
    }
    return [step | {"match": pattern, "proves": ["REL-2"]}]


def _hidden(chat: Chat, user: str) -> str:
    return "CONV-5" if chat.standing(user) == "stranger" else "CONV-4"


def _write_status(world: World, move: Move) -> list[Step] | None:
    """Ask for a message's status; only its sender is told. The checkers judge the answer."""
    message, user = world.messages.get(move.target), user_of(move.by)
    if message is None or not world.devices[move.by].logged_in:
        return None
    step: Step = {"as": move.by, "status_of": of(message.label)}
    chat = world.chats[message.chat]
    if not world.sees(user, message):
        return [step | {"fails": "unknown_message", "proves": _hidden(chat, user)}]
    if message.sender != user:
        return [step | {"fails": "not_sender", "proves": "STA-7"}]
    if chat.standing(user) != "member":
        return None
    return [*settled(world), step]


LOOKING: Final[dict[str, Kind]] = {
    "page": Kind(
        draw=_draw_in_chat("page", "", "", "", "oldest", "oldest", *_BAD_LIMITS, strangers=0.1),
        write=_write_page,
        weight=4,
    ),
    "poll": Kind(draw=_draw_poll, write=_write_poll, weight=6),
    "walk": Kind(draw=_draw_in_chat("walk", "before", "after"), write=_write_walk, weight=2),
    "view": Kind(draw=_draw_in_chat("view", strangers=0.15), write=_write_view, weight=4),
    "list": Kind(draw=_draw_in_chat("list", "", "top"), write=_write_list, weight=2),
    "message": Kind(draw=_draw_about("message"), write=_write_message, weight=5),
    "status": Kind(draw=_draw_about("status"), write=_write_status, weight=4),
}
