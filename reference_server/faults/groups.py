"""Faults in groups: how they come about, who is in them, who sees what (CONV)."""

from __future__ import annotations

from collections import Counter
from typing import Any

import trio
from msgspec.structs import replace

from ..core import log
from ..core.log import Author, Change
from ..core.model import Conversation, Identity, Member, Membership, SystemBody
from ..events import ConversationEvent, MessageEvent, Post, TypingEvent
from ..hub import Hub
from ..service import conversations, messages
from ..service.access import to_change
from ..service.conversations import Conversations, CreateRequest
from ..service.kernel import Outcome
from ..storage.base import Commands, EarlierKey, Queries
from ..storage.sqlite import SqliteCommands
from ..storage.sqlite_queries import SqliteQueries
from .seams import Genuine, Seams, fault


@fault("CONV-2", "DLV-1", "ORD-2")
def one_member_is_left_out(seams: Seams) -> None:
    """Once in 30, a message to a group does not reach one of its members."""

    @seams.instead(Hub, "publish")
    def publish(genuine: Genuine, hub: Hub, post: Post) -> None:
        if isinstance(post.event, MessageEvent) and len(post.to) > 2 and seams.once_in(30):
            post = replace(post, to=list(post.to)[:-1])
        genuine(hub, post)


@fault("CONV-2", "CONV-4", "EPH-1")
def the_removed_hear_on(seams: Seams) -> None:
    """Who was removed from a group still receives what is said in it, and who is typing."""
    gone: dict[str, set[str]] = {}

    @seams.instead(SqliteCommands, "end_stay")
    def end(
        genuine: Genuine, commands: SqliteCommands, left: Conversation, user_id: str, *rest: int
    ) -> None:
        gone.setdefault(left.conversation_id, set()).add(user_id)
        genuine(commands, left, user_id, *rest)

    @seams.instead(Hub, "publish")
    def publish(genuine: Genuine, hub: Hub, post: Post) -> None:
        where = ""
        if isinstance(post.event, MessageEvent):
            where = post.event.message.conversation_id
        elif isinstance(post.event, TypingEvent):
            where = post.event.conversation_id
        also = gone.get(where, set())
        genuine(hub, replace(post, to=list(dict.fromkeys((*post.to, *also)))))


@fault("CONV-3")
def every_member_manages(seams: Seams) -> None:
    """A plain member can add, remove and rename."""
    seams.value(log, "MANAGERS", frozenset(("owner", "admin", "member")))


@fault("CONV-3")
def admins_grant_roles(seams: Seams) -> None:
    """An admin can make owners and admins, and unmake them."""

    @seams.instead(log, "_change_role")
    def change(genuine: Genuine, conversation: Conversation, author: Author, *rest: Any) -> Change:
        assert author.user_id is not None
        mine = conversation.members[author.user_id]
        promoted = replace(mine, role="owner") if mine.role == "admin" else mine
        members = conversation.members | {author.user_id: promoted}
        changed: Change = genuine(replace(conversation, members=members), author, *rest)
        if changed.conversation.members[author.user_id] is not promoted:
            return changed
        restored = changed.conversation.members | {author.user_id: mine}
        return Change(replace(changed.conversation, members=restored), changed.entries)


@fault("CONV-3")
def nobody_inherits(seams: Seams) -> None:
    """When the last owner leaves, the group has none any more."""
    seams.value(log, "SUCCESSION", ())


@fault("CONV-3")
def titles_change_silently(seams: Seams) -> None:
    """A group's new title is there, but no entry tells of it."""

    @seams.instead(Conversations, "_rename")
    def rename(
        genuine: Genuine,
        use: Conversations,
        me: Identity,
        conversation_id: str,
        title: str,
        commands: SqliteCommands,
    ) -> Any:
        before = to_change(commands, conversation_id, me.user_id)
        if before.kind == "direct" or before.members[me.user_id].role == "member":
            return genuine(use, me, conversation_id, title, commands)
        after = replace(before, title=title)
        commands.set_title(conversation_id, title)
        commands._remember(after)
        return Outcome(use._view(commands, after, me.user_id, me.device_id))


@fault("CONV-4")
def newcomers_read_the_past(seams: Seams) -> None:
    """Who joins a group can page back to its first message."""

    @seams.instead(messages, "to_see")
    def to_see(genuine: Genuine, *which: Any) -> tuple[Conversation, Membership]:
        conversation, stay = genuine(*which)
        return conversation, replace(stay, joined_seq=1)


@fault("CONV-4")
def the_removed_read_on(seams: Seams) -> None:
    """Who was removed from a group can still read in its history what is said there now."""

    @seams.instead(messages, "to_see")
    def to_see(genuine: Genuine, *which: Any) -> tuple[Conversation, Membership]:
        conversation, stay = genuine(*which)
        return conversation, replace(stay, left_seq=None)


@fault("CONV-4")
def rejoining_fills_the_gap(seams: Seams) -> None:
    """Who left a group and joined again can read what was said in between."""

    @seams.instead(messages, "to_see")
    def to_see(
        genuine: Genuine, queries: Queries, conversation_id: str, user_id: str
    ) -> tuple[Conversation, Membership]:
        conversation, stay = genuine(queries, conversation_id, user_id)
        own = [each for each in queries.stays(conversation_id) if each.user_id == user_id]
        return conversation, replace(stay, joined_seq=min(each.joined_seq for each in own))


@fault("CONV-7")
def refused_groups_are_there(seams: Seams) -> None:
    """A group with an unknown member is refused, and there all the same, without that member."""

    @seams.instead(Conversations, "_create_group")
    def create(
        genuine: Genuine,
        use: Conversations,
        me: Identity,
        request: CreateRequest,
        *rest: Any,
    ) -> Any:
        commands: Commands = rest[-1]
        unknown = commands.unknown_users(request.members)
        if unknown:
            known = [user_id for user_id in request.members if user_id not in unknown]
            genuine(use, me, replace(request, members=known), *rest)
        return genuine(use, me, request, *rest)


@fault("CONV-7")
def creations_are_repeated(seams: Seams) -> None:
    """A creation that is repeated with its `Idempotency-Key` makes a second group."""

    @seams.instead(SqliteQueries, "idempotency_key")
    def look_up(_genuine: Genuine, *_which: Any) -> None:
        return None


@fault("CONV-7")
def creations_race_to_two(seams: Seams) -> None:
    """A group whose creation is repeated before the first is answered is there twice."""
    under_way: Counter[tuple[str, str | None]] = Counter()

    @seams.instead(Conversations, "create")
    async def create(
        genuine: Genuine, use: Conversations, me: Identity, request: Any, key: Any, content: Any
    ) -> Any:
        under_way[me.user_id, key] += 1
        await trio.sleep(0.1)
        try:
            return await genuine(use, me, request, key, content)
        finally:
            under_way[me.user_id, key] -= 1

    @seams.instead(SqliteQueries, "idempotency_key")
    def look_up(genuine: Genuine, queries: Queries, user_id: str, key: str) -> EarlierKey | None:
        return None if under_way[user_id, key] > 1 else genuine(queries, user_id, key)


@fault("CONV-4", "CONV-6")
def left_groups_show_the_present(seams: Seams) -> None:
    """In the list of chats, a group that one has left shows the title and the news of today."""

    @seams.instead(conversations, "conversation_view")
    def view(
        genuine: Genuine, queries: Queries, chat: Conversation, *whose: Any, **how: Any
    ) -> Any:
        shown = genuine(queries, chat, *whose, **how)
        return replace(shown, title=chat.title, head_seq=chat.head_seq)


@fault("CONV-3", "CONV-7")
def creators_are_not_named(seams: Seams) -> None:
    """The first entry of a group does not name its creator among the members."""

    @seams.instead(log, "new_group")
    def new_group(genuine: Genuine, *what: Any, **how: Any) -> Change:
        change: Change = genuine(*what, **how)
        (entry,) = change.entries
        assert isinstance(entry.body, SystemBody)
        named = [user_id for user_id in change.conversation.members if user_id != entry.sender_id]
        body = replace(entry.body, user_ids=tuple(named))
        return Change(change.conversation, (replace(entry, body=body),))


@fault("CONV-2")
def groups_are_not_announced(seams: Seams) -> None:
    """Who becomes a member of a group gets its messages, but is never told of the group."""

    @seams.instead(Hub, "publish")
    def publish(genuine: Genuine, hub: Hub, post: Post) -> None:
        told = isinstance(post.event, ConversationEvent) and post.event.conversation.kind == "group"
        if not told:
            genuine(hub, post)


@fault("CONV-2", "SEC-2")
def friends_of_members_listen_in(seams: Seams) -> None:
    """What is said in a group also reaches those who have a chat with the one who says it."""
    friends: dict[str, set[str]] = {}

    @seams.instead(SqliteCommands, "add_conversation")
    def add(genuine: Genuine, commands: Commands, chat: Conversation, pair: Any) -> None:
        genuine(commands, chat, pair)
        for one, other in (pair, pair[::-1]) if pair is not None else ():
            friends.setdefault(one, set()).add(other)

    @seams.instead(Hub, "publish")
    def publish(genuine: Genuine, hub: Hub, post: Post) -> None:
        if isinstance(post.event, MessageEvent) and len(post.to) > 2:
            also = friends.get(post.event.message.sender_id or "", set())
            post = replace(post, to=list(dict.fromkeys((*post.to, *also))))
        genuine(hub, post)


@fault("CONV-3")
def the_last_owner_can_step_down(seams: Seams) -> None:
    """The last owner of a group can become a plain member, and then nobody can change it any more."""

    @seams.instead(log, "_change_role")
    def change(genuine: Genuine, conversation: Conversation, *rest: Any) -> Change:
        with_another = conversation.members | {"": Member("owner", 1)}
        changed: Change = genuine(replace(conversation, members=with_another), *rest)
        members = dict(changed.conversation.members)
        del members[""]
        return Change(replace(changed.conversation, members=members), changed.entries)


@fault("CONV-3")
def roles_are_set_again_and_again(seams: Seams) -> None:
    """Giving a member the role that it has writes an entry each time."""

    @seams.instead(log, "set_member")
    def set_member(
        genuine: Genuine, chat: Conversation, author: Author, user_id: str, role: Any, *rest: Any
    ) -> Change:
        present = chat.members.get(user_id)
        if chat.kind == "group" and present is not None and role == present.role == "member":
            body = SystemBody(event="role", user_id=user_id, role=role)
            return log.append(chat, author, body, rest[0])
        changed: Change = genuine(chat, author, user_id, role, *rest)
        return changed


@fault("CONV-3", "CONV-7")
def creators_who_name_themselves_are_plain(seams: Seams) -> None:
    """Who names themselves among the members of a new group is a plain member of it, and nobody its owner."""

    @seams.instead(log, "new_group")
    def new_group(
        genuine: Genuine, chat: str, owner: Author, others: Any, *rest: Any, **k: Any
    ) -> Any:
        named = list(others)
        change: Change = genuine(chat, owner, named, *rest, **k)
        if owner.user_id not in named or owner.user_id is None:
            return change
        members = {**change.conversation.members, owner.user_id: Member("member", 1)}
        return replace(change, conversation=replace(change.conversation, members=members))
