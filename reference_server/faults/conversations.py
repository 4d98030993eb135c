"""Faults in conversations: which there are, how they are listed, who is blocked (CONV)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import trio
from msgspec.structs import replace

from ..core import errors, log
from ..core.log import Change
from ..core.model import Conversation, Identity
from ..service import conversations, messages, receipts, typing
from ..service.blocks import Blocks
from ..service.conversations import Conversations, CreateRequest
from ..storage.base import Chat, Commands, Queries
from ..storage.sqlite import SqliteCommands
from ..storage.sqlite_order import OrderQueries
from ..storage.sqlite_queries import SqliteQueries
from ..storage.sqlite_standings import StandingCommands, StandingQueries
from .seams import Genuine, Seams, fault


@fault("CONV-1")
def a_chat_for_each_side(seams: Seams) -> None:
    """Bob, who wants to write to Alice, gets another chat than the one that Alice began with him."""
    begun_by: dict[str, str] = {}
    asking: list[str] = []

    @seams.instead(Conversations, "_create_direct")
    def create(
        genuine: Genuine,
        use: Conversations,
        me: Identity,
        request: CreateRequest,
        commands: Commands,
    ) -> Any:
        asking[:] = [me.user_id]
        return genuine(use, me, request, commands)

    @seams.instead(SqliteQueries, "direct_conversation")
    def look_up(genuine: Genuine, queries: SqliteQueries, pair: tuple[str, str]) -> str | None:
        found: str | None = genuine(queries, pair)
        return found if found is None or begun_by.get(found) == asking[0] else None

    @seams.instead(SqliteCommands, "add_conversation")
    def add(
        genuine: Genuine, commands: SqliteCommands, conversation: Conversation, pair: Any
    ) -> None:
        if pair is not None:
            begun_by[conversation.conversation_id] = asking[0]
            _let_go_of_pair(commands, pair)
        genuine(commands, conversation, pair)


@fault("CONV-1")
def chats_begun_at_once_are_two(seams: Seams) -> None:
    """Two who begin a chat with each other in the same moment get one each."""
    under_way: Counter[tuple[str, ...]] = Counter()

    @seams.instead(Conversations, "create")
    async def create(
        genuine: Genuine, use: Conversations, me: Identity, request: CreateRequest, *rest: Any
    ) -> Any:
        pair = tuple(sorted((me.user_id, *request.members)))
        under_way[pair] += 1
        await trio.sleep(0.1)
        try:
            return await genuine(use, me, request, *rest)
        finally:
            under_way[pair] -= 1

    @seams.instead(SqliteQueries, "direct_conversation")
    def look_up(genuine: Genuine, queries: SqliteQueries, pair: tuple[str, str]) -> str | None:
        return None if under_way[pair] > 1 else genuine(queries, pair)

    @seams.instead(SqliteCommands, "add_conversation")
    def add(
        genuine: Genuine, commands: SqliteCommands, conversation: Conversation, pair: Any
    ) -> None:
        if pair is not None:
            _let_go_of_pair(commands, pair)
        genuine(commands, conversation, pair)


def _let_go_of_pair(commands: SqliteCommands, pair: tuple[str, str]) -> None:
    commands._do("UPDATE conversations SET pair = NULL WHERE pair = ?", " ".join(pair))


@fault("CONV-5")
def strangers_are_told_403(seams: Seams) -> None:
    """Who is no member is told that a conversation exists and is not theirs."""

    def look_up(genuine: Genuine, queries: Queries, conversation_id: str, user_id: str) -> Any:
        try:
            return genuine(queries, conversation_id, user_id)
        except errors.UnknownConversation:
            if queries.conversation(conversation_id) is None:
                raise
            raise errors.NotPermitted("This conversation is not yours.") from None

    for module in (conversations, messages, receipts, typing):
        for name in ("to_see", "to_change"):
            if name in vars(module):
                seams.instead(module, name)(look_up)


@fault("CONV-5")
def strangers_are_no_members(seams: Seams) -> None:
    """A stranger's message to a conversation is refused with another code when the conversation exists."""

    @seams.instead(messages, "to_change")
    def look_up(genuine: Genuine, queries: Queries, conversation_id: str, user_id: str) -> Any:
        try:
            return genuine(queries, conversation_id, user_id)
        except errors.UnknownConversation:
            if queries.conversation(conversation_id) is None:
                raise
            raise errors.NotAMember from None


@fault("CONV-6")
def own_messages_are_unread(seams: Seams) -> None:
    """One's own messages count among the unread ones."""

    @seams.instead(SqliteQueries, "unread")
    def unread(genuine: Genuine, queries: Queries, chat: str, _user_id: str, *span: int) -> Any:
        return genuine(queries, chat, "", *span)


@fault("CONV-6")
def deleted_messages_stay_unread(seams: Seams) -> None:
    """A message that was deleted before it was read counts as unread for ever."""

    @seams.instead(SqliteQueries, "unread")
    def unread(_genuine: Genuine, queries: SqliteQueries, *which: Any) -> int:
        row = queries._one(
            "SELECT count(*) FROM entries WHERE conversation_id = ? AND sender_id <> ?"
            " AND seq > ? AND seq <= ? AND kind NOT IN ('system', 'edit', 'delete', 'reaction')",
            which[0], which[1], which[2], which[3],
        )  # fmt: skip
        assert row is not None
        return int(row[0])


@fault("CONV-6")
def system_entries_are_unread(seams: Seams) -> None:
    """Who joins or leaves a group makes it unread for the others."""

    @seams.instead(SqliteQueries, "unread")
    def unread(
        genuine: Genuine, queries: SqliteQueries, chat: str, user_id: str, above: int, up_to: int
    ) -> int:
        row = queries._one(
            "SELECT count(*) FROM entries WHERE conversation_id = ? AND seq > ? AND seq <= ?"
            " AND sender_id <> ? AND kind = 'system'",
            chat, above, up_to, user_id,
        )  # fmt: skip
        assert row is not None
        return int(genuine(queries, chat, user_id, above, up_to)) + int(row[0])


@fault("CONV-6")
def a_chat_is_lost_at_the_page_edge(seams: Seams) -> None:
    """On every page of the list of chats but the first, one chat is missing."""

    @seams.instead(OrderQueries, "chats")
    def chats(
        genuine: Genuine, queries: Queries, user_id: str, below: int | None, limit: int
    ) -> Sequence[Chat]:
        found: list[Chat] = genuine(queries, user_id, below, limit + 1)
        return found[:limit] if below is None else found[1:]


@fault("CONV-6")
def reactions_are_last_messages(seams: Seams) -> None:
    """In the list of chats, an edit or a reaction stands where the last message should."""

    @seams.instead(log, "append")
    def append(genuine: Genuine, *what: Any) -> Change:
        change: Change = genuine(*what)
        after = replace(change.conversation, last_message_seq=change.conversation.head_seq)
        return Change(after, change.entries)


@fault("CONV-6")
def the_list_of_chats_stands_still(seams: Seams) -> None:
    """A new message does not bring its chat to the top of the list."""

    @seams.instead(SqliteCommands, "append")
    def append(genuine: Genuine, commands: SqliteCommands, chat: Conversation, *rest: Any) -> None:
        row = commands._one(
            "SELECT activity FROM conversations WHERE conversation_id = ?", chat.conversation_id
        )
        genuine(commands, chat, *rest)
        assert row is not None
        commands._do(
            "UPDATE conversations SET activity = ? WHERE conversation_id = ?",
            row[0], chat.conversation_id,
        )  # fmt: skip


@fault("CONV-8")
def direct_chats_have_titles(seams: Seams) -> None:
    """A direct conversation can be renamed, and others added to it."""

    @seams.instead(log, "_must_be_group")
    def must_be_group(_genuine: Genuine, _conversation: Conversation) -> None: ...

    seams.value(log, "MANAGERS", frozenset(("owner", "admin", "member")))


@fault("CONV-9")
def blocks_hold_one_way(seams: Seams) -> None:
    """Who blocked another can still write to them, or is written to: a block holds one way only."""

    @seams.instead(StandingQueries, "blocked")
    def blocked(_genuine: Genuine, queries: StandingQueries, one: str, other: str) -> bool:
        row = queries._one("SELECT 1 FROM blocks WHERE blocker = ? AND blocked = ?", one, other)
        return row is not None


@fault("CONV-9")
def blocks_reach_into_groups(seams: Seams) -> None:
    """Two of whom one blocked the other cannot write to a group either that both are in."""

    @seams.instead(messages, "check_blocks")
    def check(_genuine: Genuine, commands: Commands, conversation: Conversation) -> None:
        members = sorted(conversation.members)
        for number, one in enumerate(members):
            if any(commands.blocked(one, other) for other in members[number + 1 :]):
                raise errors.Blocked


@fault("CONV-9")
def blocks_end_with_the_process(seams: Seams) -> None:
    """After a restart of the server, everybody can write to everybody again."""
    blocks: set[tuple[str, str]] = set()

    def add(_genuine: Genuine, _commands: Commands, blocker: str, blocked: str) -> None:
        blocks.add((blocker, blocked))

    def remove(_genuine: Genuine, _commands: Commands, blocker: str, blocked: str) -> None:
        blocks.discard((blocker, blocked))

    def ask(_genuine: Genuine, _commands: Commands, one: str, other: str) -> bool:
        return (one, other) in blocks or (other, one) in blocks

    seams.instead(StandingCommands, "add_block")(add)
    seams.instead(StandingCommands, "remove_block")(remove)
    seams.instead(StandingCommands, "blocked")(ask)


@fault("CONV-9")
def anybody_can_be_blocked(seams: Seams) -> None:
    """One can block users that do not exist, and oneself."""

    @seams.instead(Blocks, "_change")
    async def change(genuine: Genuine, use: Blocks, me: Identity, user_id: str, deed: Any) -> None:
        with suppress(errors.UnknownUser, errors.InvalidRequest):
            await genuine(use, me, user_id, deed)


@fault("ERR-1")
def unknown_partners_are_invalid_requests(seams: Seams) -> None:
    """A chat with somebody who does not exist is refused with a code that says nothing of it."""

    @seams.instead(Conversations, "_create_direct")
    def create(genuine: Genuine, *what: Any) -> Any:
        try:
            return genuine(*what)
        except errors.UnknownUser:
            raise errors.InvalidRequest from None


@fault("CONV-9")
def unblocking_takes_both_blocks_away(seams: Seams) -> None:
    """Of two who blocked each other, one who takes the own block back takes the other's away as well."""

    @seams.instead(StandingCommands, "remove_block")
    def remove(genuine: Genuine, commands: Commands, blocker: str, blocked: str) -> None:
        genuine(commands, blocker, blocked)
        genuine(commands, blocked, blocker)
