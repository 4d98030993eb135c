"""Taking back what a run left on the target (`--clean-up`), as far as the API lets its users.

Messages are deleted (their places in the log remain, as they must), groups are left by all their members, and
the devices are removed, with their sessions and keys. Users, and what is left of direct conversations, cannot
be.
What is refused is counted by cause; if the target is not there any more, nothing further is tried.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from .accounting import Talk
from .causes import Causes
from .crew import Crew, Line, Meeting
from .host import GiveUp, patiently
from .reading_back import backwards
from .wire import Cleaned


class Cleaning:
    """The traces of one process."""

    def __init__(self, crew: Crew) -> None:
        self._crew = crew
        self._refused = Causes()
        self._there = True

    def clean(self) -> Cleaned:
        """Take back all that can be; what was, and what could not be."""
        crew = self._crew
        messages = groups = devices = 0
        for deleted, left in crew.host.map(self._leave, crew.meetings):
            messages, groups = messages + deleted, groups + left
        for removed in crew.host.map(self._remove, crew.lines):
            devices += removed
        return Cleaned(messages, groups, devices, self._refused.counts)

    def _leave(self, meeting: Meeting) -> tuple[int, int]:
        """Empty a conversation; messages deleted, groups left."""
        talk = meeting.talk
        if talk is None:
            return 0, 0
        members = {
            line.device.user_id: line for line in self._crew.lines if line.seat.meeting is meeting
        }
        deleted = self._delete_all(talk, meeting, members)
        if meeting.planned.kind != "group":
            return deleted, 0
        left = [self._call(self._leave_group, talk, line) for line in members.values()]
        return deleted, int(all(left))

    def _delete_all(self, talk: Talk, meeting: Meeting, members: dict[str, Line]) -> int:
        """Delete every message of this run; how many."""
        crew = self._crew
        below = talk.base - crew.plan.population.prefill

        def written() -> list[Any]:
            return list(backwards(talk, below, lambda path: crew.host.get(path, meeting.token)))

        try:
            items = written()
        except GiveUp as trouble:
            self._give_up(trouble)
            return 0
        return sum(
            self._call(self._delete, talk, members[item.sender_id], item.message_id)
            for item in items
            if item.sender_id in members
            and item.message_id
            and self._is_ours(item.client_message_id)
        )

    def _is_ours(self, identity: str | None) -> bool:
        return identity is not None and identity.startswith(f"{self._crew.plan.run}-")

    def _delete(self, talk: Talk, sender: Line, message_id: str) -> None:
        self._crew.host.post(
            f"/v1.0/conversations/{talk.conversation_id}/messages",
            sender.token,
            {
                "client_message_id": f"{self._crew.plan.run}-delete-{message_id}",
                "relates_to": {"relation": "delete", "message_id": message_id},
            },
        )

    def _leave_group(self, talk: Talk, line: Line) -> None:
        member = quote(line.device.user_id, safe="")
        path = f"/v1.0/conversations/{talk.conversation_id}/members/{member}"
        self._crew.host.delete(path, line.token)

    def _remove(self, line: Line) -> bool:
        device = line.seat.device_id
        return self._call(self._crew.host.delete, f"/v1.0/devices/{device}", line.token)

    def _call(self, call: Callable[..., Any], *arguments: Any) -> bool:
        """Whether a call went well."""
        if not self._there:
            return False
        try:
            patiently(lambda: call(*arguments), self._crew.host.sleep)
        except GiveUp as trouble:
            self._give_up(trouble)
            return False
        return True

    def _give_up(self, trouble: GiveUp) -> None:
        self._refused.note(trouble.cause)
        self._there = self._there and trouble.kind != "unreachable"
