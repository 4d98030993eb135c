"""What a server answers when asked for statuses: STA-2 to STA-5.

An answer is bounded from below by everything that was answered, told or proven before the question, and
from above by the acknowledgements that were sent before the answer came. Between the two everything is
right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..history import ConversationSeen, RecipientStatus, StatusAsked, StatusName
from .evidence import Known, Log, Staircase
from .findings import Findings
from .index import Index
from .membership import covering
from .watermarks import LEVELS, Level, UserWatermarks

_RANK: dict[StatusName, int] = {"sent": 0, "delivered": 1, "read": 2}
_BY_RANK: tuple[StatusName, ...] = ("sent", "delivered", "read")

WatermarksOf = Callable[[Log, str], UserWatermarks]
Told = dict[tuple[str, str, Level], Staircase]
"""By conversation, user and level: how high connections were told, by position."""


def judge_answers(index: Index, watermarks: WatermarksOf, told: Told, findings: Findings) -> None:
    """Judge every answer to a question for one message's status."""
    earlier: dict[str, list[StatusAsked]] = {}
    for answer in index.answers:
        found = index.messages.get(answer.message_id)
        before = earlier.setdefault(answer.message_id, [])
        past = [other for other in before if other.n < answer.asked]
        before.append(answer)
        if found is None:
            continue
        log, known = found

        def blame(
            requirement: str,
            wrong: str,
            *events: Any,
            answer: StatusAsked = answer,
            log: Log = log,
            known: Known = known,
        ) -> None:
            findings.add(
                requirement,
                f"Asked for the status of seq {known.seq}, the server answered {wrong}.",
                *events,
                answer,
                scope=(answer.message_id, requirement),
                conversation_id=log.conversation_id,
            )

        _overall(log, known, answer, past, blame)
        for recipient in answer.recipients:
            if len((log.stays or {}).get(recipient.user_id, ())) > 1:
                continue  # whose new watermarks say nothing of what was before
            _recipient(index, recipient, blame)
            marks = watermarks(log, recipient.user_id)
            _bounds(index, known, answer, recipient, marks, blame)
            _fall(index, log, known, answer, recipient, past, told, blame)


def _recipient(index: Index, recipient: RecipientStatus, blame: Callable[..., None]) -> None:
    """STA-4: what one recipient's times say fits the status."""
    rank = _RANK.get(recipient.status)
    if rank is None:
        return
    who = index.person(recipient.user_id)
    if recipient.read_at is not None and recipient.delivered_at is None:
        blame("STA-4", f"that {who} read it (at {recipient.read_at}) without any time of delivery")
    implied: StatusName = (
        "read" if recipient.read_at else "delivered" if recipient.delivered_at else "sent"
    )
    if _RANK[implied] > rank:
        blame("STA-4", f"{recipient.status} for {who}, but gives a time at which it was {implied}")


def _bounds(
    index: Index,
    known: Known,
    answer: StatusAsked,
    recipient: RecipientStatus,
    marks: UserWatermarks,
    blame: Callable[..., None],
) -> None:
    """STA-2: no lower than what was surely acknowledged, no higher than what anybody tried."""
    rank = _RANK.get(recipient.status)
    if rank is None:
        return
    who = index.person(recipient.user_id)
    for level in LEVELS:
        if rank < _RANK[level] and marks.proven[level].before(answer.asked) >= known.seq:
            blame(
                "STA-2",
                f"{recipient.status} for {who}, who had acknowledged it as {level}",
                marks.tried[level].reaching(known.seq),
            )
            return
        if rank >= _RANK[level] and marks.tried[level].before(answer.n) < known.seq:
            blame("STA-2", f"{recipient.status} for {who}, who never acknowledged it as {level}")
            return


def _fall(
    index: Index,
    log: Log,
    known: Known,
    answer: StatusAsked,
    recipient: RecipientStatus,
    past: list[StatusAsked],
    told: Told,
    blame: Callable[..., None],
) -> None:
    """STA-3: no lower than what was answered or told before; a failure is final."""
    who = index.person(recipient.user_id)
    for other in past:
        for one in other.recipients:
            if one.user_id == recipient.user_id and not _may_follow(one.status, recipient.status):
                blame("STA-3", f"{recipient.status} for {who}, after {one.status}", other)
                return
    rank = _RANK.get(recipient.status)
    for level in LEVELS:
        heights = told.get((log.conversation_id, recipient.user_id, level))
        if rank is None or heights is None or rank >= _RANK[level]:
            continue
        if heights.before(answer.asked) >= known.seq:
            position = heights.reaching(known.seq)
            blame("STA-3", f"{recipient.status} for {who}, after it had told {level}", position)
            return


def _may_follow(old: StatusName, new: StatusName) -> bool:
    if old == "failed" or new == "failed":
        return new == "failed" and old in ("sent", "failed")
    return _RANK[new] >= _RANK[old]


def _overall(
    log: Log,
    known: Known,
    answer: StatusAsked,
    past: list[StatusAsked],
    blame: Callable[..., None],
) -> None:
    """STA-5: the lowest of those that count; recipients are the members at that seq but the sender."""
    if not answer.recipients:
        for other in past:
            if not other.recipients and not _may_follow(other.status, answer.status):
                blame("STA-3", f"{answer.status} after {other.status}", other)
                return
        return
    if log.stays is not None and known.sender_id is not None:
        members = {user for user, stays in log.stays.items() if covering(stays, known.seq)}
        members.discard(known.sender_id)
        returned = {user for user, stays in log.stays.items() if len(stays) > 1}
        named = {recipient.user_id for recipient in answer.recipients}
        if named - returned != members - returned:
            blame(
                "STA-5",
                f"for the recipients {_list(named)}, but those members at that seq who did not send it "
                f"are {_list(members)}",
            )
            return
    right = _right_overall(log, known, answer)
    if answer.status not in right:
        each = ", ".join(f"{r.user_id} {r.status}" for r in answer.recipients)
        blame("STA-5", f"{answer.status} over all ({each}); right is {' or '.join(sorted(right))}")


def _right_overall(log: Log, known: Known, answer: StatusAsked) -> set[StatusName]:
    """What the overall status may be, over all that is possible of who still counts."""
    open_ = [r for r in answer.recipients if r.status in _RANK]
    if not open_:
        return {"failed"}
    acknowledged = [_RANK[r.status] for r in open_ if r.status != "sent"]
    without_silent: StatusName = _BY_RANK[min(acknowledged)] if acknowledged else "sent"
    silent = {r.user_id for r in open_ if r.status == "sent"}
    if not silent or log.stays is None:
        return {without_silent} if not silent else {"sent", without_silent}
    # a silent recipient counts while a member without a break; leaving takes effect before it is seen
    ends = [_break_after(log, user, known.seq) for user in silent]
    if any(end is None for end in ends):
        return {"sent"}
    if all(end is not None and end.existed < answer.asked for end in ends):
        return {without_silent}
    return {"sent", without_silent}


def _break_after(log: Log, user_id: str, seq: int) -> Known | None:
    """The entry by which a member at `seq` ceased to be one, if there is any."""
    stay = covering((log.stays or {}).get(user_id, []), seq)
    return log.known.get(stay.last) if stay and stay.last is not None else None


def _list(users: Iterable[str]) -> str:
    return ", ".join(sorted(users)) or "nobody"


def told_heights(index: Index) -> Told:
    """How high any connection was told."""
    pairs: dict[tuple[str, str, Level], list[tuple[int, int]]] = {}
    for stream in index.streams.values():
        for (conversation_id, user_id), told in stream.told.items():
            for status in told:
                for level, covering_ in LEVELS.items():
                    if status.status in covering_ and status.up_to_seq is not None:
                        key = (conversation_id, user_id, level)
                        pairs.setdefault(key, []).append((status.n, status.up_to_seq))
    return {key: Staircase(of) for key, of in pairs.items()}


# ── conversations as they are shown ───────────────────────────────────────────────────────────


def judge_views(index: Index, told: Told, findings: Findings) -> None:
    """Judge the watermarks of members in every conversation that somebody was shown."""
    for log in index.logs.values():
        rows: dict[tuple[str, Level], list[tuple[ConversationSeen, int]]] = {}
        for view in log.views:
            for user_id, marks in (view.members or {}).items():
                if marks.read_seq > marks.delivered_seq:
                    findings.add(
                        "STA-4",
                        f"A conversation shows that {index.person(user_id)} has read up to seq "
                        f"{marks.read_seq}, but was delivered only up to {marks.delivered_seq}.",
                        view,
                        scope=(log.conversation_id, user_id),
                        conversation_id=log.conversation_id,
                    )
                rows.setdefault((user_id, "delivered"), []).append((view, marks.delivered_seq))
                rows.setdefault((user_id, "read"), []).append((view, marks.read_seq))
        for (user_id, level), row in rows.items():
            heights = told.get((log.conversation_id, user_id, level), Staircase())
            _views_fall(index, log, user_id, level, row, heights, findings)


def _views_fall(
    index: Index,
    log: Log,
    user_id: str,
    level: Level,
    row: list[tuple[ConversationSeen, int]],
    told: Staircase,
    findings: Findings,
) -> None:
    shown = Staircase((view.n, seq) for view, seq in row)
    for view, seq in row:
        if view.conn is not None:
            continue  # a pushed view may be older than its arrival
        for heights in (shown, told):
            past = heights.before(view.asked)
            if seq < past:
                findings.add(
                    "STA-3",
                    f"{index.person(user_id)} is shown to have {level} up to seq {seq}, after seq {past} "
                    "had been shown or told.",
                    heights.reaching(past),
                    view,
                    scope=(log.conversation_id, user_id, level),
                    conversation_id=log.conversation_id,
                )
