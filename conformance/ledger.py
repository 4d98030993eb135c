"""What each open connection is still owed: entries known to be accepted that it has not shown yet.

A pure reader of the history's semantic events. It is cautious in one direction only: an entry is owed
to a connection that was open and through its backlog when the entry became known, and whose user was
then known as a member. So a barrier may wait for too little, never for what a correct server would
not send; and whether something was lost is not judged here but by the checkers.
"""

from __future__ import annotations

from collections import defaultdict

from .history import (
    Accepted,
    Closed,
    ConversationSeen,
    Entry,
    History,
    Opened,
    Received,
    ReplayDone,
    Sending,
)


class _Line:
    """One open connection."""

    def __init__(self, user_id: str) -> None:
        self.user_id = user_id
        self.ready = False
        self.heads: dict[str, int] = {}
        self.owed: dict[str, int] = {}

    def show(self, conversation_id: str, seq: int) -> None:
        head = self.heads[conversation_id] = max(seq, self.heads.get(conversation_id, 0))
        if self.owed.get(conversation_id, head + 1) <= head:
            del self.owed[conversation_id]

    def owe(self, conversation_id: str, seq: int) -> None:
        if self.heads.get(conversation_id, 0) < seq:
            self.owed[conversation_id] = max(seq, self.owed.get(conversation_id, 0))


class Ledger:
    """The debts of a run, as far as its history goes."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._position = 0
        self._lines: dict[int, _Line] = {}
        self._members: dict[str, set[str]] = defaultdict(set)
        self._changed: dict[str, int] = {}
        self._senders: dict[int, int | None] = {}

    def owes(self, conn: int) -> bool:
        """Whether something is still to come on this connection."""
        while self._position < len(self._history):
            self._position += 1
            self._enter(self._position - 1)
        line = self._lines.get(conn)
        return line is not None and bool(line.owed)

    def forgive(self, conn: int) -> None:
        """Wait no more for what this connection is owed."""
        if conn in self._lines:
            self._lines[conn].owed.clear()

    def _enter(self, position: int) -> None:
        match self._history[position]:
            case Opened(conn=conn, user_id=user_id):
                self._lines[conn] = _Line(user_id)
            case ReplayDone(conn=conn) if conn in self._lines:
                self._lines[conn].ready = True
            case Closed(conn=conn):
                self._lines.pop(conn, None)
            case ConversationSeen(
                conversation_id=conversation_id, members=members, user_id=user_id
            ):
                if members:
                    self._members[conversation_id] = set(members)
                elif members is not None:
                    self._members[conversation_id].discard(user_id)
            case Sending(op=op, conn=conn):
                self._senders[op] = conn
            case Accepted(op=op, conversation_id=conversation_id, seq=seq, duplicate=False):
                sender = self._senders.get(op)
                if sender is not None and sender in self._lines:
                    self._lines[sender].show(conversation_id, seq)
                self._owe(conversation_id, seq)
            case Received(conn=conn, entry=entry) if conn in self._lines:
                self._lines[conn].show(entry.conversation_id, entry.seq)
                if self._lines[conn].ready:
                    self._live(entry)

    def _live(self, entry: Entry) -> None:
        """An entry arrived that was new just now: everybody who is a member will have it."""
        change = _membership(entry)
        if change is None or entry.seq <= self._changed.get(entry.conversation_id, 0):
            self._owe(entry.conversation_id, entry.seq)
            return
        self._changed[entry.conversation_id] = entry.seq
        event, user_id = change
        members = self._members[entry.conversation_id]
        if event == "joined":
            members.add(user_id)
        self._owe(entry.conversation_id, entry.seq)
        if event != "joined":
            members.discard(user_id)
            for line in self._lines.values():
                if line.user_id == user_id and entry.conversation_id in line.owed:
                    del line.owed[entry.conversation_id]
                    line.owe(entry.conversation_id, entry.seq)

    def _owe(self, conversation_id: str, seq: int) -> None:
        members = self._members[conversation_id]
        for line in self._lines.values():
            if line.ready and line.user_id in members:
                line.owe(conversation_id, seq)


def _membership(entry: Entry) -> tuple[str, str] | None:
    """The event and the user of an entry that changes who is a member."""
    match entry.body:
        case {
            "kind": "system",
            "event": "joined" | "left" | "removed" as event,
            "user_id": str(who),
        }:
            return event, who
        case _:
            return None
