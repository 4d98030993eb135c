"""Who is a member of a conversation from which seq to which.

A direct conversation has its two members for ever. A group's membership is part of its log: the
``created`` entry names the first members, and each change is a system entry, so what a log says is
exact, but only where every entry of it is known. With a hole in between nothing is claimed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from ..history import ConversationSeen, Entry
from .content import system_event


class Stay(NamedTuple):
    """One membership: the first and the last seq that the member sees; `last` None: it goes on."""

    first: int
    last: int | None

    def covers(self, seq: int) -> bool:
        """Whether the member sees the entry `seq`."""
        return self.first <= seq and (self.last is None or seq <= self.last)


Stays = dict[str, list[Stay]]


def stays_of(
    entries: Mapping[int, Entry | None], views: Iterable[ConversationSeen]
) -> Stays | None:
    """The memberships of a conversation by user, each in order; None where they cannot be known.

    `entries` is the log by seq, None for a user's message whose content nobody was shown.
    """
    views = list(views)
    first = entries.get(1)
    created = first is not None and system_event(first) == "created"
    if created or any(view.kind == "group" for view in views):
        return _group(entries) if created and is_dense(entries) else None
    members = {user for view in views for user in view.members or ()}
    return {user: [Stay(1, None)] for user in members} if len(members) == 2 else None


def is_dense(seqs: Collection[int]) -> bool:
    """Whether distinct seqs are those from 1 on without a hole."""
    return bool(seqs) and min(seqs) == 1 and max(seqs) == len(seqs)


def _group(entries: Mapping[int, Entry | None]) -> Stays:
    stays: Stays = {}
    for seq in range(1, len(entries) + 1):
        entry = entries[seq]
        event = system_event(entry) if entry else None
        if entry is None or event is None:
            continue
        user = str(entry.body.get("user_id"))
        if event == "created":
            named = entry.body.get("user_ids")
            users = [*map(str, named if isinstance(named, list) else ()), entry.sender_id]
            stays = {member: [Stay(seq, None)] for member in users if member}
        elif event == "joined":
            past = stays.setdefault(user, [])
            if not past or past[-1].last is not None:
                past.append(Stay(seq, None))
        elif event in ("left", "removed") and stays.get(user):
            stays[user][-1] = Stay(stays[user][-1].first, seq)
    return stays


def covering(stays: Iterable[Stay], seq: int) -> Stay | None:
    """The membership during which the entry `seq` was written, if any."""
    return next((stay for stay in stays if stay.covers(seq)), None)
