"""What was changed stays changed: REL-2, STA-9.

An entry's body may differ from what was sent once it is edited, deleted or has expired, and no observer
knows the moment. But there is no way back: who was shown a tombstone is shown no text later, and what has
expired for somebody stays so. Only pages are compared, by question and answer: a page that was asked
for after another was answered is the later one.
"""

from __future__ import annotations

from typing import NamedTuple

from ..history import Entry, PageRead
from .evidence import Log
from .findings import Findings
from .index import Index


class Change(NamedTuple):
    """Something that cannot be undone: its requirement, its name, and what may be shown after it."""

    requirement: str
    name: str
    followers: tuple[str, ...]


_CHANGES = {
    "edited": Change("REL-2", "edited", ("edited", "deleted", "expired")),
    "deleted": Change("REL-2", "deleted", ("deleted", "expired")),
    "expired": Change("STA-9", "expired", ("expired", "deleted")),
}


def judge_changes(index: Index, log: Log, findings: Findings) -> None:
    """Judge every reader's pages of one log against what that reader was shown before."""
    seen: dict[tuple[str, int], list[tuple[Change, PageRead]]] = {}
    for page in log.pages:
        for entry in page.entries:
            state = _state(entry)
            key = (page.user_id, entry.seq)
            for change, earlier in seen.get(key, ()):
                if earlier.n < page.asked and state not in change.followers:
                    findings.add(
                        change.requirement,
                        f"{index.name(page.user_id, page.device_id)} is shown seq {entry.seq} as "
                        f"{state}, after it had been shown as {change.name}.",
                        earlier,
                        page,
                        scope=(log.conversation_id, page.user_id, entry.seq),
                        conversation_id=log.conversation_id,
                    )
            if state in _CHANGES:
                seen.setdefault(key, []).append((_CHANGES[state], page))


def _state(entry: Entry) -> str:
    kind = entry.body.get("kind") if isinstance(entry.body, dict) else None
    if kind == "deleted" or kind == "expired":
        return str(kind)
    return "it was sent" if entry.edited_at is None else "edited"
