"""Who may see and change what: the one place where membership is looked up.

A stranger and a missing conversation look the same, always `unknown_conversation` (CONV-5).
"""

from __future__ import annotations

from ..core import errors
from ..core.log import Author
from ..core.model import Asset, Conversation, Identity, Membership, Message, place_of
from ..storage.base import Queries
from .showing import Reader, as_shown


def author_of(me: Identity) -> Author:
    """The author of what `me` appends."""
    return Author(me.user_id, me.device_id)


def to_change(queries: Queries, conversation_id: str, user_id: str) -> Conversation:
    """The conversation, for a present member. A former one is told so (`not_a_member`)."""
    conversation = queries.conversation(conversation_id)
    if conversation is not None and user_id in conversation.members:
        return conversation
    if conversation is None or queries.stay(conversation_id, user_id) is None:
        raise errors.UnknownConversation
    raise errors.NotAMember


def to_see(queries: Queries, conversation_id: str, user_id: str) -> tuple[Conversation, Membership]:
    """The conversation and the latest stay in it, for a present or a former member."""
    conversation = queries.conversation(conversation_id)
    stay = queries.stay(conversation_id, user_id)
    if conversation is None or stay is None:
        raise errors.UnknownConversation
    return conversation, stay


def to_see_entry(queries: Queries, message_id: str, me: Identity) -> Message:
    """The entry as it stands for one who can see it; else `unknown_message`."""
    place = place_of(message_id)
    if place is not None:
        stay = queries.stay(place[0], me.user_id)
        if stay is not None and stay.sees(place[1]):
            entry = queries.entry(*place)
            if entry is not None:
                reader = Reader(me.user_id, me.device_id, stay.left_seq)
                (shown,) = as_shown(queries, [entry], reader)
                return shown
    raise errors.UnknownMessage


def to_read_asset(queries: Queries, asset_id: str, user_id: str) -> Asset:
    """The asset, for its uploader and for who can see a message that carries it (AST-2)."""
    asset = queries.asset(asset_id)
    if asset is None or (asset.owner_id != user_id and not queries.sees_asset(asset_id, user_id)):
        raise errors.UnknownAsset
    return asset
