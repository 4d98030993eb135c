"""A history told by hand, in a few words: for examples of single rules."""

from __future__ import annotations

from typing import Any, Literal

from conformance.checkers import CHECKERS
from conformance.history import (
    Accepted,
    Acknowledging,
    ConversationSeen,
    Drained,
    Entry,
    History,
    LoggedIn,
    Opened,
    PageRead,
    Received,
    RecipientStatus,
    Refused,
    ReplayDone,
    Restarted,
    Sending,
    StatusAsked,
    StatusName,
    StatusTold,
    WalkDone,
    Watermarks,
)
from conformance.outages import Manner

CHAT = "chat"


def text(seq: int, sender: str = "alice", **fields: Any) -> Entry:
    """A text message at a seq; its ids and its text follow from that."""
    return Entry(
        conversation_id=CHAT,
        **{
            "seq": seq,
            "message_id": f"m{seq}",
            "sender_id": sender,
            "client_message_id": f"c{seq}",
            "created_at": f"2026-11-22T10:00:{seq:02}.000Z",
            "body": {"kind": "text", "text": f"text {seq}"},
            **fields,
        },
    )


def system(seq: int, event: str, sender: str = "alice", **body: Any) -> Entry:
    """A system entry of a group's log."""
    return Entry(
        conversation_id=CHAT,
        seq=seq,
        message_id=f"m{seq}",
        sender_id=sender,
        created_at=f"2026-11-22T10:00:{seq:02}.000Z",
        body={"kind": "system", "event": event, **body},
    )


class Line:
    """One device's connection, as it is told."""

    def __init__(self, history: History, user: str, device: str, conn: int, asked: int) -> None:
        self._history = history
        self.user, self.device, self.conn = user, device, conn
        history.add(
            Opened(conn=conn, user_id=user, device_id=device, lane=f"{user}.{device}", asked=asked)
        )

    def replayed(self, *entries: Entry, count: int | None = None) -> Line:
        """The backlog, and its end."""
        self.receives(*entries)
        size = len(entries) if count is None else count
        self._history.add(ReplayDone(conn=self.conn, count=size))
        return self

    def receives(self, *entries: Entry) -> None:
        """Messages arrive."""
        for entry in entries:
            self._history.add(Received(conn=self.conn, entry=entry))

    def acknowledges(self, up_to: int, status: Literal["delivered", "read"] = "delivered") -> None:
        """A watermark leaves."""
        self._history.add(
            Acknowledging(
                conn=self.conn,
                user_id=self.user,
                device_id=self.device,
                conversation_id=CHAT,
                status=status,
                up_to_seq=up_to,
            )
        )

    def told(self, user: str, status: StatusName, up_to: int) -> None:
        """A status arrives."""
        self._history.add(
            StatusTold(
                conn=self.conn,
                conversation_id=CHAT,
                user_id=user,
                status=status,
                up_to_seq=up_to,
            )
        )

    def told_failed(self, user: str, seq: int) -> None:
        """It arrives that a message has expired for a user."""
        self._history.add(
            StatusTold(
                conn=self.conn,
                conversation_id=CHAT,
                user_id=user,
                status="failed",
                message_id=f"m{seq}",
                reason="expired",
            )
        )


class Story:
    """Events in the order of telling; a device is in the story from its login on."""

    def __init__(self, *direct: str) -> None:
        self.history = History(clock=lambda: 0.0)
        self._conns = 0
        self._lines: list[Line] = []
        self._walks = 0
        if direct:
            marks = dict.fromkeys(direct, (0, 0))
            self.shows(direct[0], marks, head=0)

    def login(self, user: str, device: str = "phone") -> None:
        """A device logs in for the first time."""
        self.history.add(LoggedIn(user_id=user, device_id=device))

    def connect(self, user: str, *backlog: Entry, device: str = "phone") -> Line:
        """A device connects, and is ready behind this backlog."""
        return self.opens(user, device).replayed(*backlog)

    def opens(self, user: str, device: str = "phone") -> Line:
        """A device connects; its backlog is still to come."""
        self._conns += 1
        line = Line(self.history, user, device, self._conns, len(self.history))
        self._lines.append(line)
        return line

    def sends(self, entry: Entry, by: Line | None = None, *, body: Any = None) -> int:
        """A send leaves; over HTTP without a line. Answers its operation."""
        op = self.history.next_op()
        self.history.add(
            Sending(
                op=op,
                conn=by.conn if by else None,
                user_id=str(entry.sender_id),
                device_id=by.device if by else "phone",
                conversation_id=CHAT,
                client_message_id=str(entry.client_message_id),
                body=body or entry.body,
            )
        )
        return op

    def accepted(self, op: int, entry: Entry, *, duplicate: bool = False) -> None:
        """The server says `sent`."""
        self.history.add(
            Accepted(
                op=op,
                conversation_id=CHAT,
                message_id=entry.message_id,
                seq=entry.seq,
                created_at=entry.created_at,
                duplicate=duplicate,
            )
        )

    def says(self, entry: Entry, by: Line | None = None) -> None:
        """A send and its answer."""
        self.accepted(self.sends(entry, by), entry)

    def refused(self, op: int, code: str = "invalid_body") -> None:
        """The server refuses a send."""
        self.history.add(Refused(op=op, code=code))

    def barrier(self, *lines: Line) -> None:
        """A barrier passes these connections, or all that there are."""
        since = len(self.history)
        for line in lines or self._lines:
            self.history.add(Drained(conn=line.conn, since=since))

    def restart(self, manner: Manner = "restart") -> None:
        """The server was killed, or stopped, and is back."""
        self.history.add(Restarted(manner=manner))

    def page(self, user: str, *entries: Entry, **fields: Any) -> PageRead:
        """A page, asked and answered at once; the latest one unless told otherwise."""
        page = PageRead(
            **{
                "user_id": user,
                "device_id": "phone",
                "conversation_id": CHAT,
                "direction": None,
                "start": True,
                "limit": 50,
                "entries": entries,
                "has_older": bool(entries) and entries[0].seq > 1,
                "has_newer": False,
                "walk": None,
                "asked": len(self.history),
                **fields,
            }
        )
        self.history.add(page)
        return page

    def walk(
        self, user: str, *pages: tuple[Entry, ...], direction: Literal["before", "after"] = "after"
    ) -> None:
        """A whole walk through the history, page by page as it was read."""
        self._walks += 1
        first = len(self.history)
        for number, entries in enumerate(pages):
            last = number == len(pages) - 1
            self.page(
                user,
                *entries,
                direction=None if direction == "before" and number == 0 else direction,
                start=number == 0,
                walk=self._walks,
                has_older=number > 0 if direction == "after" else not last,
                has_newer=number > 0 if direction == "before" else not last,
            )
        self.history.add(
            WalkDone(
                walk=self._walks,
                user_id=user,
                device_id="phone",
                conversation_id=CHAT,
                direction=direction,
                whole=True,
                asked=first,
            )
        )

    def shows(self, user: str, marks: dict[str, tuple[int, int]], head: int | None = None) -> None:
        """A conversation is looked up: each member's `delivered_seq` and `read_seq`."""
        self.history.add(
            ConversationSeen(
                user_id=user,
                conn=None,
                conversation_id=CHAT,
                kind="direct" if len(marks) == 2 else "group",
                head_seq=head,
                members={
                    member: Watermarks(
                        role="member", joined_seq=1, delivered_seq=delivered, read_seq=read
                    )
                    for member, (delivered, read) in marks.items()
                },
                asked=len(self.history),
            )
        )

    def answers(
        self, seq: int, status: StatusName, *recipients: RecipientStatus, asked: int | None = None
    ) -> None:
        """The status of a message, as its sender is answered."""
        self.history.add(
            StatusAsked(
                user_id="alice",
                message_id=f"m{seq}",
                status=status,
                recipients=recipients,
                asked=len(self.history) if asked is None else asked,
            )
        )

    def blamed(self) -> set[str]:
        """The requirements that any checker finds broken."""
        return {v.requirement for check in CHECKERS.values() for v in check(self.history)}


def at(user: str, status: StatusName, **times: str) -> RecipientStatus:
    """One recipient's status."""
    return RecipientStatus(user_id=user, status=status, **times)
