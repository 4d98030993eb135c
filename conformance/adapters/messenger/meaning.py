"""What the frames of one connection mean, in the history's terms.

No I/O: the channel hands over each frame with the position of its raw event; this adds the semantic
events that follow from it, and settles the send that the frame answers. What belongs to hidden users
leaves no semantic event.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from ...history import (
    Accepted,
    Acknowledging,
    Closed,
    Event,
    Opened,
    Received,
    Refused,
    ReplayDone,
    Sending,
    StatusTold,
)
from ..base import Json, Malformed, Refusal, Unanswered
from . import shapes
from .flight import InFlight
from .notebook import Notebook

Frame = dict[str, Json]


class Meaning:
    """The frames of one connection, understood one after the other."""

    def __init__(
        self, conn: int, holder: tuple[str, str], notebook: Notebook, *, hidden: bool
    ) -> None:
        self.conn = conn
        self.user_id, self.device_id = holder
        self.replayed = False
        """Whether the backlog is through."""
        self._hidden = hidden
        self._notebook = notebook
        self._in_flight: dict[str, InFlight] = {}
        self._concealed_backlog = 0
        self._readers: dict[str, Callable[[Frame, int], None]] = {
            "message": self._message,
            "sent": self._sent,
            "failed": self._failed,
            "accepted": self._accepted,
            "error": self._error,
            "status": self._status,
            "replay_complete": self._replay_complete,
            "conversation": self._conversation,
        }

    # ── the connection itself ─────────────────────────────────────────────────────────────────

    def opened(self, lane: str, position: int, asked: int) -> None:
        """The handshake that began at `asked` succeeded."""
        self._note(
            Opened(
                conn=self.conn,
                user_id=self.user_id,
                device_id=self.device_id,
                lane=lane,
                asked=asked,
                raw=position,
            )
        )

    def ended(
        self, code: int | None, by: Literal["client", "server", "cut"], position: int
    ) -> None:
        """The connection is over: what is in flight stays indeterminate."""
        self._note(Closed(conn=self.conn, code=code, by=by, raw=position))
        for flight in self._in_flight.values():
            flight.fail(Unanswered(f"the connection ended before the answer to {flight.what}"))
        self._in_flight.clear()

    # ── frames written ────────────────────────────────────────────────────────────────────────

    def sending(self, frame: Frame, position: int, *, hidden: bool) -> InFlight:
        """A `send` frame is about to be written."""
        flight = InFlight(0, f"the `send` of {frame['client_message_id']}")
        if not hidden:
            flight.op = self._notebook.history.next_op()
            self._notebook.add(
                Sending(
                    op=flight.op,
                    conn=self.conn,
                    user_id=self.user_id,
                    device_id=self.device_id,
                    conversation_id=frame["conversation_id"],
                    client_message_id=frame["client_message_id"],
                    body=frame.get("body"),
                    relates_to=frame.get("relates_to"),
                    expires_in_s=frame.get("expires_in_s"),
                    raw=position,
                )
            )
        self._in_flight[frame["id"]] = flight
        return flight

    def asking(self, frame: Frame) -> InFlight:
        """A frame that is answered by its id, and means nothing else, is about to be written."""
        flight = InFlight(0, f"the `{frame['type']}` {frame['id']}")
        self._in_flight[frame["id"]] = flight
        return flight

    def writing(self, frame: Frame, position: int) -> None:
        """Any other frame is about to be written; one that the server may take for a verb is one."""
        match frame:
            case {
                "type": "send",
                "id": str() as frame_id,
                "conversation_id": str(),
                "client_message_id": str(),
            } if frame_id not in self._in_flight:
                self.sending(frame, position, hidden=False)
            case {
                "type": "delivered" | "read" as status,
                "conversation_id": str() as conversation_id,
                "up_to_seq": int() as up_to_seq,
            } if not isinstance(up_to_seq, bool):
                self._notebook.add(
                    Acknowledging(
                        conn=self.conn,
                        user_id=self.user_id,
                        device_id=self.device_id,
                        conversation_id=conversation_id,
                        status=status,
                        up_to_seq=up_to_seq,
                        raw=position,
                    )
                )

    # ── frames read ───────────────────────────────────────────────────────────────────────────

    def as_seen(self, frame: Frame) -> Frame:
        """The frame as the scenario is to see it: what was hidden from a replay is not counted."""
        count = frame.get("count")
        if (
            frame["type"] != "replay_complete"
            or not self._concealed_backlog
            or self._hidden
            or not isinstance(count, int)
        ):
            return frame
        return {**frame, "count": count - self._concealed_backlog}

    def understand(self, frame: Frame, position: int, *, hidden: bool) -> None:
        """Conclude what `frame` says."""
        if frame["type"] == "message" and hidden and not self.replayed:
            self._concealed_backlog += 1
        if reader := self._readers.get(frame["type"]):
            try:
                reader(frame, position)
            except Malformed as complaint:
                # It proves nothing, and `manners` complains of it; but it did answer.
                flight = self._landed(frame)
                if flight is not None:
                    flight.fail(complaint)

    def _landed(self, frame: Frame) -> InFlight | None:
        frame_id = frame.get("id")
        return self._in_flight.pop(frame_id, None) if isinstance(frame_id, str) else None

    def _message(self, frame: Frame, position: int) -> None:
        entry = shapes.read(frame, shapes.Message, "a `message` frame").message
        if not self._notebook.conceals(frame):
            self._note(Received(conn=self.conn, entry=entry, raw=position))

    def _sent(self, frame: Frame, position: int) -> None:
        sent = shapes.read(frame, shapes.Sent, "a `sent` frame")
        flight = self._landed(frame)
        if flight is None:
            return
        if flight.op:
            self._note(
                Accepted(
                    op=flight.op,
                    conversation_id=sent.conversation_id,
                    message_id=sent.message_id,
                    seq=sent.seq,
                    created_at=sent.created_at,
                    duplicate=sent.duplicate,
                    raw=position,
                )
            )
        flight.succeed({name: value for name, value in frame.items() if name != "type"})

    def _accepted(self, frame: Frame, _position: int) -> None:
        shapes.read(frame, shapes.Accepted, "an `accepted` frame")
        flight = self._landed(frame)
        if flight is not None:
            flight.succeed({"unknown": [], **frame})

    def _failed(self, frame: Frame, position: int) -> None:
        failed = shapes.read(frame, shapes.Failed, "a `failed` frame")
        self._refused(frame, failed.error.code, position)

    def _error(self, frame: Frame, position: int) -> None:
        error = shapes.read(frame, shapes.ErrorFrame, "an `error` frame")
        self._refused(frame, error.error.code, position)

    def _refused(self, frame: Frame, code: str, position: int) -> None:
        flight = self._landed(frame)
        if flight is not None:
            if flight.op:
                self._note(Refused(op=flight.op, code=code, raw=position))
            flight.fail(Refusal(code, None, frame["error"]))

    def _status(self, frame: Frame, position: int) -> None:
        status = shapes.read(frame, shapes.Status, "a `status` frame")
        if not self._notebook.conceals(frame):
            self._note(
                StatusTold(
                    conn=self.conn,
                    conversation_id=status.conversation_id,
                    user_id=status.user_id,
                    status=status.status,
                    up_to_seq=status.up_to_seq,
                    message_id=status.message_id,
                    reason=status.reason,
                    raw=position,
                )
            )

    def _replay_complete(self, frame: Frame, position: int) -> None:
        self.replayed = True
        replay = shapes.read(frame, shapes.ReplayComplete, "a `replay_complete` frame")
        self._note(ReplayDone(conn=self.conn, count=replay.count, raw=position))

    def _conversation(self, frame: Frame, position: int) -> None:
        shape = shapes.read(frame, shapes.ConversationFrame, "a `conversation` frame")
        if not self._notebook.conceals(frame):
            asked = len(self._notebook.history)
            self._note(
                shape.conversation.seen(
                    user_id=self.user_id, conn=self.conn, asked=asked, raw=position
                )
            )

    def _note(self, event: Event) -> None:
        if not self._hidden:
            self._notebook.add(event)
