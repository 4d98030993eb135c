"""Faults in what is sent again, and in what outlives a kill (DLV)."""

from __future__ import annotations

import time
from typing import Any

from msgspec.structs import replace

from ..core import inputs
from ..core.model import Conversation, Identity, Message, TextBody
from ..events import MessageEvent, Post
from ..service.messages import Messages, SendRequest
from ..storage.base import Commands, EarlierSend, Queries
from ..storage.sqlite import SqliteCommands, SqliteStore
from ..storage.sqlite_queries import SqliteQueries
from .seams import Genuine, Seams, fault


@fault("DLV-4")
def repeats_are_stored_again(seams: Seams) -> None:
    """A message that is sent again because its answer was lost is there twice."""
    _let_ids_repeat(seams)

    @seams.instead(SqliteQueries, "earlier_send")
    def look_up(_genuine: Genuine, *_which: Any) -> None:
        return None


@fault("DLV-4")
def racing_repeats_are_stored_twice(seams: Seams) -> None:
    """A message that is sent again before its answer is there, on another connection, is there twice."""
    _let_ids_repeat(seams)
    begun: dict[tuple[str, ...], float] = {}

    @seams.instead(SqliteQueries, "earlier_send")
    def look_up(genuine: Genuine, queries: Queries, *which: str) -> EarlierSend | None:
        now = time.monotonic()
        return None if now - begun.setdefault(which, now) < 0.02 else genuine(queries, *which)


@fault("DLV-4")
def repeats_are_delivered_again(seams: Seams) -> None:
    """A message that is sent again is not stored twice, but reaches its receivers twice."""

    @seams.instead(Messages, "_send")
    def send(
        genuine: Genuine,
        use: Messages,
        me: Identity,
        request: SendRequest,
        origin: object,
        commands: Commands,
    ) -> Any:
        outcome = genuine(use, me, request, origin, commands)
        conversation = commands.conversation(request.conversation_id)
        if not outcome.answer.duplicate or conversation is None:
            return outcome
        again = Post(MessageEvent(outcome.answer.message), conversation.members, origin)
        return replace(outcome, posts=(again,))


@fault("DLV-4")
def repeats_are_known_until_a_restart(seams: Seams) -> None:
    """A message that is sent again after the server was restarted is there twice."""
    _let_ids_repeat(seams)
    known: set[tuple[str, str | None, str | None]] = set()

    @seams.instead(SqliteCommands, "append")
    def append(
        genuine: Genuine, commands: Commands, chat: Any, entry: Message, print_: Any
    ) -> None:
        genuine(commands, chat, entry, print_)
        known.add((entry.conversation_id, entry.sender_id, entry.client_message_id))

    @seams.instead(SqliteQueries, "earlier_send")
    def look_up(genuine: Genuine, queries: Queries, *which: str) -> EarlierSend | None:
        return genuine(queries, *which) if which in known else None


def _let_ids_repeat(seams: Seams) -> None:
    """Without the index that would keep a fault from storing a `client_message_id` twice."""

    @seams.instead(SqliteStore, "__init__")
    def opened(genuine: Genuine, store: SqliteStore, *where: Any) -> None:
        genuine(store, *where)
        store.commands._do("DROP INDEX IF EXISTS entries_by_client_message_id")


@fault("DLV-5")
def other_contents_are_duplicates(seams: Seams) -> None:
    """Another text under an id that was used before is answered like a repeat, and lost."""

    @seams.instead(inputs, "fingerprint")
    def fingerprint(genuine: Genuine, **parts: Any) -> Any:
        return b"the same" if "body" in parts else genuine(**parts)


@fault("DLV-5")
def only_texts_are_compared(seams: Seams) -> None:
    """The same text under the same id counts as a repeat, though it answers something else or expires."""

    @seams.instead(inputs, "fingerprint")
    def fingerprint(genuine: Genuine, **parts: Any) -> Any:
        return genuine(body=parts["body"]) if "body" in parts else genuine(**parts)


@fault("DLV-8", "ORD-1")
def a_kill_takes_the_last_message(seams: Seams) -> None:
    """When the server is killed, the newest message of each conversation is gone, though it was `sent`."""

    @seams.instead(SqliteStore, "__init__")
    def opened(genuine: Genuine, store: SqliteStore, *where: Any) -> None:
        genuine(store, *where)
        store.commands._do(
            "DELETE FROM entries WHERE kind <> 'system' AND seq ="
            " (SELECT head_seq FROM conversations c WHERE c.conversation_id = entries.conversation_id)"
        )
        store.commands._do(
            "UPDATE conversations SET head_seq = coalesce((SELECT max(seq) FROM entries e"
            " WHERE e.conversation_id = conversations.conversation_id), 0)"
        )
        store.commands._do(
            "DELETE FROM deadlines WHERE NOT EXISTS (SELECT 1 FROM entries e WHERE e.seq ="
            " deadlines.seq AND e.conversation_id = deadlines.conversation_id)"
        )


@fault("DLV-8", "STA-1")
def sent_comes_before_the_disk(seams: Seams) -> None:
    """A text is `sent` a third of a second before it is stored; a kill in between loses it."""
    late: list[tuple[float, Conversation, Message, bytes | None]] = []
    genuine_append: list[Genuine] = []

    @seams.instead(SqliteCommands, "append")
    def append(
        genuine: Genuine, commands: SqliteCommands, chat: Conversation, entry: Message, print_: Any
    ) -> None:
        genuine_append[:] = [genuine]
        if entry.relates_to is not None or not isinstance(entry.body, TextBody) or entry.expires_at:
            write(commands, time.monotonic())
            genuine(commands, chat, entry, print_)
            return
        late.append((time.monotonic() + 0.3, chat, entry, print_))
        commands._remember(chat)

    @seams.instead(SqliteStore, "commit")
    def commit(genuine: Genuine, store: SqliteStore) -> None:
        write(store.commands, 0.0)
        genuine(store)

    @seams.instead(SqliteQueries, "earlier_send")
    def look_up(genuine: Genuine, queries: Queries, *which: str) -> EarlierSend | None:
        for _, _, entry, print_ in late:
            if which == (entry.conversation_id, entry.sender_id, entry.client_message_id):
                return EarlierSend(entry, print_ or b"")
        found: EarlierSend | None = genuine(queries, *which)
        return found

    def write(commands: SqliteCommands, ahead: float) -> None:
        while late and late[0][0] <= time.monotonic() + ahead:
            _, chat, entry, print_ = late.pop(0)
            known = commands.conversation(chat.conversation_id)
            genuine_append[0](commands, chat, entry, print_)
            if known is not None:
                commands._remember(known)


@fault("DLV-4")
def ids_are_everybodys(seams: Seams) -> None:
    """Two who happen on the same `client_message_id` in a chat: the second one's message is lost."""

    @seams.instead(SqliteQueries, "earlier_send")
    def look_up(genuine: Genuine, queries: SqliteQueries, chat: str, user: str, name: str) -> Any:
        row = queries._one(
            "SELECT sender_id FROM entries WHERE conversation_id = ? AND client_message_id = ?",
            chat, name,
        )  # fmt: skip
        return genuine(queries, chat, row[0] if row else user, name)
