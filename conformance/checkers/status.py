"""The status of messages climbs, is told to those concerned, and is true: STA-2 to STA-5, STA-7.

A status is a watermark of a user in a conversation. Three modules judge it:

* here, what connections are *told*: that it rises, that somebody acknowledged so far, that the one who
  is told has sent something that the rise covers, and that nobody is left out;
* in `status_failures`, what they are told of messages that failed for somebody;
* in `status_answers`, what is *answered* to questions for one message or one conversation.

That a sender was not told is only claimed where a barrier passed both the recipient's connection after
its acknowledgement and then the sender's, and the sender was connected before anybody can have covered
the message.
"""

from __future__ import annotations

from bisect import bisect_right

from ..history import History, StatusTold
from .base import Violation
from .content import is_system
from .evidence import Log, Stream
from .findings import Findings
from .index import Index
from .membership import Stay
from .status_answers import judge_answers, judge_views, told_heights
from .status_failures import failed_messages, judge_failures
from .watermarks import LEVELS, Level, UserWatermarks


def check(history: History) -> list[Violation]:
    """Judge every status of a history."""
    index = Index(history)
    findings = Findings()
    watermarks: dict[tuple[str, str], UserWatermarks] = {}
    authors: dict[str, _Authors] = {}

    def of(log: Log, user_id: str) -> UserWatermarks:
        key = (log.conversation_id, user_id)
        if key not in watermarks:
            watermarks[key] = UserWatermarks(index, log, user_id)
        return watermarks[key]

    for stream in index.streams.values():
        for (conversation_id, user_id), told in stream.told.items():
            log = index.log(conversation_id)
            author = authors.setdefault(conversation_id, _Authors(log))
            _told(index, stream, log, user_id, told, of(log, user_id), author, findings)
            judge_failures(index, stream, log, told, findings)
    failed = failed_messages(index)
    for log in index.logs.values():
        lasting = [user for user, stays in (log.stays or {}).items() if _lasting(stays)]
        recipients = {user: of(log, user) for user in lasting if log.acks.get(user)}
        if recipients:
            author = authors.setdefault(log.conversation_id, _Authors(log))
            for sender in lasting:
                for stream in index.streams_of.get(sender, ()):
                    _untold(index, stream, log, recipients, author, failed, findings)
    told_by_now = told_heights(index)
    judge_answers(index, of, told_by_now, findings)
    judge_views(index, told_by_now, findings)
    return findings.violations()


def _lasting(stays: list[Stay]) -> bool:
    return len(stays) == 1 and stays[0].last is None


class _Authors:
    """Whose entries are where in a log; system entries are nobody's."""

    def __init__(self, log: Log) -> None:
        self.complete = log.is_whole
        self._seqs: dict[str | None, list[int]] = {}
        for seq in sorted(log.known):
            known = log.known[seq]
            if known.entry is None or not is_system(known.entry):
                self._seqs.setdefault(known.sender_id, []).append(seq)

    def last(self, user_id: str, up_to: int) -> int:
        """The highest seq up to `up_to` that is surely `user_id`'s; 0 for none."""
        seqs = self._seqs.get(user_id, [])
        at = bisect_right(seqs, up_to) - 1
        return seqs[at] if at >= 0 else 0

    def possibly_last(self, user_id: str, up_to: int) -> int:
        """The same, counting what has no sender that anybody told."""
        unsigned = self._seqs.get(None, [])
        at = bisect_right(unsigned, up_to) - 1
        return max(self.last(user_id, up_to), unsigned[at] if at >= 0 else 0)


# ── what was told ─────────────────────────────────────────────────────────────────────────────


def _told(
    index: Index,
    stream: Stream,
    log: Log,
    user_id: str,
    told: list[StatusTold],
    watermarks: UserWatermarks,
    authors: _Authors,
    findings: Findings,
) -> None:
    """Judge what one connection was told of one user's watermarks."""
    heights: dict[Level, int] = {"delivered": 0, "read": 0}
    last: StatusTold | None = None
    for status in told:
        level, seq = status.status, status.up_to_seq
        if seq is None or (level != "delivered" and level != "read"):
            continue
        floor = max(heights[covering] for covering in LEVELS[level])
        whose = index.person(user_id)
        fallen = _no_rise(seq, floor)
        verdicts = {
            "STA-3": fallen,
            "STA-2": _unfounded(level, seq, status, watermarks),
            "STA-7": None
            if fallen
            else _unconcerned(stream, log, status, floor, watermarks, authors),
        }
        for requirement, wrong in verdicts.items():
            if wrong:
                findings.add(
                    requirement,
                    f"{stream.lane} was told that {whose} has {level} up to seq {seq}, {wrong}.",
                    last if requirement == "STA-3" else None,
                    status,
                    scope=(stream.conn, log.conversation_id, user_id),
                    conversation_id=log.conversation_id,
                )
        heights[level] = max(heights[level], seq)
        last = status


def _no_rise(seq: int, floor: int) -> str | None:
    if seq > floor:
        return None
    how = "again" if seq == floor else "which falls"
    return f"{how}, after it had been told of seq {floor}"


def _unfounded(
    level: Level, seq: int, status: StatusTold, watermarks: UserWatermarks
) -> str | None:
    tried = watermarks.tried[level].before(status.n)
    if seq <= tried:
        return None
    return (
        f"which nobody acknowledged ({level} up to {tried})"
        if tried > 0
        else f"which nobody acknowledged as {level}"
    )


def _unconcerned(
    stream: Stream,
    log: Log,
    status: StatusTold,
    floor: int,
    watermarks: UserWatermarks,
    authors: _Authors,
) -> str | None:
    """Why this connection should not have been told, if that is certain."""
    seq = status.up_to_seq or 0
    if stream.user_id == status.user_id:
        if status.status == "delivered":
            return "which is its own user's, and told to others only"
        alone = watermarks.readers(seq, status.n) == {stream.opened.device_id}
        return "which it had said itself" if alone else None
    stays = (log.stays or {}).get(stream.user_id)
    if log.stays is None:
        return None
    if not stays:
        return "but is no member of the conversation"
    end = log.known.get(stays[-1].last) if stays[-1].last is not None else None
    level: Level = "read" if status.status == "read" else "delivered"
    if end is not None and end.existed < watermarks.tried[level].reaching(seq):
        return f"but was no member any more: the membership had ended at seq {end.seq}"
    if authors.complete and authors.possibly_last(stream.user_id, seq) <= floor:
        return "but sent none of what this newly covers"
    return None


# ── what was not told ─────────────────────────────────────────────────────────────────────────


def _untold(
    index: Index,
    stream: Stream,
    log: Log,
    recipients: dict[str, UserWatermarks],
    authors: _Authors,
    failed: set[tuple[str, str]],
    findings: Findings,
) -> None:
    """Judge what a sender's connection should have been told by its last barrier.

    Whether an acknowledgement is told to whose only message under it has failed is left open.
    """
    if not stream.drains or stream.ready is None or log.stays is None:
        return
    drained = stream.drains[-1]
    for user_id, watermarks in recipients.items():
        if user_id == stream.user_id:
            continue
        told = stream.told.get((log.conversation_id, user_id), ())
        for level, covering in LEVELS.items():
            seq = authors.last(stream.user_id, watermarks.due[level].before(drained.since + 1))
            if seq < max(log.stays[user_id][0].first, 1):
                continue
            if (user_id, log.known[seq].message_id) in failed:
                continue
            first_cover = watermarks.tried[level].reaching(seq)
            if first_cover < stream.ready.n:
                continue
            if any(
                status.status in covering and (status.up_to_seq or 0) >= seq
                for status in told
                if status.n < drained.n
            ):
                continue
            findings.add(
                "STA-2",
                f"{stream.lane} sent seq {seq}, {index.person(user_id)} acknowledged it as {level}, and "
                f"{stream.lane} was never told.",
                first_cover,
                drained,
                scope=(stream.conn, log.conversation_id, user_id, level),
                conversation_id=log.conversation_id,
            )
