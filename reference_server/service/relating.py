"""What a send with `relates_to` does: its target found and checked, changed, and told (§4, REL-1)."""

from __future__ import annotations

from msgspec import UNSET
from msgspec.structs import replace

from ..core import errors, relations, standing
from ..core.model import Conversation, ExpiredBody, Message, RelatesTo
from ..core.standing import AS_SENT, Standing
from ..events import MessageEvent, Post, SealedPost
from ..storage.base import Commands
from .sealing import announced


def to_relate(
    commands: Commands, conversation: Conversation, user_id: str, relation: RelatesTo
) -> tuple[Message, Standing]:
    """The target and how it stands; raises `UnknownTarget` and `NotPermitted`."""
    seq = relations.target_place(conversation, user_id, relation)
    conversation_id = conversation.conversation_id
    target = commands.entry(conversation_id, seq)
    if target is None or commands.expired(conversation_id, user_id, [seq]):
        raise errors.UnknownTarget
    stands = commands.standings(conversation_id, seq, seq, None).get(seq, AS_SENT)
    relations.check_target(conversation, user_id, relation, target, stands)
    return target, stands


def take_effect(commands: Commands, target: tuple[Message, Standing], entry: Message) -> None:
    """Change how the target stands, now that `entry` is in the log."""
    message, before = target
    relates_to, user_id = entry.relates_to, entry.sender_id
    assert relates_to is not None
    assert user_id is not None
    place, key = (message.conversation_id, message.seq), relates_to.key
    reacted = key is not UNSET and commands.reacted(*place, key, user_id)
    after = standing.after(before, entry, reacted=reacted)
    if after is before:
        return
    commands.set_standing(*place, after)
    if key is not UNSET:
        change = commands.remove_reaction if relates_to.remove else commands.add_reaction
        change(*place, key, user_id)


def posts_of_relation(
    commands: Commands,
    conversation: Conversation,
    target: tuple[Message, Standing],
    entry: Message,
    origin: object,
) -> tuple[Post | SealedPost, ...]:
    """Who is told what: for whom a message has expired, the bodies of its edits are hidden, too."""
    told = announced(entry, conversation.members, origin)
    message, _ = target
    if message.expires_at is None or relations.edited_place(entry) is None:
        return (told,)
    failed = commands.failures(message.conversation_id, message.seq)
    hidden = Post(
        MessageEvent(replace(entry, body=ExpiredBody())),
        [user_id for user_id in failed if user_id in conversation.members],
    )
    seeing = [user_id for user_id in conversation.members if user_id not in failed]
    return replace(told, to=seeing), hidden
