"""Verbs of messaging: conversations, messages, acknowledgements, histories, statuses."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import UNSET

from ..adapters.base import SendCall
from ..cast import Device
from ..language.messaging import (
    Conversations,
    Create,
    Page,
    RemoveMember,
    Rename,
    Send,
    SetMember,
    Typing,
    Walk,
    WalkConversations,
    Watermark,
)
from .base import Verb, id_of, line_of, optional, size_of, user_in
from .encryption import sealed

Json = Any

_PLAIN_BYTES = 8
_BEYOND_BMP = "\N{SMILING FACE WITH OPEN MOUTH}"


async def send(device: Device, args: Send) -> Json:
    """Send a message; without waiting, answer its outcome to come."""
    call = SendCall(
        conversation_id=id_of(args.to, "conversation_id"),
        client_message_id=(
            device.cast.seeds.word(device.next_what("client_message_id"), 16)
            if args.client_message_id is UNSET
            else args.client_message_id
        ),
        body=await _sent_body(device, args),
        relates_to=optional(args.relates_to),
        expires_in_s=optional(args.expires_in_s),
    )
    if args.via == "http":
        return await device.client.send_message(call)
    line = line_of(device)
    outcome = await line.send_message(call)
    return await line.settled(outcome) if args.wait else outcome


async def _sent_body(device: Device, args: Send) -> Json:
    if args.encrypt is UNSET:
        return _body(device, args)
    chosen = (args.body, args.text, args.length)
    body = None if all(each is UNSET for each in chosen) else _body(device, args)
    return await sealed(device, args.encrypt, args.to, body, optional(args.relates_to))


def _body(device: Device, args: Send) -> Json:
    if args.body is not UNSET:
        return args.body
    if args.text is not UNSET:
        return {"kind": "text", "text": args.text}
    if args.length is UNSET and _bodiless(args.relates_to):
        return None
    return {"kind": "text", "text": _own_text(device, args.length)}


def _bodiless(relates_to: Json) -> bool:
    return isinstance(relates_to, dict) and relates_to.get("relation") in ("delete", "reaction")


def _own_text(device: Device, length: Json) -> str:
    random = device.cast.seeds.stream(device.next_what("text"))
    if length is UNSET:
        return random.randbytes(_PLAIN_BYTES).hex()
    points = size_of(length, "length")
    text = random.randbytes(points // 2 + 1).hex()[: max(points - 1, 0)]
    return (text + _BEYOND_BMP)[:points]


async def _acknowledge(
    device: Device, args: Watermark, status: Literal["delivered", "read"]
) -> None:
    conversation_id = id_of(args.conversation, "conversation_id")
    await line_of(device).acknowledge(conversation_id, status, args.up_to)


async def delivered(device: Device, args: Watermark) -> None:
    """Acknowledge up to a seq as delivered."""
    await _acknowledge(device, args, "delivered")


async def read(device: Device, args: Watermark) -> None:
    """Acknowledge up to a seq as read."""
    await _acknowledge(device, args, "read")


async def typing(device: Device, args: Typing) -> None:
    """Tell the other members that one is writing, or no more."""
    await line_of(device).tell_typing(id_of(args.conversation, "conversation_id"), args.active)


async def create(device: Device, args: Create) -> Json:
    """Create a conversation."""
    if args.direct is not UNSET:
        other = args.direct if isinstance(args.direct, list) else [args.direct]
        return await device.client.create_direct(
            [user_in(each) for each in other], encrypted=optional(args.encrypted)
        )
    members = args.group if isinstance(args.group, list) else [args.group]
    return await device.client.create_group(
        [user_in(each) for each in members],
        optional(args.title),
        optional(args.idempotency_key),
        encrypted=optional(args.encrypted),
    )


async def set_member(device: Device, args: SetMember) -> Json:
    """Add a member, or change a role."""
    conversation_id = id_of(args.conversation, "conversation_id")
    user_id = id_of(args.user, "user_id")
    return await device.client.set_member(conversation_id, user_id, optional(args.role))


async def remove_member(device: Device, args: RemoveMember) -> Json:
    """Remove a member, or leave."""
    conversation_id = id_of(args.conversation, "conversation_id")
    return await device.client.remove_member(conversation_id, id_of(args.user, "user_id"))


async def rename(device: Device, args: Rename) -> Json:
    """Set a group's title."""
    conversation_id = id_of(args.conversation, "conversation_id")
    return await device.client.rename(conversation_id, args.title)


async def conversation(device: Device, args: Json) -> Json:
    """Look a conversation up."""
    return await device.client.conversation(id_of(args, "conversation_id"))


async def conversations(device: Device, args: Conversations) -> Json:
    """One page of one's own conversations."""
    return await device.client.conversations(
        limit=optional(args.limit), cursor=optional(args.cursor)
    )


async def walk_conversations(device: Device, args: WalkConversations) -> Json:
    """All of one's own conversations."""
    return await device.client.walk_conversations(limit=optional(args.limit))


async def page(device: Device, args: Page) -> Json:
    """One page of a history."""
    return await device.client.page(
        id_of(args.conversation, "conversation_id"),
        limit=optional(args.limit),
        before=optional(args.before),
        after=optional(args.after),
    )


async def walk(device: Device, args: Walk) -> Json:
    """A whole history."""
    walked = await device.client.walk(
        id_of(args.conversation, "conversation_id"),
        args.direction,
        limit=optional(args.limit),
        start=optional(args.start),
    )
    return {"items": walked.items, "pages": walked.pages, "after": walked.after}


async def message(device: Device, args: Json) -> Json:
    """Look a message up."""
    return await device.client.message(id_of(args, "message_id"))


async def status_of(device: Device, args: Json) -> Json:
    """Ask for a message's status."""
    return await device.client.status_of(id_of(args, "message_id"))


MESSAGING: dict[str, Verb] = {
    "send": send,
    "delivered": delivered,
    "read": read,
    "typing": typing,
    "create": create,
    "set_member": set_member,
    "remove_member": remove_member,
    "rename": rename,
    "conversation": conversation,
    "conversations": conversations,
    "walk_conversations": walk_conversations,
    "page": page,
    "walk": walk,
    "message": message,
    "status_of": status_of,
}
