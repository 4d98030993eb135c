"""What connections are told of messages that failed after they were sent: STA-3, STA-7, STA-9.

A failure is told to the message's sender alone, once on each connection, and only follows `sent`.
"""

from __future__ import annotations

from ..history import StatusTold
from .evidence import Log, Stream
from .findings import Findings
from .index import Index
from .watermarks import LEVELS


def judge_failures(
    index: Index, stream: Stream, log: Log, told: list[StatusTold], findings: Findings
) -> None:
    """Judge what one connection was told of one user's failures, in the order of arrival."""
    height = 0
    failed: dict[str, StatusTold] = {}
    for status in told:
        if status.status != "failed":
            if status.status in LEVELS["delivered"]:
                height = max(height, status.up_to_seq or 0)
            continue
        if status.message_id is None:
            continue
        found = index.messages.get(status.message_id)
        known = found[1] if found else None
        wrong: dict[str, str | None] = {"STA-3": None, "STA-7": None}
        if status.message_id in failed:
            wrong["STA-3"] = "which it had been told before"
        elif known is not None and known.seq <= height:
            wrong["STA-3"] = f"after it had been told of delivery up to seq {height}"
        if known is not None and known.sender_id not in (None, stream.user_id):
            wrong["STA-7"] = "which it did not send"
        for requirement, why in wrong.items():
            if why:
                findings.add(
                    requirement,
                    f"{stream.lane} was told that message {status.message_id} failed for "
                    f"{index.person(status.user_id)}, {why}.",
                    failed.get(status.message_id),
                    status,
                    scope=(stream.conn, log.conversation_id, status.user_id, "failed"),
                    conversation_id=log.conversation_id,
                )
        failed[status.message_id] = status


def failed_messages(index: Index) -> set[tuple[str, str]]:
    """Users and messages that failed for them, by everything that was told or answered."""
    found = {
        (recipient.user_id, answer.message_id)
        for answer in index.answers
        for recipient in answer.recipients
        if recipient.status == "failed"
    }
    for stream in index.streams.values():
        for (_, user_id), told in stream.told.items():
            found.update(
                (user_id, status.message_id)
                for status in told
                if status.status == "failed" and status.message_id is not None
            )
    return found
