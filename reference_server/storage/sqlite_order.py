"""A user's conversations by their activity: the list of chats, and what is new to a device.

Activity is a column of the conversation, membership a row of the member, so asking for the latest of a user's
conversations looks at all of them and sorts. That is quick while they are few. An index in that order
needs the activity in each member's row, and every message would have to move it for every member.

So only the rows of users who have `MANY` conversations have a `place`: a message moves those of its
conversation, mostly none. For these users a page of chats is a range of an index, and so is what is new to
a device: each remembers up to which place nothing of what there is waits for it (`settled`). Everybody
else's are sorted; there are fewer than `MANY`.
"""

from __future__ import annotations

from typing import cast

from .base import Backlog, Chat
from .sqlite_connection import Connected

MANY = 200
"""From so many on, a user's conversations are kept in order. Schema step 4 says the same."""

ALL = -1
"""No limit, as SQLite has it."""

MOVE = (
    "UPDATE stays SET place = ? WHERE conversation_id = ? AND place IS NOT NULL"
    " AND left_seq IS NULL"
)
"""Something was appended: the conversation is at the top of its ordered members' lists."""

_BACKLOG = (
    "SELECT s.conversation_id, max(coalesce(m.delivered_seq, 0), s.joined_seq - 1) AS after,"
    " coalesce(s.left_seq, c.head_seq) AS up_to, s.place"
    " FROM stays s JOIN conversations c USING (conversation_id)"
    " LEFT JOIN device_marks m ON m.user_id = s.user_id AND m.device_id = ?2"
    " AND m.conversation_id = s.conversation_id"
)
_PUT = (
    "UPDATE stays SET place = coalesce(left_activity, (SELECT activity FROM conversations c"
    " WHERE c.conversation_id = stays.conversation_id))"
)


class OrderQueries(Connected):
    """The part of `base.Queries`."""

    def chats(self, user_id: str, before_activity: int | None, limit: int) -> list[Chat]:
        below = 2**62 if before_activity is None else before_activity
        if self._is_ordered(user_id):
            statement = (
                "SELECT conversation_id, place FROM stays"
                " WHERE user_id = ? AND place IS NOT NULL AND place < ? ORDER BY place DESC LIMIT ?"
            )
        else:
            statement = (
                "SELECT conversation_id, coalesce(s.left_activity, c.activity) AS moved"
                " FROM stays s JOIN conversations c USING (conversation_id)"
                " WHERE s.user_id = ? AND s.latest = 1 AND moved < ? ORDER BY moved DESC LIMIT ?"
            )
        return [Chat(*row) for row in self._all(statement, user_id, below, limit)]

    def backlog(self, user_id: str, device_id: str) -> list[Backlog]:
        if self._is_ordered(user_id):
            return [Backlog(*row[:3]) for row in self._unsettled(user_id, device_id, ALL)]
        rows = self._all(
            f"{_BACKLOG} WHERE s.user_id = ?1 AND s.latest = 1 AND after < up_to",
            user_id,
            device_id,
        )
        return [Backlog(*row[:3]) for row in rows]

    def _unsettled(
        self, user_id: str, device_id: str, limit: int
    ) -> list[tuple[str, int, int, int]]:
        """What is new to the device of an ordered user, with its places, ascending."""
        rows = self._all(
            f"{_BACKLOG} WHERE s.user_id = ?1 AND s.place IS NOT NULL AND after < up_to"  # noqa: S608 - constants
            " AND s.place > coalesce("
            "(SELECT settled FROM devices d WHERE d.user_id = ?1 AND d.device_id = ?2), 0)"
            " ORDER BY s.place LIMIT ?3",
            user_id, device_id, limit,
        )  # fmt: skip
        return cast("list[tuple[str, int, int, int]]", rows)

    def _is_ordered(self, user_id: str) -> bool:
        found = self._one(
            "SELECT 1 FROM stays WHERE user_id = ? AND place IS NOT NULL LIMIT 1", user_id
        )
        return found is not None


class OrderCommands(OrderQueries):
    """What the writer does to keep the order."""

    def _put_in_order(self, user_id: str, conversation_id: str) -> None:
        """The user has a new stay there; perhaps it has many now."""
        if self._is_ordered(user_id):
            self._do(
                f"{_PUT} WHERE user_id = ? AND conversation_id = ? AND latest = 1",
                user_id, conversation_id,
            )  # fmt: skip
        elif self._has_many(user_id):
            self._do(f"{_PUT} WHERE user_id = ? AND latest = 1", user_id)

    def _settle(self, user_id: str, device_id: str, activity: int) -> None:
        """Remember how far nothing waits for the device of an ordered user; `activity` is the latest of all."""
        if self._is_ordered(user_id):
            unsettled = self._unsettled(user_id, device_id, 1)
            self._do(
                "UPDATE devices SET settled = ? WHERE user_id = ? AND device_id = ?",
                unsettled[0][3] - 1 if unsettled else activity, user_id, device_id,
            )  # fmt: skip

    def _has_many(self, user_id: str) -> bool:
        row = self._one(
            "SELECT count(*) FROM"
            " (SELECT 1 FROM stays WHERE user_id = ? AND latest = 1 LIMIT ?)",
            user_id, MANY,
        )  # fmt: skip
        assert row is not None
        return cast(int, row[0]) >= MANY
