"""The server of the simulation: the contract's rules for logs, deliveries, watermarks and pages.

It works on one thing at a time and writes what it has to say into the outboxes of :class:`Link`, from
where the world carries it on whenever it likes.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from typing import Any

from conformance.history import (
    Accepted,
    Acknowledging,
    ConversationSeen,
    Entry,
    Event,
    Received,
    RecipientStatus,
    Refused,
    ReplayDone,
    Sending,
    StatusAsked,
    StatusName,
    StatusTold,
    Watermarks,
)


class Link:
    """One connection: what waits to be read by the server, and what waits to be read by the client."""

    def __init__(self, conn: int, user_id: str, device_id: str) -> None:
        self.conn = conn
        self.user_id = user_id
        self.device_id = device_id
        self.inbox: deque[Callable[[Link], None]] = deque()
        self.outbox: deque[Event] = deque()


class Member:
    """One member of one conversation."""

    def __init__(self, joined: int) -> None:
        self.joined = joined
        self.left: int | None = None
        self.marks = {"delivered": joined - 1, "read": joined - 1}


class Conversation:
    """A log and its members."""

    def __init__(self, kind: Any) -> None:
        self.kind = kind
        self.log: list[Entry] = []
        self.members: dict[str, Member] = {}

    def present(self) -> list[str]:
        """Who is a member now."""
        return [user for user, member in self.members.items() if member.left is None]

    def visible(self, user_id: str) -> tuple[int, int]:
        """The first and the last seq that a user can see; an empty range for a stranger."""
        member = self.members.get(user_id)
        if member is None:
            return 1, 0
        return member.joined, len(self.log) if member.left is None else member.left


class Server:
    """Everything that the server knows."""

    def __init__(self) -> None:
        self.conversations: dict[str, Conversation] = {}
        self.links: list[Link] = []
        self.device_marks: dict[tuple[str, str], dict[str, int]] = {}
        self.keys: dict[tuple[str, str, str], Entry] = {}
        self._clock = 0

    # ── users and conversations ───────────────────────────────────────────────────────────────

    def log_in(self, user_id: str, device_id: str) -> None:
        """A device begins at the heads of this moment."""
        self.device_marks[user_id, device_id] = {
            conversation_id: len(conversation.log)
            for conversation_id, conversation in self.conversations.items()
        }

    def create(self, conversation_id: str, kind: Any, members: list[str]) -> None:
        """Make a conversation; its first member is its owner."""
        conversation = self.conversations[conversation_id] = Conversation(kind)
        conversation.members = {user: Member(1) for user in members}
        if kind == "group":
            self._system(conversation_id, members[0], event="created", user_ids=members)

    def toggle_member(self, conversation_id: str, by: str, user_id: str) -> None:
        """Remove a member, or let one join (again)."""
        conversation = self.conversations[conversation_id]
        member = conversation.members.get(user_id)
        seq = len(conversation.log) + 1
        if member is not None and member.left is None:
            self._system(conversation_id, by, event="removed", user_id=user_id)
            member.left = seq
            return
        conversation.members[user_id] = Member(seq)
        for (user, _), marks in self.device_marks.items():
            if user == user_id:
                marks[conversation_id] = seq - 1
        for link in self._links_of(user_id):
            seen = self.view(user_id, conversation_id)
            if seen is not None:
                seen.conn = link.conn
                link.outbox.append(seen)
        self._system(conversation_id, by, event="joined", user_id=user_id)

    def view(self, user_id: str, conversation_id: str) -> ConversationSeen | None:
        """A conversation as a member sees it."""
        conversation = self.conversations[conversation_id]
        member = conversation.members.get(user_id)
        if member is None:
            return None
        return ConversationSeen(
            user_id=user_id,
            conn=None,
            conversation_id=conversation_id,
            kind=conversation.kind,
            head_seq=conversation.visible(user_id)[1],
            members={
                user: Watermarks(
                    role="member",
                    joined_seq=other.joined,
                    delivered_seq=other.marks["delivered"],
                    read_seq=other.marks["read"],
                )
                for user, other in conversation.members.items()
                if member.left is None and other.left is None
            },
            asked=-1,
        )

    # ── messages ──────────────────────────────────────────────────────────────────────────────

    def send_over(self, link: Link, call: Sending) -> None:
        """Send over a connection, which gets the answer in its place."""
        link.outbox.append(self.send(call, link))

    def send(self, call: Sending, sender: Link | None) -> Accepted | Refused:
        """Append a message, or find its first."""
        conversation = self.conversations[call.conversation_id]
        key = (call.user_id, call.conversation_id, call.client_message_id)
        entry = self.keys.get(key)
        if entry is not None:
            differs = entry.body["text"] != call.body["text"]
            if differs:
                return Refused(op=call.op, code="idempotency_conflict")
            return _accepted(call, entry, duplicate=True)
        if call.user_id not in conversation.present():
            return Refused(op=call.op, code="not_a_member")
        if not call.body["text"]:
            return Refused(op=call.op, code="invalid_body")
        entry = self._append(
            call.conversation_id,
            sender_id=call.user_id,
            sender_device_id=call.device_id,
            client_message_id=call.client_message_id,
            body={**call.body, "x-extra": self._clock},
        )
        self.keys[key] = entry
        self._publish(entry, sender)
        return _accepted(call, entry, duplicate=False)

    def _system(self, conversation_id: str, by: str, **body: Any) -> None:
        entry = self._append(conversation_id, sender_id=by, body={"kind": "system", **body})
        self._publish(entry, None)

    def _append(self, conversation_id: str, **fields: Any) -> Entry:
        log = self.conversations[conversation_id].log
        self._clock += 1
        seq = len(log) + 1
        entry = Entry(
            conversation_id=conversation_id,
            seq=seq,
            message_id=f"{conversation_id}-m{seq}",
            created_at=f"2026-11-22T10:{self._clock // 2000:02}:{self._clock // 2 % 60:02}.000Z",
            **fields,
        )
        log.append(entry)
        return entry

    def _publish(self, entry: Entry, sender: Link | None) -> None:
        for user_id in self.conversations[entry.conversation_id].present():
            for link in self._links_of(user_id):
                if link is not sender:
                    link.outbox.append(Received(conn=link.conn, entry=entry))

    def any_message_of(self, user_id: str, dice: random.Random) -> str | None:
        """A message of this user's, if there is one."""
        own = [entry.message_id for (user, _, _), entry in self.keys.items() if user == user_id]
        return dice.choice(own) if own else None

    def page(
        self, user_id: str, conversation_id: str, direction: str, cursor: int | None, limit: int
    ) -> tuple[tuple[Entry, ...], bool, bool] | None:
        """A page from a cursor (a seq that it excludes), or from an end of the log."""
        conversation = self.conversations[conversation_id]
        if user_id not in conversation.members:
            return None
        first, last = conversation.visible(user_id)
        if direction == "before":
            high = last if cursor is None else cursor - 1
            low = max(first, high - limit + 1)
        else:
            low = first if cursor is None else max(first, cursor + 1)
            high = min(last, low + limit - 1)
        entries = tuple(conversation.log[low - 1 : max(high, low - 1)])
        return entries, low > first, high < last

    # ── watermarks ────────────────────────────────────────────────────────────────────────────

    def acknowledge(self, link: Link, ack: Acknowledging) -> None:
        """Raise a watermark, and tell those concerned."""
        conversation = self.conversations[ack.conversation_id]
        first, last = conversation.visible(link.user_id)
        member = conversation.members.get(link.user_id)
        if member is None or not first - 1 <= ack.up_to_seq <= last:
            return
        marks = self.device_marks[link.user_id, link.device_id]
        marks[ack.conversation_id] = max(marks.get(ack.conversation_id, 0), ack.up_to_seq)
        rises = []
        for level in ("delivered", "read") if ack.status == "read" else ("delivered",):
            if ack.up_to_seq > member.marks[level]:
                rises.append((level, member.marks[level]))
                member.marks[level] = ack.up_to_seq
        if member.left is not None:
            return
        level, floor = rises[-1] if rises else ("", 0)
        if level != ack.status:
            return
        for user_id in conversation.present():
            concerned = any(
                entry.sender_id == user_id and entry.body["kind"] != "system"
                for entry in conversation.log[floor : ack.up_to_seq]
            )
            for other in self._links_of(user_id):
                own_other_device = (
                    user_id == link.user_id
                    and level == "read"
                    and other.device_id != link.device_id
                )
                if (concerned and user_id != link.user_id) or own_other_device:
                    other.outbox.append(
                        StatusTold(
                            conn=other.conn,
                            conversation_id=ack.conversation_id,
                            user_id=link.user_id,
                            status=ack.status,
                            up_to_seq=ack.up_to_seq,
                        )
                    )

    def status(self, user_id: str, message_id: str) -> StatusAsked:
        """The status of one's own message."""
        conversation_id, _, number = message_id.rpartition("-m")
        conversation, seq = self.conversations[conversation_id], int(number)
        recipients = {
            user: self._level(member, seq)
            for user, member in conversation.members.items()
            if user != user_id and member.joined <= seq and not (member.left or seq) < seq
        }
        counted: list[StatusName] = [
            level
            for user, level in recipients.items()
            if level != "sent" or conversation.members[user].left is None
        ]
        return StatusAsked(
            user_id=user_id,
            message_id=message_id,
            status=min(counted, key=("sent", "delivered", "read").index, default="sent"),
            recipients=tuple(
                RecipientStatus(
                    user_id=user,
                    status=level,
                    delivered_at=None if level == "sent" else "2026-11-22T11:00:00.000Z",
                    read_at="2026-11-22T11:00:00.000Z" if level == "read" else None,
                )
                for user, level in recipients.items()
            ),
            asked=-1,
        )

    @staticmethod
    def _level(member: Member, seq: int) -> StatusName:
        if member.marks["read"] >= seq:
            return "read"
        return "delivered" if member.marks["delivered"] >= seq else "sent"

    # ── connections ───────────────────────────────────────────────────────────────────────────

    def open(self, link: Link) -> None:
        """Send the backlog, then all that comes."""
        count = 0
        marks = self.device_marks[link.user_id, link.device_id]
        for conversation_id, conversation in self.conversations.items():
            first, last = conversation.visible(link.user_id)
            for seq in range(max(first, marks.get(conversation_id, 0) + 1), last + 1):
                link.outbox.append(Received(conn=link.conn, entry=conversation.log[seq - 1]))
                count += 1
        link.outbox.append(ReplayDone(conn=link.conn, count=count))
        self.links.append(link)

    def close(self, link: Link) -> None:
        """The connection is gone."""
        self.links.remove(link)

    def work(self, link: Link) -> None:
        """Read and do the next thing that waits on a connection."""
        if link.inbox:
            link.inbox.popleft()(link)

    def _links_of(self, user_id: str) -> list[Link]:
        return [link for link in self.links if link.user_id == user_id]


def _accepted(call: Sending, entry: Entry, *, duplicate: bool) -> Accepted:
    return Accepted(
        op=call.op,
        conversation_id=call.conversation_id,
        message_id=entry.message_id,
        seq=entry.seq,
        created_at=entry.created_at,
        duplicate=duplicate,
    )
