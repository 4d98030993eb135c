"""Faults in coming back: into a group that one has left, as a device that logs in again, after a restart."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from msgspec.structs import replace

from ..core import log
from ..core.log import Change
from ..core.model import Conversation, Identity, Member, Membership, Role
from ..service import receipts
from ..storage import sqlite_keys
from ..storage.base import Backlog, Commands, Queries
from ..storage.sqlite import SqliteCommands, SqliteStore
from ..storage.sqlite_keys import OF_A_DEVICE, KeyCommands, KeyQueries
from ..storage.sqlite_order import OrderQueries
from ..storage.sqlite_queries import SqliteQueries
from .seams import Genuine, Seams, fault


@fault("STA-2", "STA-5")
def rejoining_is_acknowledging(seams: Seams) -> None:
    """Who left a group and joins again has received all that was said before, as its senders see it."""

    @seams.instead(receipts, "recipients")
    def recipients(genuine: Genuine, stays: Iterable[Membership], *which: Any) -> Any:
        known = list(stays)
        latest = {stay.user_id: stay for stay in known}
        return [
            replace(stay, delivered_seq=latest[stay.user_id].delivered_seq)
            for stay in genuine(known, *which)
        ]


@fault("STA-5")
def rejoining_is_having_stayed(seams: Seams) -> None:
    """A message waits for members who left without having it and joined again, and can never see it."""

    @seams.instead(receipts, "recipients")
    def recipients(genuine: Genuine, stays: Iterable[Membership], *which: Any) -> Any:
        known = list(stays)
        present = {stay.user_id for stay in known if stay.left_seq is None}
        return [
            replace(stay, left_seq=None) if stay.user_id in present else stay
            for stay in genuine(known, *which)
        ]


@fault("CONV-6", "CONV-4")
def rejoining_leaves_the_gap_unread(seams: Seams) -> None:
    """Who joins a group again is told to have unread what was said before and meanwhile."""

    @seams.instead(SqliteQueries, "unread")
    def unread(
        genuine: Genuine, queries: SqliteQueries, chat: str, user: str, above: int, up_to: int
    ) -> Any:
        lowest = queries._one(
            "SELECT min(read_seq) FROM stays WHERE conversation_id = ? AND user_id = ?", chat, user
        )
        return genuine(queries, chat, user, min(above, lowest[0]) if lowest else above, up_to)


@fault("CONV-4", "DLV-2", "DLV-3")
def rejoining_replays_the_gap(seams: Seams) -> None:
    """A device of who joined a group again is told what was said there before and meanwhile."""

    @seams.instead(OrderQueries, "backlog")
    def backlog(genuine: Genuine, queries: OrderQueries, user_id: str, device_id: str) -> Any:
        def since_ever(part: Backlog) -> Backlog:
            row = queries._one(
                "SELECT coalesce((SELECT delivered_seq FROM device_marks WHERE user_id = ?1 AND"
                " device_id = ?2 AND conversation_id = ?3), (SELECT min(joined_seq) - 1 FROM stays"
                " WHERE user_id = ?1 AND conversation_id = ?3))",
                user_id, device_id, part.conversation_id,
            )  # fmt: skip
            return replace(part, after=min(part.after, row[0])) if row else part

        return [since_ever(part) for part in genuine(queries, user_id, device_id)]


Rank = Callable[[Conversation, str, Member], int]


def _succeed_by(seams: Seams, rank: Rank) -> None:
    """When the last owner leaves, the one of the lowest rank inherits."""

    @seams.instead(log, "_succeed")
    def succeed(genuine: Genuine, change: Change, now: int) -> Change:
        chat = change.conversation
        ranked = {
            user_id: Member(member.role, rank(chat, user_id, member))
            for user_id, member in chat.members.items()
        }
        after: Change = genuine(Change(replace(chat, members=ranked), change.entries), now)
        members = {
            user_id: Member(member.role, chat.members[user_id].joined_seq)
            for user_id, member in after.conversation.members.items()
        }
        return Change(replace(after.conversation, members=members), after.entries)


@fault("CONV-3")
def heirs_are_found_by_name(seams: Seams) -> None:
    """When the last owner leaves, the first by name becomes owner, however long others have been there."""
    _succeed_by(seams, lambda chat, user_id, _member: sorted(chat.members).index(user_id))


@fault("CONV-3")
def heirs_may_have_been_away(seams: Seams) -> None:
    """When the last owner leaves, one inherits who was there first, has left since, and joined again."""
    first: dict[tuple[str, str], int] = {}

    def rank(chat: Conversation, user_id: str, member: Member) -> int:
        return first.get((chat.conversation_id, user_id), member.joined_seq)

    @seams.instead(log, "remove_member")
    def remove(genuine: Genuine, chat: Conversation, author: Any, user_id: str, now: int) -> Any:
        for each, member in chat.members.items():
            first.setdefault((chat.conversation_id, each), member.joined_seq)
        return genuine(chat, author, user_id, now)

    _succeed_by(seams, rank)


@fault("DLV-2", "DLV-3")
def logging_in_again_begins_anew(seams: Seams) -> None:
    """A device that logs in again loses what waited for it, as if it were a new one."""

    @seams.instead(SqliteCommands, "set_session")
    def set_session(
        genuine: Genuine, commands: SqliteCommands, token_hash: bytes, me: Identity
    ) -> None:
        genuine(commands, token_hash, me)
        for part in commands.backlog(me.user_id, me.device_id):
            commands.raise_device_mark(me.user_id, me.device_id, part.conversation_id, part.up_to)


@fault("DLV-2", "ORD-2")
def replays_hold_a_hundred(seams: Seams) -> None:
    """Of each conversation, a device that was away gets the first hundred entries alone."""

    @seams.instead(OrderQueries, "backlog")
    def backlog(genuine: Genuine, queries: Queries, user_id: str, device_id: str) -> Any:
        return [
            replace(part, up_to=min(part.up_to, part.after + 100))
            for part in genuine(queries, user_id, device_id)
        ]


@fault("SEC-5")
def revoked_tokens_return_with_a_restart(seams: Seams) -> None:
    """Which tokens were logged out is kept in memory: after a restart of the server they work again."""
    ended: set[tuple[str, str]] = set()
    renewing: list[str] = []

    @seams.instead(SqliteCommands, "end_session")
    def end(genuine: Genuine, commands: SqliteCommands, user_id: str, device_id: str) -> None:
        if renewing:
            genuine(commands, user_id, device_id)
        else:
            ended.add((user_id, device_id))

    @seams.instead(SqliteCommands, "set_session")
    def begin(genuine: Genuine, commands: SqliteCommands, token: bytes, me: Identity) -> None:
        renewing.append(me.user_id)
        genuine(commands, token, me)
        renewing.pop()
        ended.discard((me.user_id, me.device_id))

    @seams.instead(SqliteQueries, "identity")
    def identity(genuine: Genuine, queries: Queries, token: bytes) -> Identity | None:
        found: Identity | None = genuine(queries, token)
        return None if found and (found.user_id, found.device_id) in ended else found

    @seams.instead(SqliteQueries, "is_current")
    def is_current(genuine: Genuine, queries: Queries, me: Identity) -> bool:
        return (me.user_id, me.device_id) not in ended and bool(genuine(queries, me))


@fault("CONV-7")
def creations_are_known_until_a_restart(seams: Seams) -> None:
    """A group whose creation is repeated after a restart of the server is there twice."""
    known: set[tuple[str, str]] = set()

    @seams.instead(SqliteCommands, "set_idempotency_key")
    def remember(genuine: Genuine, commands: SqliteCommands, user: str, key: str, *r: Any) -> None:
        commands._do("DELETE FROM idempotency_keys WHERE user_id = ? AND key = ?", user, key)
        genuine(commands, user, key, *r)
        known.add((user, key))

    @seams.instead(SqliteQueries, "idempotency_key")
    def look_up(genuine: Genuine, queries: Queries, user_id: str, key: str) -> Any:
        return genuine(queries, user_id, key) if (user_id, key) in known else None


@fault("ENC-7")
def retried_payloads_come_twice_after_a_restart(seams: Seams) -> None:
    """What is sent to a device again after a restart of the server comes twice."""
    known: set[tuple[str, str, str]] = set()

    @seams.instead(KeyCommands, "add_to_device")
    def remember(genuine: Genuine, commands: Any, *sent: Any) -> None:
        commands._do(
            "DELETE FROM to_device_sends WHERE user_id = ? AND device_id = ? AND id = ?", *sent[:3]
        )
        genuine(commands, *sent)
        known.add((sent[0], sent[1], sent[2]))

    @seams.instead(KeyQueries, "earlier_to_device")
    def look_up(genuine: Genuine, queries: Queries, *which: str) -> Any:
        return genuine(queries, *which) if which in known else None


@fault("ENC-3")
def claimed_keys_return_with_a_restart(seams: Seams) -> None:
    """Which one-time keys were handed out is kept in memory: after a restart they are handed out again."""

    @seams.instead(SqliteStore, "__init__")
    def opened(genuine: Genuine, store: SqliteStore, *where: Any) -> None:
        genuine(store, *where)
        do = store.commands._do
        do("CREATE TABLE IF NOT EXISTS claimed AS SELECT * FROM one_time_keys WHERE 0")
        do("INSERT OR IGNORE INTO one_time_keys SELECT * FROM claimed")
        do("DELETE FROM claimed")

    @seams.instead(KeyCommands, "take_one_time_key")
    def take(genuine: Genuine, commands: Any, user_id: str, device_id: str) -> Any:
        commands._do(
            "INSERT INTO claimed SELECT * FROM one_time_keys WHERE user_id = ?1 AND device_id = ?2"
            " ORDER BY place LIMIT 1",
            user_id, device_id,
        )  # fmt: skip
        return genuine(commands, user_id, device_id)


@fault("DLV-5")
def contents_are_known_until_a_restart(seams: Seams) -> None:
    """Another text under an id that was used before a restart of the server is answered like a repeat."""
    known: set[tuple[str, str | None, str | None]] = set()

    @seams.instead(SqliteCommands, "append")
    def append(genuine: Genuine, commands: Commands, chat: Any, entry: Any, print_: Any) -> None:
        genuine(commands, chat, entry, print_)
        known.add((entry.conversation_id, entry.sender_id, entry.client_message_id))

    @seams.instead(SqliteQueries, "earlier_send")
    def look_up(genuine: Genuine, queries: Queries, *which: str) -> Any:
        found = genuine(queries, *which)
        return found if found is None or which in known else replace(found, fingerprint=_ANY)


class _Any(bytes):
    """Equal to every fingerprint."""

    __hash__ = bytes.__hash__

    def __eq__(self, _other: object) -> bool:
        return True

    def __ne__(self, _other: object) -> bool:
        return False


_ANY = _Any()


@fault("CONV-3")
def roles_return_with_their_holders(seams: Seams) -> None:
    """Who was an admin, was removed, and is added again as a plain member, is an admin again."""
    former: dict[tuple[str, str], Role] = {}

    @seams.instead(log, "remove_member")
    def remove(genuine: Genuine, chat: Conversation, author: Any, user_id: str, now: int) -> Any:
        if user_id in chat.members:
            former[chat.conversation_id, user_id] = chat.members[user_id].role
        return genuine(chat, author, user_id, now)

    @seams.instead(log, "set_member")
    def add(genuine: Genuine, chat: Conversation, author: Any, user_id: str, *how: Any) -> Change:
        change: Change = genuine(chat, author, user_id, *how)
        role = former.get((chat.conversation_id, user_id))
        if role is None or user_id in chat.members:
            return change
        members = dict(change.conversation.members)
        members[user_id] = replace(members[user_id], role=role)
        return replace(change, conversation=replace(change.conversation, members=members))


@fault("ENC-7", "SEC-5")
def queues_outlive_their_devices(seams: Seams) -> None:
    """What waited for a device that was removed comes to the next one of the same name."""
    seams.value(sqlite_keys, "OF_A_DEVICE", tuple(sorted(set(OF_A_DEVICE) - {"queued", "queues"})))


@fault("ENC-3", "ENC-8")
def keys_outlive_their_devices(seams: Seams) -> None:
    """The one-time keys of a device that was removed are handed out for the next one of the same name."""
    seams.value(sqlite_keys, "OF_A_DEVICE", tuple(sorted(set(OF_A_DEVICE) - {"one_time_keys"})))


@fault("ENC-7")
def positions_begin_again(seams: Seams) -> None:
    """When a device has acknowledged all that was sent to it, the next position is 1 again."""

    @seams.instead(KeyCommands, "dequeue")
    def dequeue(genuine: Genuine, commands: Any, user_id: str, device_id: str, up_to: int) -> None:
        genuine(commands, user_id, device_id, up_to)
        commands._do(
            "DELETE FROM queues WHERE user_id = ?1 AND device_id = ?2 AND NOT EXISTS"
            " (SELECT 1 FROM queued WHERE user_id = ?1 AND device_id = ?2)",
            user_id, device_id,
        )  # fmt: skip


@fault("ENC-3")
def used_key_ids_are_free_again(seams: Seams) -> None:
    """A one-time key that was handed out can be uploaded again, and is handed out again."""

    @seams.instead(KeyQueries, "used_key_ids")
    def used(genuine: Genuine, queries: Any, user_id: str, device_id: str, ids: Any) -> set[str]:
        rows = queries._all(
            "SELECT key_id FROM one_time_keys WHERE user_id = ? AND device_id = ?",
            user_id, device_id,
        )  # fmt: skip
        used_ids: set[str] = genuine(queries, user_id, device_id, ids)
        return used_ids & {row[0] for row in rows}

    @seams.instead(KeyCommands, "add_one_time_key")
    def add(genuine: Genuine, commands: Any, user_id: str, device_id: str, key: Any) -> None:
        commands._do(
            "DELETE FROM one_time_key_ids WHERE user_id = ? AND device_id = ? AND key_id = ?",
            user_id, device_id, key.key_id,
        )  # fmt: skip
        genuine(commands, user_id, device_id, key)
