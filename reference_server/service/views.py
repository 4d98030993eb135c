"""A conversation as one of its members is shown it (§3)."""

from __future__ import annotations

from msgspec import UNSET

from ..core.model import Conversation, ConversationView, Membership, MemberView, Message
from ..core.times import rfc3339
from ..storage.base import Queries
from .showing import Reader, as_shown

LISTED_MEMBERS = 100
"""In the list of chats, groups of more than this come without their members."""


def conversation_view(
    queries: Queries,
    conversation: Conversation,
    stay: Membership,
    device_id: str | None,
    *,
    listed: bool = False,
) -> ConversationView:
    """The view for the owner of `stay`; a former member sees the conversation as it left it.

    It is for the device `device_id`, or with None for all devices of the owner.
    """
    title, count = conversation.title, len(conversation.members)
    members: tuple[MemberView, ...] = ()
    if stay.left_seq is not None:
        departure = queries.departure(conversation.conversation_id, stay.user_id)
        assert departure is not None
        title, count = departure.title, departure.member_count
    elif not listed or count <= LISTED_MEMBERS:
        members = tuple(
            MemberView(
                other.user_id, other.role, other.joined_seq, other.delivered_seq, other.read_seq
            )
            for other in queries.current_stays(conversation.conversation_id)
        )
    head = stay.visible_head(conversation.head_seq)
    # A former member's last entry is its farewell, so a message by itself.
    newest = conversation.last_message_seq if stay.left_seq is None else head
    return ConversationView(
        conversation_id=conversation.conversation_id,
        kind=conversation.kind,
        title=title,
        encrypted=conversation.encrypted,
        created_at=rfc3339(conversation.created_at),
        head_seq=head,
        member_count=count,
        members=members or UNSET,
        last_message=_shown(queries, conversation.conversation_id, newest, stay, device_id),
        unread_count=queries.unread(
            conversation.conversation_id, stay.user_id, stay.read_seq, head
        ),
        left=stay.left_seq is not None,
    )


def _shown(
    queries: Queries, conversation_id: str, seq: int, stay: Membership, device_id: str | None
) -> Message | None:
    entry = queries.entry(conversation_id, seq) if stay.sees(seq) else None
    if entry is None:
        return None
    reader = Reader(stay.user_id, device_id, stay.left_seq)
    (shown,) = as_shown(queries, [entry], reader)
    return shown
