"""Sending, and reading what was sent (§4)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from msgspec import Struct

from ..core import cursors, envelopes, errors, inputs, log, relations
from ..core.errors import ApiError
from ..core.keys import FEW_ONE_TIME_KEYS
from ..core.limits import DEFAULT_PAGE_LIMIT
from ..core.model import Identity, Message, assets_of
from ..events import Due, Post, SealedPost
from ..storage.base import Backlog, Commands, Queries
from .access import author_of, to_change, to_read_asset, to_see, to_see_entry
from .blocks import check_blocks
from .expiry import expire_at
from .kernel import Kernel, Outcome
from .relating import posts_of_relation, take_effect, to_relate
from .sealing import announced, check_sealed
from .showing import Reader, as_shown, shown_to_sender


class SendRequest(Struct, frozen=True, kw_only=True):
    """A send whose ids are checked and nothing else: idempotency is looked up before the rest (§4)."""

    conversation_id: str
    client_message_id: str
    body: Any
    relates_to: Any = None
    expires_in_s: Any = None


class Sent(Struct, frozen=True):
    """The entry of a send; `duplicate` for a repeat, which stored and delivered nothing."""

    message: Message
    duplicate: bool


class HistoryPage(Struct, frozen=True, kw_only=True):
    """A page of history, ascending. `before` is None when there is nothing older."""

    items: list[Message]
    before: str | None
    after: str
    has_older: bool
    has_newer: bool


class Waiting(Struct, frozen=True):
    """What waits for a device that connects, all of one moment.

    `to_device` is the last position in its queue, `one_time_keys` how many it has left if those are few.
    """

    backlog: list[Backlog]
    to_device: int
    one_time_keys: int | None


class Messages:
    """Use cases about entries of the log."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    async def send(self, me: Identity, request: SendRequest) -> Sent:
        """Store and deliver a message; answered when it is durable (DLV-8)."""
        return await self._kernel.do(partial(self._send, me, request, None))

    def send_soon(
        self,
        me: Identity,
        request: SendRequest,
        origin: object,
        done: Callable[[Sent | ApiError], None],
    ) -> None:
        """As `send`, without waiting; the connection `origin` gets no `message` for it (DLV-6)."""
        self._kernel.do_soon(partial(self._send, me, request, origin), done)

    def _send(
        self, me: Identity, request: SendRequest, origin: object, commands: Commands
    ) -> Outcome[Sent]:
        conversation_id, content_id = request.conversation_id, request.client_message_id
        print_ = inputs.fingerprint(
            body=request.body, relates_to=request.relates_to, expires_in_s=request.expires_in_s
        )
        earlier = commands.earlier_send(conversation_id, me.user_id, content_id)
        if earlier is not None:
            if earlier.fingerprint != print_:
                raise errors.IdempotencyConflict(
                    "This client_message_id was used for another message."
                )
            message = shown_to_sender(commands, earlier.message, me)
            return Outcome(Sent(message, duplicate=True))
        conversation = to_change(commands, conversation_id, me.user_id)
        relation = relations.relates_to(request.relates_to)
        lifetime_s = relations.lifetime(relation, request.expires_in_s)
        rules = envelopes if conversation.encrypted else relations
        body = rules.body(relation, request.body, self._kernel.limits)
        for asset_id in assets_of(body):
            to_read_asset(commands, asset_id, me.user_id)
        target = None
        if relation is not None:
            target = to_relate(commands, conversation, me.user_id, relation)
        if conversation.encrypted:
            check_sealed(commands, conversation, me, body)
        check_blocks(commands, conversation)
        change = log.append(
            conversation,
            author_of(me),
            body,
            self._kernel.now(),
            content_id,
            relation,
            lifetime_s,
        )
        (entry,) = change.entries
        commands.append(change.conversation, entry, print_)
        posts: tuple[Post | SealedPost | Due, ...] = (
            announced(entry, conversation.members, origin),
        )
        if target is not None:
            take_effect(commands, target, entry)
            posts = posts_of_relation(commands, conversation, target, entry, origin)
        if lifetime_s is not None:
            posts = (*posts, expire_at(commands, change.conversation, lifetime_s))
        shown = envelopes.for_device(entry, me.user_id, me.device_id)
        return Outcome(Sent(shown, duplicate=False), posts)

    async def message(self, me: Identity, message_id: str) -> Message:
        """One entry, for who can see it."""
        return await self._kernel.ask(lambda queries: to_see_entry(queries, message_id, me))

    async def page(
        self,
        me: Identity,
        conversation_id: str,
        *,
        limit: str | None,
        before: str | None,
        after: str | None,
    ) -> HistoryPage:
        """A page of history (PAG-1 to PAG-7); without a cursor the latest, ``after=""`` the oldest."""
        return await self._kernel.ask(
            partial(self._page, me, conversation_id, limit, before, after)
        )

    def _page(
        self,
        me: Identity,
        conversation_id: str,
        limit: str | None,
        before: str | None,
        after: str | None,
        queries: Queries,
    ) -> HistoryPage:
        conversation, stay = to_see(queries, conversation_id, me.user_id)
        size = inputs.check_page_limit(limit, DEFAULT_PAGE_LIMIT, self._kernel.limits)
        oldest, newest = stay.joined_seq, stay.visible_head(conversation.head_seq)
        if before is not None and after is not None:
            raise errors.InvalidCursor("Give before or after, not both.")
        if after is not None:
            # The window is what lies above `edge`, the last seq that the walk has seen.
            edge = oldest - 1 if after == "" else self._redeem("after", conversation_id, after)
            edge = min(max(edge, oldest - 1), newest)
            items = queries.entries_after(conversation_id, edge, newest, size)
            first, last = edge + 1, items[-1].seq if items else edge
        else:
            edge = newest + 1
            if before is not None:
                edge = min(self._redeem("before", conversation_id, before), edge)
            items = queries.entries_before(conversation_id, edge, oldest, size)
            first, last = items[0].seq if items else oldest, max(edge - 1, oldest - 1)
        items = as_shown(queries, items, Reader(me.user_id, me.device_id, stay.left_seq))
        has_older = first > oldest
        return HistoryPage(
            items=items,
            before=self._issue("before", conversation_id, first) if has_older else None,
            after=self._issue("after", conversation_id, last),
            has_older=has_older,
            has_newer=last < newest,
        )

    def _redeem(self, direction: str, conversation_id: str, cursor: str) -> int:
        scope = f"history/{direction}/{conversation_id}"
        return cursors.redeem(self._kernel.secret, scope, cursor)

    def _issue(self, direction: str, conversation_id: str, position: int) -> str:
        scope = f"history/{direction}/{conversation_id}"
        return cursors.issue(self._kernel.secret, scope, position)

    async def waiting(self, me: Identity) -> Waiting:
        """What this device has not acknowledged, by conversation and of its queue.

        Raises `Unauthorized` if its session has ended meanwhile: a token that was good when the
        handshake began may be revoked before the hub knows of the connection (SEC-5).
        """

        def query(queries: Queries) -> Waiting:
            if not queries.is_current(me):
                raise errors.Unauthorized
            device = me.user_id, me.device_id
            few = None
            if queries.identity_keys(*device) is not None:
                count = queries.count_one_time_keys(*device)
                few = count if count < FEW_ONE_TIME_KEYS else None
            return Waiting(queries.backlog(*device), queries.queue(*device).head, few)

        return await self._kernel.ask(query)

    async def replay(self, me: Identity, part: Backlog, limit: int) -> list[Message]:
        """The first `limit` entries of a backlog, as they stand now."""
        return await self._kernel.ask(partial(self._replay, me, part, limit))

    @staticmethod
    def _replay(me: Identity, part: Backlog, limit: int, queries: Queries) -> list[Message]:
        stay = queries.stay(part.conversation_id, me.user_id)
        left_seq = None if stay is None else stay.left_seq
        entries = queries.entries_after(part.conversation_id, part.after, part.up_to, limit)
        return as_shown(queries, entries, Reader(me.user_id, me.device_id, left_seq))
