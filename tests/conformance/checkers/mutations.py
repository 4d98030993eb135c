"""Ways to break a history, each with the promise that it then breaks.

A mutation edits the history of a correct server in a place where the damage can be proven from the rest,
and answers the edited events; None if there is no such place.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from itertools import pairwise

from msgspec import Struct
from msgspec.structs import replace

from conformance.history import (
    Accepted,
    Drained,
    Entry,
    Opened,
    PageRead,
    Received,
    Refused,
    ReplayDone,
    Sending,
    StatusTold,
)

from .editing import Events, changed, lost_event, only, pick, runs, shown_otherwise
from .simulated import DIRECT

Mutate = Callable[[Events, random.Random], Events | None]


class Mutation(Struct, frozen=True):
    """A defect: the requirement that must be blamed, and those that may be beside it."""

    requirement: str
    mutate: Mutate
    beside: frozenset[str] = frozenset()


MUTATIONS: dict[str, Mutation] = {}


def breaks(requirement: str, *beside: str) -> Callable[[Mutate], Mutate]:
    """Enter a mutation into the table."""

    def enter(mutate: Mutate) -> Mutate:
        name = mutate.__name__.removeprefix("_").replace("_", " ")
        MUTATIONS[name] = Mutation(requirement, mutate, frozenset(beside))
        return mutate

    return enter


@breaks("ORD-2")
def _two_deliveries_swapped(events: Events, dice: random.Random) -> Events | None:
    pairs = [(a, b) for run in runs(events) for a, b in pairwise(run)]
    pair = pick(dice, pairs)
    if pair is None:
        return None
    one, other = pair
    return changed(events, replace(one, entry=other.entry), replace(other, entry=one.entry))


@breaks("ORD-2", "DLV-1", "DLV-2", "DLV-3", "DLV-6")
def _a_delivery_lost_between_others(events: Events, dice: random.Random) -> Events | None:
    inner = [e for run in runs(events) for e in run[1:-1]]
    lost = pick(dice, [e for e in inner if e.entry.body.get("event") != "joined"])
    ready = {e.conn: e.n for e in only(ReplayDone, events)}
    if lost is None or lost.n < ready.get(lost.conn, 0):
        return None
    return changed(events, lost_event(lost))


@breaks("DLV-1", "ORD-2")
def _the_last_delivery_lost(events: Events, dice: random.Random) -> Events | None:
    ready = {e.conn: e.n for e in only(ReplayDone, events)}
    drained = {e.conn: e.since for e in only(Drained, events)}
    calls = {e.client_message_id: e for e in only(Sending, events)[::-1]}
    opened = {e.conn: e for e in only(Opened, events)}
    answered = {e.message_id: e.n for e in only(Accepted, events) if not e.duplicate}
    live = [
        run[-1]
        for run in runs(events)
        if (call := calls.get(run[-1].entry.client_message_id or ""))
        and ready.get(run[-1].conn, len(events)) < call.n
        and answered.get(run[-1].entry.message_id, len(events)) < drained.get(run[-1].conn, 0)
        and opened[run[-1].conn].user_id != run[-1].entry.sender_id
        and run[-1].entry.seq > max((e.entry.seq for e in run[:-1]), default=0)
    ]
    lost = pick(dice, live)
    return None if lost is None else changed(events, lost_event(lost))


@breaks("DLV-1")
def _a_delivery_twice(events: Events, dice: random.Random) -> Events | None:
    ready = {e.conn: e.n for e in only(ReplayDone, events)}
    pairs = [
        (a, b)
        for run in runs(events)
        for a, b in pairwise(run)
        if a.n > ready.get(a.conn, len(events))
    ]
    pair = pick(dice, pairs)
    if pair is None:
        return None
    one, other = pair
    return changed(events, replace(one, n=other.n - 1))


@breaks("DLV-6")
def _an_own_send_answered_and_delivered(events: Events, dice: random.Random) -> Events | None:
    calls = {e.op: e for e in only(Sending, events)}
    ready = {e.conn: e.n for e in only(ReplayDone, events)}
    entries = {e.message_id: e for page in only(PageRead, events) for e in page.entries}
    own = [
        (answer, conn)
        for answer in only(Accepted, events)
        if not answer.duplicate
        and (conn := calls[answer.op].conn) is not None
        and answer.n > ready.get(conn, len(events))
        and answer.message_id in entries
    ]
    place = pick(dice, own)
    if place is None:
        return None
    answer, conn = place
    return changed(events, Received(n=answer.n - 1, conn=conn, entry=entries[answer.message_id]))


@breaks("CONV-2", "ORD-2")
def _a_delivery_to_an_outsider(events: Events, dice: random.Random) -> Events | None:
    opened = {e.conn: e for e in only(Opened, events)}
    ready = {e.conn: e.n for e in only(ReplayDone, events)}
    private = [e.entry for e in only(Received, events) if e.entry.conversation_id == DIRECT]
    strangers = [
        e
        for e in only(Received, events)
        if opened[e.conn].user_id in ("carol", "dave") and e.n > ready.get(e.conn, len(events))
    ]
    entry, place = pick(dice, private), pick(dice, strangers)
    if entry is None or place is None:
        return None
    return changed(events, Received(n=place.n - 1, conn=place.conn, entry=entry))


@breaks("ORD-1", "STA-2", "STA-5", "STA-7")
def _a_seq_skipped_for_all(events: Events, dice: random.Random) -> Events | None:
    accepted = [e for e in only(Accepted, events) if e.conversation_id == DIRECT and e.seq > 1]
    first = pick(dice, accepted)
    if first is None:
        return None

    def moved(entry: Entry) -> Entry:
        later = entry.conversation_id == DIRECT and entry.seq >= first.seq
        return replace(entry, seq=entry.seq + 1) if later else entry

    edited: Events = []
    for event in shown_otherwise(events, moved):
        if (
            isinstance(event, Accepted)
            and event.conversation_id == DIRECT
            and event.seq >= first.seq
        ):
            event = replace(event, seq=event.seq + 1)
        edited.append(event)
    return edited


@breaks("PAG-1", "PAG-3")
def _an_entry_lost_at_a_page_edge_walking_back(
    events: Events, dice: random.Random
) -> Events | None:
    return _edge_lost(events, dice, "before")


@breaks("PAG-2", "PAG-3")
def _an_entry_lost_at_a_page_edge_walking_on(events: Events, dice: random.Random) -> Events | None:
    return _edge_lost(events, dice, "after")


def _edge_lost(events: Events, dice: random.Random, direction: str) -> Events | None:
    pages = [
        page
        for page in only(PageRead, events)
        if page.direction == direction and len(page.entries) > 1 and not page.start
    ]
    page = pick(dice, pages)
    if page is None:
        return None
    entries = page.entries[:-1] if direction == "before" else page.entries[1:]
    return changed(events, replace(page, entries=entries))


@breaks("PAG-3")
def _a_page_not_ascending(events: Events, dice: random.Random) -> Events | None:
    page = pick(dice, [p for p in only(PageRead, events) if len(p.entries) > 1])
    return None if page is None else changed(events, replace(page, entries=page.entries[::-1]))


@breaks("PAG-3")
def _a_page_over_its_limit(events: Events, dice: random.Random) -> Events | None:
    page = pick(dice, [p for p in only(PageRead, events) if len(p.entries) > 1])
    return None if page is None else changed(events, replace(page, limit=len(page.entries) - 1))


@breaks("PAG-3")
def _a_page_hiding_that_there_is_older(events: Events, dice: random.Random) -> Events | None:
    pages = [p for p in only(PageRead, events) if p.has_older and p.conversation_id == DIRECT]
    page = pick(dice, [p for p in pages if p.entries])
    return None if page is None else changed(events, replace(page, has_older=False))


@breaks("PAG-3")
def _a_page_promising_newer_at_the_end(events: Events, dice: random.Random) -> Events | None:
    ends = [p for p in only(PageRead, events) if p.conversation_id == DIRECT and not p.has_newer]
    head = max((p.entries[-1].seq for p in ends if p.entries), default=0)
    ends = [p for p in ends if p.entries and p.entries[-1].seq == head]
    return changed(events, replace(ends[0], has_newer=True)) if len(ends) > 1 else None


@breaks("ORD-7")
def _a_body_altered_in_the_history(events: Events, dice: random.Random) -> Events | None:
    live = {e.entry.message_id for e in only(Received, events)}
    pages = [p for p in only(PageRead, events) if p.entries and p.entries[0].message_id in live]
    page = pick(dice, [p for p in pages if p.entries[0].body["kind"] == "text"])
    if page is None:
        return None
    first = replace(page.entries[0], body={"kind": "text", "text": "altered"})
    return changed(events, replace(page, entries=(first, *page.entries[1:])))


@breaks("ORD-4", "DLV-1", "ORD-7")
def _a_body_altered_for_one_observer(events: Events, dice: random.Random) -> Events | None:
    seen: dict[str, list[Received]] = defaultdict(list)
    for event in only(Received, events):
        if event.entry.body["kind"] == "text":
            seen[event.entry.message_id].append(event)
    shared = pick(dice, [arrivals for arrivals in seen.values() if len(arrivals) > 1])
    if shared is None:
        return None
    entry = replace(shared[-1].entry, body={"kind": "text", "text": "altered"})
    return changed(events, replace(shared[-1], entry=entry))


@breaks("ORD-4", "ORD-7", "ORD-5")
def _another_message_for_one_observer(events: Events, dice: random.Random) -> Events | None:
    seen: dict[str, list[Received]] = defaultdict(list)
    for event in only(Received, events):
        seen[event.entry.message_id].append(event)
    shared = pick(dice, [arrivals for arrivals in seen.values() if len(arrivals) > 1])
    if shared is None:
        return None
    entry = replace(shared[-1].entry, message_id="another")
    return changed(events, replace(shared[-1], entry=entry))


@breaks("DLV-1")
def _a_body_altered_for_all(events: Events, dice: random.Random) -> Events | None:
    shown = {e.message_id for page in only(PageRead, events) for e in page.entries}
    answers = [e for e in only(Accepted, events) if e.message_id in shown]
    answer = pick(dice, answers)
    if answer is None:
        return None
    altered = {"kind": "text", "text": "altered"}
    return shown_otherwise(
        events, lambda e: replace(e, body=altered) if e.message_id == answer.message_id else e
    )


@breaks("ORD-6")
def _a_later_entry_created_earlier(events: Events, dice: random.Random) -> Events | None:
    late = [e for e in only(Received, events) if e.entry.seq > 1]
    event = pick(dice, late)
    if event is None:
        return None
    entry = replace(event.entry, created_at="2026-11-22T09:00:00.000Z")
    return changed(events, replace(event, entry=entry))


@breaks("DLV-7")
def _a_refused_send_in_the_log(events: Events, dice: random.Random) -> Events | None:
    calls = only(Sending, events)
    once = {
        c.op for c in calls if sum(o.client_message_id == c.client_message_id for o in calls) < 2
    }
    shown = {e.message_id for page in only(PageRead, events) for e in page.entries}
    answer = pick(
        dice, [a for a in only(Accepted, events) if a.op in once and a.message_id in shown]
    )
    if answer is None:
        return None
    calls_by_op = {c.op: c for c in calls}
    if calls_by_op[answer.op].conn is not None:
        return None  # it would also be a gap on that connection
    return changed(events, Refused(n=answer.n, op=answer.op, code="blocked"))


@breaks("DLV-4", "DLV-1")
def _a_repeat_stored_again(events: Events, dice: random.Random) -> Events | None:
    shown = [e for page in only(PageRead, events) for e in page.entries if e.client_message_id]
    one = pick(dice, shown)
    if one is None:
        return None
    others = [
        e
        for e in shown
        if (e.sender_id, e.conversation_id) == (one.sender_id, one.conversation_id)
        and e.seq > one.seq
    ]
    other = pick(dice, others)
    if other is None:
        return None
    return shown_otherwise(
        events,
        lambda e: (
            replace(e, client_message_id=one.client_message_id)
            if e.message_id == other.message_id
            else e
        ),
    )


@breaks("DLV-4", "ORD-7", "ORD-4")
def _a_repeat_answered_with_another_seq(events: Events, dice: random.Random) -> Events | None:
    calls = {c.op: c for c in only(Sending, events)}
    answers = only(Accepted, events)
    firsts = {calls[a.op].client_message_id for a in answers if not a.duplicate}
    repeats = [a for a in answers if a.duplicate and calls[a.op].client_message_id in firsts]
    answer = pick(dice, repeats)
    if answer is None:
        return None
    return changed(events, replace(answer, seq=answer.seq + 1, message_id="another"))


@breaks("DLV-2")
def _a_backlog_with_a_wrong_count(events: Events, dice: random.Random) -> Events | None:
    ready = pick(dice, only(ReplayDone, events))
    return None if ready is None else changed(events, replace(ready, count=(ready.count or 0) + 1))


@breaks("ORD-3", "ORD-2", "ORD-4", "ORD-5", "ORD-6", "ORD-7", "DLV-1", "DLV-4", "DLV-6", "STA-1")
def _two_answers_swapped(events: Events, dice: random.Random) -> Events | None:
    calls = {c.op: c for c in only(Sending, events)}
    own: dict[tuple[int, str], list[Accepted]] = defaultdict(list)
    for answer in only(Accepted, events):
        conn = calls[answer.op].conn
        if conn is not None and not answer.duplicate:
            own[conn, answer.conversation_id].append(answer)
    pairs = [
        pair
        for run in own.values()
        for pair in pairwise(run)
        if calls[pair[0].op].n < calls[pair[1].op].n
    ]
    pair = pick(dice, pairs)
    if pair is None:
        return None
    one, other = pair
    return changed(
        events,
        replace(one, seq=other.seq, message_id=other.message_id),
        replace(other, seq=one.seq, message_id=one.message_id),
    )


@breaks("STA-3", "STA-2", "STA-7")
def _a_status_that_falls(events: Events, dice: random.Random) -> Events | None:
    rows: dict[tuple[int, str, str], list[StatusTold]] = defaultdict(list)
    for told in only(StatusTold, events):
        rows[told.conn, told.conversation_id, told.user_id].append(told)
    pairs = [pair for row in rows.values() for pair in pairwise(row)]
    pair = pick(dice, pairs)
    if pair is None:
        return None
    one, other = pair
    return changed(events, replace(other, status="delivered", up_to_seq=one.up_to_seq))


@breaks("STA-2", "STA-3", "STA-7")
def _a_status_that_nobody_acknowledged(events: Events, dice: random.Random) -> Events | None:
    told = pick(dice, only(StatusTold, events))
    return None if told is None else changed(events, replace(told, up_to_seq=5000))


@breaks("STA-7")
def _a_status_told_to_its_own_user(events: Events, dice: random.Random) -> Events | None:
    opened = {e.conn: e for e in only(Opened, events)}
    told = pick(dice, [t for t in only(StatusTold, events) if t.status == "delivered"])
    if told is None:
        return None
    own = [c for c, o in opened.items() if o.user_id == told.user_id and o.n < told.n]
    conn = pick(dice, own)
    return None if conn is None else changed(events, replace(told, conn=conn, n=told.n - 1))
