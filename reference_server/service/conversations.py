"""Conversations and their membership (§3)."""

from __future__ import annotations

from functools import partial
from typing import Any

from msgspec import Struct

from ..core import cursors, errors, inputs, log
from ..core.limits import DEFAULT_PAGE_LIMIT, IDEMPOTENCY_KEY_TTL_MS
from ..core.log import Change
from ..core.model import Conversation, ConversationView, Identity, Kind, Role
from ..events import ConversationEvent, MessageEvent, Post
from ..storage.base import Commands, Queries
from .access import author_of, to_change, to_see
from .kernel import Kernel, Outcome
from .views import conversation_view


class CreateRequest(Struct, frozen=True):
    """`POST /v1.0/conversations`."""

    kind: Kind
    members: list[str]
    title: str | None = None
    encrypted: bool | None = None


class Created(Struct, frozen=True):
    """The conversation, and whether it is new."""

    conversation: ConversationView
    created: bool


class ConversationPage(Struct, frozen=True):
    """A page of the list of chats; `next_cursor` is None at the end."""

    items: list[ConversationView]
    next_cursor: str | None


class Conversations:
    """Use cases about conversations."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    async def create(
        self, me: Identity, request: CreateRequest, key: str | None, content: Any
    ) -> Created:
        """Create a conversation, or find the one that there is.

        `key` is the `Idempotency-Key` header and `content` the request as JSON, for groups (§3).
        """
        if key is not None:
            inputs.check_id(key, "")
        if request.kind == "direct":
            return await self._kernel.do(partial(self._create_direct, me, request))
        if request.title is not None:
            inputs.check_name(request.title, "/title")
        return await self._kernel.do(
            partial(self._create_group, me, request, key, inputs.fingerprint(request=content))
        )

    def _create_direct(
        self, me: Identity, request: CreateRequest, commands: Commands
    ) -> Outcome[Created]:
        if len(request.members) != 1 or request.members[0] == me.user_id:
            raise errors.pointed(
                errors.InvalidRequest,
                "/members",
                "A direct conversation names exactly one user, another than oneself.",
            )
        (other,) = request.members
        if commands.unknown_users([other]):
            raise errors.UnknownUser
        pair = (min(me.user_id, other), max(me.user_id, other))
        existing = commands.direct_conversation(pair)
        if existing is not None:
            conversation, stay = to_see(commands, existing, me.user_id)
            if request.encrypted not in (None, conversation.encrypted):
                raise errors.EncryptionMismatch
            view = conversation_view(commands, conversation, stay, me.device_id)
            return Outcome(Created(view, created=False))
        conversation = log.new_direct(
            self._kernel.new_id(), pair, self._kernel.now(), encrypted=bool(request.encrypted)
        )
        commands.add_conversation(conversation, pair)
        view = self._view(commands, conversation, me.user_id, None)
        return Outcome(Created(view, created=True), (Post(ConversationEvent(view), pair),))

    def _create_group(
        self,
        me: Identity,
        request: CreateRequest,
        key: str | None,
        print_: bytes,
        commands: Commands,
    ) -> Outcome[Created]:
        now = self._kernel.now()
        if key is not None:
            earlier = commands.idempotency_key(me.user_id, key)
            if earlier is not None and now - earlier.created_at < IDEMPOTENCY_KEY_TTL_MS:
                if earlier.fingerprint != print_:
                    raise errors.IdempotencyConflict
                conversation, stay = to_see(commands, earlier.conversation_id, me.user_id)
                view = conversation_view(commands, conversation, stay, me.device_id)
                return Outcome(Created(view, created=False))
        # One more than a group can have is too many already, however many are named.
        named = list(dict.fromkeys(request.members))[: self._kernel.limits.max_group_members + 1]
        unknown = commands.unknown_users(named)
        if unknown:
            raise errors.UnknownUser(f"There is no user {unknown[0]!r}.")
        change = log.new_group(
            self._kernel.new_id(),
            author_of(me),
            request.members,
            request.title,
            now,
            self._kernel.limits,
            encrypted=bool(request.encrypted),
        )
        conversation = change.conversation
        commands.add_conversation(conversation, None)
        for entry in change.entries:
            commands.append(conversation, entry, None)
        if key is not None:
            commands.set_idempotency_key(me.user_id, key, print_, conversation.conversation_id, now)
        view = self._view(commands, conversation, me.user_id, None)
        told = Post(ConversationEvent(view), conversation.members)
        return Outcome(Created(view, created=True), (told, *_posts(conversation, change)))

    async def get(self, me: Identity, conversation_id: str) -> ConversationView:
        """A conversation as one sees it. All its members and all that is unread are gone through."""

        def query(queries: Queries) -> ConversationView:
            conversation, stay = to_see(queries, conversation_id, me.user_id)
            return conversation_view(queries, conversation, stay, me.device_id)

        return await self._kernel.ask_at_length(query)

    async def list(
        self, me: Identity, *, limit: str | None, cursor: str | None
    ) -> ConversationPage:
        """One's own conversations, latest activity first (CONV-6)."""
        return await self._kernel.ask_at_length(partial(self._list, me, limit, cursor))

    def _list(
        self, me: Identity, limit: str | None, cursor: str | None, queries: Queries
    ) -> ConversationPage:
        size = inputs.check_page_limit(limit, DEFAULT_PAGE_LIMIT, self._kernel.limits)
        scope = f"chats/{me.user_id}"
        below = None if cursor is None else cursors.redeem(self._kernel.secret, scope, cursor)
        chats = queries.chats(me.user_id, below, size + 1)
        page, further = chats[:size], chats[size:]
        items = [
            conversation_view(
                queries,
                *to_see(queries, chat.conversation_id, me.user_id),
                me.device_id,
                listed=True,
            )
            for chat in page
        ]
        next_cursor = (
            cursors.issue(self._kernel.secret, scope, page[-1].activity) if further else None
        )
        return ConversationPage(items, next_cursor)

    async def set_member(
        self, me: Identity, conversation_id: str, user_id: str, role: Role | None
    ) -> ConversationView:
        """Add a member to a group, or change a member's role."""
        return await self._kernel.do(partial(self._set_member, me, conversation_id, user_id, role))

    def _set_member(
        self,
        me: Identity,
        conversation_id: str,
        user_id: str,
        role: Role | None,
        commands: Commands,
    ) -> Outcome[ConversationView]:
        before = to_change(commands, conversation_id, me.user_id)
        change = log.set_member(
            before, author_of(me), user_id, role, self._kernel.now(), self._kernel.limits
        )
        if user_id not in before.members and commands.unknown_users([user_id]):
            raise errors.UnknownUser
        after = self._store(commands, change)
        told: tuple[Post, ...] = ()
        if user_id in after.members:
            member = after.members[user_id]
            if user_id not in before.members:
                commands.begin_stay(conversation_id, user_id, member.role, member.joined_seq)
                event = ConversationEvent(self._view(commands, after, user_id, None))
                told = (Post(event, (user_id,)),)
            elif change.entries:
                commands.set_role(conversation_id, user_id, member.joined_seq, member.role)
        view = self._view(commands, after, me.user_id, me.device_id)
        return Outcome(view, (*told, *_posts(before, change)))

    async def remove_member(self, me: Identity, conversation_id: str, user_id: str) -> None:
        """Remove a member from a group, or leave it."""
        await self._kernel.do(partial(self._remove_member, me, conversation_id, user_id))

    def _remove_member(
        self, me: Identity, conversation_id: str, user_id: str, commands: Commands
    ) -> Outcome[None]:
        before = to_change(commands, conversation_id, me.user_id)
        change = log.remove_member(before, author_of(me), user_id, self._kernel.now())
        farewell, *succession = change.entries
        self._store(commands, change)
        after = change.conversation
        commands.end_stay(after, user_id, farewell.seq, before.members[user_id].joined_seq)
        for heir, member in after.members.items():
            if member != before.members[heir]:
                commands.set_role(conversation_id, heir, member.joined_seq, member.role)
        # The one who goes sees its own farewell and nothing after it.
        posts = [Post(MessageEvent(farewell), before.members)]
        posts += [Post(MessageEvent(entry), after.members) for entry in succession]
        return Outcome(None, tuple(posts))

    async def rename(self, me: Identity, conversation_id: str, title: str) -> ConversationView:
        """Set a group's title."""
        return await self._kernel.do(partial(self._rename, me, conversation_id, title))

    def _rename(
        self, me: Identity, conversation_id: str, title: str, commands: Commands
    ) -> Outcome[ConversationView]:
        before = to_change(commands, conversation_id, me.user_id)
        change = log.rename(
            before, author_of(me), inputs.check_name(title, "/title"), self._kernel.now()
        )
        after = self._store(commands, change)
        if change.entries:
            commands.set_title(conversation_id, title)
        view = self._view(commands, after, me.user_id, me.device_id)
        return Outcome(view, _posts(before, change))

    @staticmethod
    def _store(commands: Commands, change: Change) -> Conversation:
        for entry in change.entries:
            commands.append(change.conversation, entry, None)
        return change.conversation

    @staticmethod
    def _view(
        commands: Commands, conversation: Conversation, user_id: str, device_id: str | None
    ) -> ConversationView:
        stay = commands.stay(conversation.conversation_id, user_id)
        assert stay is not None
        return conversation_view(commands, conversation, stay, device_id)


def _posts(before: Conversation, change: Change) -> tuple[Post, ...]:
    """The entries, to everyone who was or is a member: who comes or goes sees that entry too."""
    everyone = before.members | change.conversation.members
    return tuple(Post(MessageEvent(entry), everyone) for entry in change.entries)
