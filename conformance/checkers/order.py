"""One order for everybody: ORD-1 to ORD-6.

A conversation's log is the only source of order, so every view of it must agree: the seqs that senders
are answered with, what each connection receives, the times of creation. The checker compares each live
view with the log as its first witnesses showed it. Pages of history are judged by `history`; here they
only testify that a seq was never used.

What is not judged: where a connection's view of a conversation begins (`delivery` knows the watermarks),
repeats on one connection (`delivery`), and the place of sends whose outcome is unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache, partial
from itertools import pairwise
from typing import TypeVar

from ..history import Accepted, Event, History, PageRead, Received, Sending
from .base import Violation
from .content import begins_membership, same_entry_body, system_event
from .evidence import Arrival, Call, Log, Stream, message_of, seq_of
from .findings import Findings
from .index import Index
from .membership import Stay

Name = TypeVar("Name")


def check(history: History) -> list[Violation]:
    """Judge the order of every conversation of a history."""
    index = Index(history)
    findings = Findings()
    for log in index.logs.values():
        _agreement(index, log, findings)
        holes = _density(index, log, findings)
        _creation_times(log, findings)
        for stream in index.observers(log):
            _arrival_order(stream, log, holes, findings)
    _sending_order(index, findings)
    _causality(index, findings)
    return findings.violations()


# ── ORD-2 ─────────────────────────────────────────────────────────────────────────────────────


def _arrival_order(stream: Stream, log: Log, holes: set[Hole], findings: Findings) -> None:
    arrivals = stream.arrivals.get(log.conversation_id)
    if not arrivals:
        return
    before = arrivals[0]
    last = seq_of(before)
    seen = {last}
    for arrival in arrivals:
        seq = seq_of(arrival)
        if seq == last + 1:
            last, before = seq, arrival
            seen.add(seq)
            continue
        if seq in seen:
            continue
        seen.add(seq)
        wrong = _late(seq, last) if seq < last else _gap(arrival, last, holes, stream.user_id)
        if wrong:
            findings.add(
                "ORD-2",
                f"{stream.lane} received a conversation's entries out of order: {wrong}.",
                before,
                arrival,
                scope=(stream.conn, log.conversation_id),
                conversation_id=log.conversation_id,
            )
        if seq > last:
            last, before = seq, arrival


def _late(seq: int, last: int) -> str:
    return f"seq {seq} came after seq {last}"


def _gap(arrival: Arrival, last: int, holes: set[Hole], user_id: str) -> str | None:
    """What is wrong with a jump from `last`; nothing where a new membership begins or the log has a hole."""
    seq = seq_of(arrival)
    if isinstance(arrival, Received) and begins_membership(arrival.entry, user_id):
        return None
    if (last, seq) in holes:
        return None
    missed = f"seq {last + 1}" if seq == last + 2 else f"seqs {last + 1} to {seq - 1}"
    return f"seq {seq} came right after seq {last}, without {missed}"


# ── ORD-1 and ORD-4 ───────────────────────────────────────────────────────────────────────────


def _agreement(index: Index, log: Log, findings: Findings) -> None:
    """All witnesses name the same message at a seq, the same seq for a message, and its content."""
    messages: dict[int, str] = {}
    seqs: dict[str, int] = {}
    shown: dict[int, Received] = {}
    # Most logs have no contradiction; one that has them may have as many as entries.
    at_seq = cache(partial(_grouped, log.seen, seq_of))
    of_message = cache(partial(_grouped, log.seen, message_of))
    for event in log.seen:
        seq, message_id = seq_of(event), message_of(event)
        first_id = messages.setdefault(seq, message_id)
        first_seq = seqs.setdefault(message_id, seq)
        if first_id != message_id:
            what = f"seq {seq} is two messages, {first_id} and {message_id}"
            _blame(index, log, at_seq()[seq], what, findings)
        elif first_seq != seq:
            what = f"one message ({message_id}) has two seqs, {first_seq} and {seq}"
            _blame(index, log, of_message()[message_id], what, findings)
        elif isinstance(event, Received):
            first = shown.setdefault(seq, event)
            if first is not event:
                _content(index, log, first, event, findings)


def _grouped(arrivals: list[Arrival], name: Callable[[Arrival], Name]) -> dict[Name, list[Arrival]]:
    """The arrivals under each name, in their order."""
    groups: dict[Name, list[Arrival]] = {}
    for arrival in arrivals:
        groups.setdefault(name(arrival), []).append(arrival)
    return groups


def _content(index: Index, log: Log, one: Received, other: Received, findings: Findings) -> None:
    """Two showings of one entry have the same sender and, as far as comparable, the same body."""
    first, second = one.entry.sender_id, other.entry.sender_id
    if first != second and None not in (first, second):
        what = f"its sender ({first} against {second})"
    elif not same_entry_body(one.entry, other.entry):
        what = "its body"
    else:
        return
    findings.add(
        "ORD-4",
        f"{_observer(index, one)} and {_observer(index, other)} were shown the same message at seq "
        f"{one.entry.seq}, but disagree about {what}.",
        one,
        other,
        scope=log.conversation_id,
        conversation_id=log.conversation_id,
    )


def _blame(index: Index, log: Log, events: list[Arrival], what: str, findings: Findings) -> None:
    """A contradiction within one observer's view repeats a seq; one between observers is disagreement."""
    views: dict[str, Arrival] = {}
    for event in events:
        observer = _observer(index, event)
        earlier = views.setdefault(observer, event)
        if (seq_of(earlier), message_of(earlier)) != (seq_of(event), message_of(event)):
            findings.add(
                "ORD-1",
                f"Seqs must be unique, but for {observer} {what}.",
                earlier,
                event,
                scope=log.conversation_id,
                conversation_id=log.conversation_id,
            )
            return
    findings.add(
        "ORD-4",
        f"Observers disagree about the order: {what} ({', '.join(sorted(views))}).",
        *events[:2],
        *events[-1:],
        scope=log.conversation_id,
        conversation_id=log.conversation_id,
    )


def _observer(index: Index, event: Arrival) -> str:
    if isinstance(event, Accepted):
        return "the senders"
    stream = index.streams.get(event.conn)
    return f"{stream.lane} (connection {event.conn})" if stream else f"connection {event.conn}"


# ── ORD-1 ─────────────────────────────────────────────────────────────────────────────────────


Hole = tuple[int, int]
"""Two seqs of which a reader was shown one right after the other, though nobody ever saw one between."""


def _density(index: Index, log: Log, findings: Findings) -> set[Hole]:
    """Seqs begin at 1 and have no holes; those that they have are answered."""
    holes: set[Hole] = set()
    for seq, known in log.known.items():
        if seq < 1:
            findings.add(
                "ORD-1",
                f"Seqs begin at 1, but an entry has seq {seq}.",
                known.existed,
                scope=(log.conversation_id, "start"),
                conversation_id=log.conversation_id,
            )
    for page, last, seq in _jumps(index, log):
        if any(log.between(last, seq)):
            continue  # somebody has seen an entry there: the page lost it
        holes.add((last, seq))
        after = f"follows seq {last}" if last else "is the first of all"
        findings.add(
            "ORD-1",
            f"Seqs are 1, 2, 3, … without a hole, but in the history that "
            f"{index.name(page.user_id, page.device_id)} read, seq {seq} {after}, "
            f"and nobody ever saw seq {last + 1}.",
            page,
            scope=log.conversation_id,
            conversation_id=log.conversation_id,
        )
    return holes


def _jumps(index: Index, log: Log) -> Iterator[tuple[PageRead, int, int]]:
    """Where a reader's pages skip seqs: the page, the seq before the hole, the seq after it."""
    for page in log.pages:
        last: int | None = None
        for entry in page.entries:
            if last is not None and entry.seq > last + 1:
                yield page, last, entry.seq
            last = entry.seq
    for walk in log.walks:
        pages = [page for page in index.pages_of(walk) if page.entries]
        if walk.direction == "before":
            pages.reverse()
        for one, other in pairwise(pages):
            last, entry = one.entries[-1].seq, other.entries[0]
            if entry.seq > last + 1 and not begins_membership(entry, walk.user_id):
                yield other, last, entry.seq
        if walk.whole and pages and _from_the_start(log, walk.user_id, pages[0]):
            yield pages[0], 0, pages[0].entries[0].seq


def _from_the_start(log: Log, user_id: str, page: PageRead) -> bool:
    """Whether the reader sees the log from its first entry on, and yet the page begins later."""
    if page.entries[0].seq <= 1:
        return False
    if system_event(page.entries[0]) == "created":
        return True
    return log.stays is not None and log.stays.get(user_id, [])[:1] == [Stay(1, None)]


# ── ORD-6 ─────────────────────────────────────────────────────────────────────────────────────


def _creation_times(log: Log, findings: Findings) -> None:
    told: dict[tuple[int, str], Event] = {}
    for arrival in log.seen:
        at = arrival.entry.created_at if isinstance(arrival, Received) else arrival.created_at
        if at is not None:
            told.setdefault((seq_of(arrival), at), arrival)
    for page in log.pages:
        for entry in page.entries:
            if entry.created_at is not None:
                told.setdefault((entry.seq, entry.created_at), page)
    times = [
        (seq, time, event)
        for (seq, at), event in told.items()
        if (time := _instant(at)) is not None
    ]
    latest: tuple[int, datetime, Event] | None = None
    for row in sorted(times, key=lambda row: row[:2]):
        seq, time, event = row
        if latest is not None and time < latest[1] and seq > latest[0]:
            findings.add(
                "ORD-6",
                f"Seq {seq} was created at {time.isoformat()}, before seq {latest[0]} "
                f"({latest[1].isoformat()}).",
                latest[2],
                event,
                scope=log.conversation_id,
                conversation_id=log.conversation_id,
            )
        elif latest is None or time >= latest[1]:
            latest = row


def _instant(text: str) -> datetime | None:
    """The time that an RFC 3339 text means; None if it means none."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


# ── ORD-3 and ORD-5 ───────────────────────────────────────────────────────────────────────────


def _sending_order(index: Index, findings: Findings) -> None:
    for stream in index.streams.values():
        highest: dict[str, tuple[int, Call]] = {}
        for call in stream.calls:
            seq = index.resolved(call)
            if seq is None:
                continue
            conversation_id = call.sending.conversation_id
            earlier = highest.get(conversation_id)
            if earlier is not None and seq < earlier[0]:
                findings.add(
                    "ORD-3",
                    f"{stream.lane} sent two messages one after the other over one connection, and the "
                    f"later one got the lower seq: {seq} after {earlier[0]}.",
                    earlier[1].sending,
                    call.sending,
                    call.outcome,
                    scope=(stream.conn, conversation_id),
                    conversation_id=conversation_id,
                )
            else:
                highest[conversation_id] = (seq, call)


def _causality(index: Index, findings: Findings) -> None:
    """What a device sends after it was shown an entry comes behind that entry."""
    shown: dict[tuple[str, str, str], tuple[int, Event]] = {}
    floors: list[tuple[Call, int, Event]] = []

    def show(user_id: str, device_id: str, conversation_id: str, seq: int, event: Event) -> None:
        key = (user_id, device_id, conversation_id)
        if key not in shown or shown[key][0] < seq:
            shown[key] = (seq, event)

    for event in index.history:
        if isinstance(event, Received):
            stream = index.streams.get(event.conn)
            if stream is not None:
                entry, opened = event.entry, stream.opened
                show(opened.user_id, opened.device_id, entry.conversation_id, entry.seq, event)
        elif isinstance(event, PageRead):
            if event.entries:
                top = event.entries[-1].seq
                show(event.user_id, event.device_id, event.conversation_id, top, event)
        elif isinstance(event, Accepted):
            if event.op in index.calls:
                by = index.calls[event.op].sending
                show(by.user_id, by.device_id, event.conversation_id, event.seq, event)
        elif isinstance(event, Sending):
            floor = shown.get((event.user_id, event.device_id, event.conversation_id))
            if floor is not None:
                floors.append((index.calls[event.op], *floor))
    for call, floor_seq, reason in floors:
        seq = index.resolved(call)
        if seq is None or seq > floor_seq or _same_connection(index, call, reason):
            continue
        sending = call.sending
        findings.add(
            "ORD-5",
            f"{index.name(sending.user_id, sending.device_id)} had been shown seq {floor_seq} before it "
            f"sent a message, which then got seq {seq}.",
            reason,
            sending,
            call.outcome,
            scope=(sending.user_id, sending.device_id, sending.conversation_id),
            conversation_id=sending.conversation_id,
        )


def _same_connection(index: Index, call: Call, reason: Event) -> bool:
    """Whether the reason is the answer to an own send over the same connection: ORD-3 judges those."""
    if not isinstance(reason, Accepted):
        return False
    conn = index.calls[reason.op].sending.conn
    return conn is not None and conn == call.sending.conn
