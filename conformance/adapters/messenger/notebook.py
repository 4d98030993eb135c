"""Where a session's traffic is written down, and what of it the scenario must not see.

A barrier needs a user of its own, the sentinel, who talks to each actor. Its frames would show up in
the actors' inboxes, its conversations in their lists, its messages in their replays. The notebook
knows what is the sentinel's: it still records all of that as raw events, marked `hidden`, and keeps
it out of everything else.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from ...history import Event, History, Wire

Json = Any
WireDirection = Literal["out", "in"]

ASIDE = "aside."
"""How ids of frames begin that the engine sends for itself."""


class Uploaded(Struct, frozen=True):
    """A file as it was sent, and the requirement that is broken if another one comes back."""

    content: bytes
    requirement: str


class Notebook:
    """The record of one session."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.hidden_users: set[str] = set()
        self.hidden_conversations: set[str] = set()
        self.holders: dict[str, tuple[str, str]] = {}
        """Whose token: user and device id."""
        self.uploaded: dict[str, Uploaded] = {}
        """The files of this session, by their assets' ids."""
        self._conns = 0
        self._walks = 0
        self._asides = 0

    def next_conn(self) -> int:
        """A fresh connection number."""
        self._conns += 1
        return self._conns

    def next_walk(self) -> int:
        """A fresh number for a walk through a history."""
        self._walks += 1
        return self._walks

    def next_aside(self) -> str:
        """A fresh id for a frame of the engine's own."""
        self._asides += 1
        return f"{ASIDE}{self._asides}"

    def add(self, event: Event) -> int:
        """Record `event`; answer its position."""
        return self.history.add(event)

    def wire(
        self,
        lane: str,
        direction: WireDirection,
        kind: str,
        label: str,
        content: Json = None,
        *,
        conn: int | None = None,
        hidden: bool = False,
    ) -> int:
        """Record something on the wire; answer its position."""
        return self.history.add(
            Wire(
                lane=lane,
                conn=conn,
                direction=direction,
                kind=kind,
                label=label,
                content=content,
                hidden=hidden,
            )
        )

    def conceals(self, frame: dict[str, Json]) -> bool:
        """Whether a frame that came belongs to a hidden user."""
        frame_id = frame.get("id")
        if isinstance(frame_id, str) and frame_id.startswith(ASIDE):
            return True
        if not self.hidden_users:
            return False
        if _among(frame.get("user_id"), self.hidden_users):
            return True
        for part in (frame, frame.get("message"), frame.get("conversation")):
            if isinstance(part, dict) and self.conceals_conversation(part):
                return True
        return False

    def conceals_conversation(self, value: dict[str, Json]) -> bool:
        """Whether a conversation, or something within one, belongs to a hidden user."""
        if _among(value.get("conversation_id"), self.hidden_conversations):
            return True
        members = value.get("members")
        return isinstance(members, list) and any(
            isinstance(member, dict) and _among(member.get("user_id"), self.hidden_users)
            for member in members
        )


def _among(value: Json, names: set[str]) -> bool:
    """Whether what came is one of `names`; it may be of any type."""
    return isinstance(value, str) and value in names
