"""Faults in the order of a conversation: its numbers, its times, and who sees which (ORD)."""

from __future__ import annotations

import unicodedata
from typing import Any

from msgspec.structs import replace

from ..core import log
from ..core.log import Author, Change
from ..core.model import Conversation, Identity, Message, TextBody
from ..core.times import rfc3339
from ..events import MessageEvent, Post
from ..hub import Hub, Outbox, Outgoing, Subscriber
from ..service.messages import Messages
from ..storage import sqlite
from ..storage.base import Queries
from ..storage.writer import Writer
from .frames import answered, delivered
from .seams import Genuine, Seams, fault

PLACE = 12
"""The seq at which a log is mistreated, far enough from its beginning that a quick look misses it."""


@fault("ORD-1")
def a_number_is_skipped(seams: Seams) -> None:
    """Once in 50 messages, a conversation's numbers have a gap."""

    @seams.instead(log, "append")
    def append(genuine: Genuine, chat: Conversation, *rest: Any) -> Change:
        if chat.head_seq and seams.once_in(50):
            chat = replace(chat, head_seq=chat.head_seq + 1)
        change: Change = genuine(chat, *rest)
        return change


@fault("ORD-1")
def all_chats_count_together(seams: Seams) -> None:
    """Conversations share one sequence of numbers, so each of them has gaps."""
    highest = 0

    @seams.instead(log, "append")
    def append(genuine: Genuine, chat: Conversation, *rest: Any) -> Change:
        nonlocal highest
        if chat.head_seq:
            chat = replace(chat, head_seq=max(chat.head_seq, highest))
        change: Change = genuine(chat, *rest)
        highest = max(highest, change.conversation.head_seq)
        return change


@fault("ORD-2")
def two_deliveries_change_places(seams: Seams) -> None:
    """Each device gets a conversation's twelfth entry after the thirteenth."""
    held: dict[tuple[Outbox, str], Any] = {}

    @seams.instead(Outbox, "push")
    def swapped(genuine: Genuine, outbox: Outbox, item: Any) -> None:
        conversation_id, seq = delivered(item)
        if seq == PLACE:
            held[outbox, conversation_id] = item
            return
        genuine(outbox, item)
        for conversation_id, seq in (delivered(item), answered(item)):
            if seq == PLACE + 1 and (late := held.pop((outbox, conversation_id), None)):
                genuine(outbox, late)


@fault("ORD-3", "ORD-2")
def pipelines_are_turned_round(seams: Seams) -> None:
    """What one device sends without waiting for answers is now and then stored the last one first."""

    @seams.instead(Writer, "_commit")
    def commit(genuine: Genuine, writer: Writer, jobs: list[Any]) -> list[Any]:
        if seams.once_in(2):
            return list(genuine(writer, jobs))
        return list(genuine(writer, jobs[::-1]))[::-1]


@fault("ORD-4")
def half_of_the_users_see_another_order(seams: Seams) -> None:
    """A conversation's twelfth and thirteenth entry have changed numbers for some of its members."""
    contents: dict[tuple[str, int], Message] = {}

    @seams.instead(Hub, "publish")
    def publish(genuine: Genuine, hub: Hub, post: Post) -> None:
        if not isinstance(post.event, MessageEvent) or post.event.message.seq not in (
            PLACE,
            PLACE + 1,
        ):
            genuine(hub, post)
            return
        entry = post.event.message
        some = [user_id for user_id in post.to if ord(user_id[-1]) % 2]
        genuine(hub, replace(post, to=[each for each in post.to if each not in some]))
        if entry.seq == PLACE:
            contents[entry.conversation_id, PLACE] = entry
        elif earlier := contents.pop((entry.conversation_id, PLACE), None):
            genuine(hub, replace(post, to=some, event=MessageEvent(replace(entry, seq=PLACE))))
            genuine(
                hub, replace(post, to=some, event=MessageEvent(replace(earlier, seq=PLACE + 1)))
            )


@fault("ORD-5", "ORD-1", "ORD-2", "ORD-4")
def http_runs_ahead(seams: Seams) -> None:
    """What was sent over HTTP is announced with the next number, so that a reply seems no later."""

    @seams.instead(Messages, "_send")
    def send(genuine: Genuine, use: Messages, me: Identity, request: Any, *rest: Any) -> Any:
        outcome = genuine(use, me, request, *rest)
        origin, _commands = rest
        if origin is not None:
            return outcome
        posts = tuple(
            replace(post, event=MessageEvent(replace(entry, seq=entry.seq + 1)))
            if isinstance(post, Post)
            and isinstance(post.event, MessageEvent)
            and (entry := post.event.message)
            else post
            for post in outcome.posts
        )
        return replace(outcome, posts=posts)


@fault("ORD-5", "ORD-1", "ORD-4")
def replies_take_the_number_of_what_they_answer(seams: Seams) -> None:
    """A reply gets a number that is not above that of the message which it answers."""

    @seams.instead(Subscriber, "tell")
    def tell(genuine: Genuine, subscriber: Subscriber, item: Outgoing) -> None:
        conversation_id, seq = answered(item)
        place = received.get((subscriber.identity.user_id, conversation_id), 0)
        if seq and place == seq - 1:
            item = Outgoing(replace(item.frame, seq=place))
        genuine(subscriber, item)
        conversation_id, seq = delivered(item)
        if seq:
            received[subscriber.identity.user_id, conversation_id] = seq

    received: dict[tuple[str, str], int] = {}


@fault("ORD-6")
def times_run_backwards(seams: Seams) -> None:
    """Once in 20, a message is dated five seconds before the one in front of it."""

    @seams.instead(log, "append")
    def append(
        genuine: Genuine, chat: Conversation, author: Author, body: Any, now: int, *rest: Any
    ) -> Change:
        change: Change = genuine(chat, author, body, now, *rest)
        if not seams.once_in(20):
            return change
        (entry,) = change.entries
        early = rfc3339(chat.last_at - 5_000)
        return Change(change.conversation, (replace(entry, created_at=early),))


@fault("ORD-7")
def history_tidies_texts(seams: Seams) -> None:
    """In the history, a text is normalized and without the spaces at its ends that it was sent with."""

    @seams.instead(sqlite, "encode_content")
    def encode(genuine: Genuine, entry: Message) -> Any:
        if isinstance(entry.body, TextBody):
            tidy = unicodedata.normalize("NFC", entry.body.text).strip()
            entry = replace(entry, body=TextBody(tidy))
        return genuine(entry)


@fault("ORD-7")
def second_devices_have_a_short_history(seams: Seams) -> None:
    """A device reads in the history only what was said since it was added."""

    @seams.instead(Messages, "_page")
    def page(genuine: Genuine, use: Messages, me: Identity, *rest: Any) -> Any:
        queries: Queries = rest[-1]
        own = next(each for each in queries.devices(me.user_id) if each.device_id == me.device_id)
        first = min(queries.devices(me.user_id), key=lambda each: each.created_at)
        shown = genuine(use, me, *rest)
        if first.device_id == me.device_id:
            return shown
        items = [entry for entry in shown.items if entry.created_at >= own.created_at]
        return replace(shown, items=items)


@fault("ORD-6")
def http_has_another_clock(seams: Seams) -> None:
    """What was sent over HTTP is dated by a machine whose clock is three seconds late."""
    is_http = False

    @seams.instead(Messages, "_send")
    def send(genuine: Genuine, use: Messages, me: Identity, request: Any, *rest: Any) -> Any:
        nonlocal is_http
        origin, _commands = rest
        is_http = origin is None
        return genuine(use, me, request, *rest)

    @seams.instead(log, "append")
    def append(
        genuine: Genuine, chat: Conversation, author: Author, body: Any, now: int, *rest: Any
    ) -> Change:
        change: Change = genuine(chat, author, body, now, *rest)
        if not is_http or not rest:  # what the server writes itself has nothing more
            return change
        (entry,) = change.entries
        return Change(change.conversation, (replace(entry, created_at=rfc3339(now - 3_000)),))


@fault("ORD-7")
def looked_up_messages_are_of_now(seams: Seams) -> None:
    """A message that is looked up by its id is dated at the moment of looking."""

    @seams.instead(Messages, "message")
    async def message(genuine: Genuine, use: Messages, me: Identity, message_id: str) -> Any:
        entry = await genuine(use, me, message_id)
        return replace(entry, created_at=rfc3339(use._kernel.now() + 1_000))
