"""Faults in paging through a history: its edges, its cursors, its limits (PAG)."""

from __future__ import annotations

import base64
import os
from contextvars import ContextVar
from typing import Any

from msgspec.structs import replace

from ..core import cursors, inputs
from ..core.model import DeletedBody, Identity
from ..core.relations import edited_place
from ..service import messages
from ..service.messages import HistoryPage, Messages
from ..storage.base import Queries
from ..storage.sqlite_queries import SqliteQueries
from .seams import Genuine, Seams, fault


@fault("PAG-1")
def an_entry_is_lost_between_pages(seams: Seams) -> None:
    """Paging back, the entry at the edge of each page is on neither of the two."""

    @seams.instead(Messages, "_redeem")
    def redeem(genuine: Genuine, use: Messages, direction: str, *rest: str) -> int:
        position: int = genuine(use, direction, *rest)
        return position - 1 if direction == "before" else position


@fault("PAG-1")
def an_entry_is_on_two_pages(seams: Seams) -> None:
    """Paging back, the entry at the edge of each page is on both of the two."""

    @seams.instead(Messages, "_redeem")
    def redeem(genuine: Genuine, use: Messages, direction: str, *rest: str) -> int:
        position: int = genuine(use, direction, *rest)
        return position + 1 if direction == "before" else position


@fault("PAG-1", "ORD-7")
def pages_shift_while_others_write(seams: Seams) -> None:
    """Paging back while others write, entries come again: a page begins so many from the newest one."""
    heads: dict[str, int] = {}

    @seams.instead(Messages, "_page")
    def page(genuine: Genuine, use: Messages, me: Identity, chat: str, *rest: Any) -> Any:
        queries: Queries = rest[-1]
        conversation = queries.conversation(chat)
        heads[chat] = 0 if conversation is None else conversation.head_seq
        return genuine(use, me, chat, *rest)

    @seams.instead(Messages, "_issue")
    def issue(genuine: Genuine, use: Messages, direction: str, chat: str, position: int) -> Any:
        if direction == "before":
            position = heads[chat] - position + 1
        return genuine(use, direction, chat, position)

    @seams.instead(Messages, "_redeem")
    def redeem(genuine: Genuine, use: Messages, direction: str, chat: str, cursor: str) -> int:
        position: int = genuine(use, direction, chat, cursor)
        return heads[chat] - position + 1 if direction == "before" else position


@fault("PAG-2")
def polling_misses_the_next(seams: Seams) -> None:
    """Who keeps the cursor of the newest page and asks again misses the first new entry."""

    @seams.instead(Messages, "_page")
    def page(genuine: Genuine, use: Messages, me: Identity, chat: str, *rest: Any) -> Any:
        shown: HistoryPage = genuine(use, me, chat, *rest)
        if shown.has_newer or not shown.items:
            return shown
        beyond = use._issue("after", chat, shown.items[-1].seq + 1)
        return replace(shown, after=beyond)


@fault("PAG-2")
def walking_on_never_starts_at_the_beginning(seams: Seams) -> None:
    """Walking on from the oldest entry leaves out the very first one."""

    @seams.instead(SqliteQueries, "entries_after")
    def entries(genuine: Genuine, queries: Queries, chat: str, after: int, *rest: int) -> Any:
        return genuine(queries, chat, after or 1, *rest)


@fault("PAG-3")
def pages_hold_one_more(seams: Seams) -> None:
    """A page holds one entry more than was asked for."""

    @seams.instead(SqliteQueries, "entries_before")
    def entries(genuine: Genuine, queries: Queries, *rest: Any) -> Any:
        return genuine(queries, *rest[:-1], rest[-1] + 1)


@fault("PAG-3")
def pages_run_downwards(seams: Seams) -> None:
    """A page shows its newest entry first."""

    @seams.instead(Messages, "_page")
    def page(genuine: Genuine, *what: Any) -> Any:
        shown: HistoryPage = genuine(*what)
        return replace(shown, items=shown.items[::-1])


@fault("PAG-3")
def full_pages_promise_more(seams: Seams) -> None:
    """A page that holds as many entries as were asked for says that there are newer ones."""

    @seams.instead(Messages, "_page")
    def page(genuine: Genuine, use: Messages, me: Any, chat: Any, limit: Any, *rest: Any) -> Any:
        shown: HistoryPage = genuine(use, me, chat, limit, *rest)
        return replace(shown, has_newer=shown.has_newer or str(len(shown.items)) == limit)


@fault("PAG-4")
def large_limits_are_cut(seams: Seams) -> None:
    """A page limit that is too large or none at all is taken for the nearest that is allowed."""

    @seams.instead(inputs, "check_page_limit")
    def check(_genuine: Genuine, value: str | None, default: int, limits: Any) -> int:
        try:
            wanted = default if value is None else int(value)
        except ValueError:
            wanted = default
        return max(1, min(wanted, int(limits.max_page_limit)))


@fault("PAG-4")
def cursors_can_be_forged(seams: Seams) -> None:
    """Nobody looks whether a page cursor was given out by the server."""

    @seams.instead(cursors, "redeem")
    def redeem(genuine: Genuine, secret: bytes, scope: str, cursor: str) -> int:
        try:
            raw = base64.urlsafe_b64decode(cursor.encode("ascii"))
        except ValueError:
            return int(genuine(secret, scope, cursor))
        return int.from_bytes(raw[:8]) & 0xFFFF_FFFF


@fault("PAG-4")
def cursors_fit_every_chat(seams: Seams) -> None:
    """The page cursor of one conversation is taken in another."""

    @seams.instead(cursors, "_mac")
    def mac(genuine: Genuine, secret: bytes, _scope: str, packed: bytes) -> Any:
        return genuine(secret, "everywhere", packed)


@fault("PAG-4", "SEC-4", "ERR-1")
def bad_cursors_are_errors_of_the_server(seams: Seams) -> None:
    """A page cursor that was cut short is answered with an internal error."""

    @seams.instead(cursors, "redeem")
    def redeem(genuine: Genuine, secret: bytes, scope: str, cursor: str) -> int:
        if len(cursor) < 24:
            raise IndexError(cursor)
        return int(genuine(secret, scope, cursor))


@fault("PAG-5")
def cursors_end_with_the_process(seams: Seams) -> None:
    """A page cursor that was kept is refused after a restart of the server."""
    secret = os.urandom(32)

    @seams.instead(SqliteQueries, "secret")
    def made_anew(_genuine: Genuine, _queries: Queries) -> bytes:
        return secret


@fault("PAG-5")
def cursors_end_with_the_session(seams: Seams) -> None:
    """A page cursor that was kept is refused after one has logged in again."""
    session: ContextVar[int] = ContextVar("session")

    @seams.instead(Messages, "_page")
    def page(genuine: Genuine, use: Messages, me: Identity, *rest: Any) -> Any:
        session.set(me.expires_at)
        return genuine(use, me, *rest)

    @seams.instead(cursors, "_mac")
    def mac(genuine: Genuine, secret: bytes, scope: str, packed: bytes) -> Any:
        return genuine(secret, f"{scope}/{session.get(0)}", packed)


@fault("PAG-6", "PAG-1", "REL-2")
def the_deleted_vanish(seams: Seams) -> None:
    """A deleted message is gone from the history, and its place with it."""

    @seams.instead(messages, "as_shown")
    def as_shown(genuine: Genuine, *what: Any) -> Any:
        return [each for each in genuine(*what) if not isinstance(each.body, DeletedBody)]


@fault("PAG-6", "PAG-3")
def the_edited_move_to_the_end(seams: Seams) -> None:
    """In the history, a message that was edited stands where its last edit was made."""

    @seams.instead(Messages, "_page")
    def page(genuine: Genuine, *what: Any) -> Any:
        shown: HistoryPage = genuine(*what)
        items = list(shown.items)
        for edit in shown.items:
            for message in shown.items:
                if message.seq == edited_place(edit) and message in items:
                    items.remove(message)
                    items.insert(items.index(edit), message)
        return replace(shown, items=items)


@fault("PAG-7", "PAG-3")
def emptiness_has_something_older(seams: Seams) -> None:
    """The history of a conversation without messages says that there are older ones."""

    @seams.instead(Messages, "_page")
    def page(genuine: Genuine, *what: Any) -> Any:
        shown: HistoryPage = genuine(*what)
        return shown if shown.items else replace(shown, has_older=True)


@fault("PAG-4", "PAG-3")
def the_greatest_limit_is_too_large(seams: Seams) -> None:
    """A page limit of just the greatest number that the server says it takes is refused."""

    @seams.instead(inputs, "check_page_limit")
    def check(genuine: Genuine, value: str | None, default: int, limits: Any) -> Any:
        return genuine(value, default, replace(limits, max_page_limit=limits.max_page_limit - 1))
