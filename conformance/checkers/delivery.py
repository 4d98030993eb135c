"""Everything reaches everybody concerned once, and nobody else: CONV-2, CONV-4, DLV-1 to DLV-8.

Three looks at a history:

* each **connection**: what came twice, what came to somebody who may not see it, what never came;
* each **backlog** (`replay`): where it began, whether it was whole, what it claims to hold;
* each **send** (`sends`): repeats of an idempotency key, refused sends, and whether the log holds what
  was sent.

A loss is only claimed with a proof that the entry had to arrive: a barrier passed on the connection
(`Drained`), or the end of a backlog, for what surely was in the log before and surely lies above the
device's watermark. What one cannot know (an acknowledgement cut on its way, a device's first watermark,
a membership with a hole in its log) is read in the server's favour.
"""

from __future__ import annotations

from ..history import Accepted, History
from ..outages import MANNERS
from .base import Violation
from .evidence import NEVER, Arrival, Known, Log, Stream, message_of, seq_of
from .findings import Findings
from .index import Index
from .membership import Stay, covering
from .replay import judge_replay
from .sends import judge_sends
from .watermarks import DeviceWatermarks


def check(history: History) -> list[Violation]:
    """Judge every delivery of a history."""
    index = Index(history)
    findings = Findings()
    watermarks = DeviceWatermarks(index)
    for stream in index.streams.values():
        judge_replay(index, stream, watermarks, findings)
        for conversation_id in stream.arrivals:
            _strangers(index, stream, index.logs[conversation_id], findings)
    for log in index.logs.values():
        for stream in index.observers(log):
            arrived = _repeats(stream, log, findings)
            _losses(index, stream, log, arrived, watermarks, findings)
        _lost_at_restart(index, log, findings)
    judge_sends(index, findings)
    return findings.violations()


def _repeats(stream: Stream, log: Log, findings: Findings) -> dict[int, Arrival]:
    """Judge what came twice on a connection; answer what came first, by seq."""
    arrived: dict[int, Arrival] = {}
    messages: dict[str, Arrival] = {}
    for arrival in stream.arrivals.get(log.conversation_id, ()):
        first = arrived.setdefault(seq_of(arrival), arrival)
        if first is arrival:
            first = messages.setdefault(message_of(arrival), arrival)
        if first is arrival:
            continue
        own = isinstance(first, Accepted) or isinstance(arrival, Accepted)
        findings.add(
            "DLV-6" if own else "DLV-1",
            f"{stream.lane} sent seq {seq_of(first)} over this connection, and was shown it there as a "
            "message too, beside the answer."
            if own
            else f"{stream.lane} received seq {seq_of(first)} twice on one connection.",
            first,
            arrival,
            scope=(stream.conn, log.conversation_id),
            conversation_id=log.conversation_id,
        )
    return arrived


def _strangers(index: Index, stream: Stream, log: Log, findings: Findings) -> None:
    """Judge what came to one who was no member when it was written."""
    if log.stays is None:
        return
    stays = log.stays.get(stream.user_id, [])
    if stays == [Stay(1, None)]:
        return
    for arrival in stream.arrivals[log.conversation_id]:
        seq = seq_of(arrival)
        if seq > log.heads.top or covering(stays, seq):
            continue
        whose = index.person(stream.user_id)
        findings.add(
            "CONV-4" if stays else "CONV-2",
            f"{stream.lane} received seq {seq}, but {whose} {_standing(stays)}.",
            arrival,
            scope=(stream.conn, log.conversation_id),
            conversation_id=log.conversation_id,
        )


def _standing(stays: list[Stay]) -> str:
    if not stays:
        return "never was a member of this conversation"
    spans = ", ".join(
        f"from seq {s.first} on" if s.last is None else f"from seq {s.first} to {s.last}"
        for s in stays
    )
    return f"is a member only {spans}"


def _losses(
    index: Index,
    stream: Stream,
    log: Log,
    arrived: dict[int, Arrival],
    watermarks: DeviceWatermarks,
    findings: Findings,
) -> None:
    """Judge what never came on a connection, or only after the backlog that it belongs to."""
    stays = (log.stays or {}).get(stream.user_id)
    if stream.ready is None or not stays:
        return
    stay = stays[-1]  # of an earlier membership, one who has joined again sees nothing
    drained = stream.drains[-1].since if stream.drains else -1
    offline = -1 if stream.opened.asked is None else stream.opened.asked
    first = max(stay.first, _required_from(index, stream, log, watermarks))
    end = min(log.births.reaching(max(drained, offline)), log.heads.top + 1)
    if stay.last is not None:
        end = min(end, stay.last + 1)
    for known in log.between(first - 1, end):
        arrival = arrived.get(known.seq)
        if arrival is None:
            if known.existed < drained or known.existed < offline:
                _blame_loss(index, stream, log, known, findings)
        elif known.existed < offline and arrival.n > stream.ready.n:
            findings.add(
                "DLV-2",
                f"{stream.lane} was away when seq {known.seq} was written, and got it only after its backlog "
                "was said to be complete.",
                known.existed,
                stream.ready,
                arrival,
                scope=(stream.conn, log.conversation_id, "late"),
                conversation_id=log.conversation_id,
            )


def _required_from(index: Index, stream: Stream, log: Log, watermarks: DeviceWatermarks) -> int:
    """The seq from which on everything must come on this connection; `NEVER` if none is certain.

    What was written after the connection was ready must come live. What was written after the device
    first logged in, above all that it ever acknowledged, must come in the backlog.
    """
    opened = stream.opened
    live = log.births.reaching(stream.ready_at + 1)
    began = index.devices[opened.user_id, opened.device_id].began(opened.n)
    if began == NEVER:
        return live
    kept = log.births.reaching(began + 1)
    return min(live, max(kept, watermarks.highest(stream, log) + 1))


def _blame_loss(index: Index, stream: Stream, log: Log, known: Known, findings: Findings) -> None:
    if index.restart_between(known, stream.asked):
        return  # gone from the log itself: see _lost_at_restart
    if known.existed < stream.opened.n:
        opened = stream.opened
        shown = any(
            known.seq in map(seq_of, earlier.arrivals.get(log.conversation_id, ()))
            for earlier in index.devices[opened.user_id, opened.device_id].streams
            if earlier.conn != stream.conn and earlier.opened.n < opened.n
        )
        requirement = "DLV-3" if shown else "DLV-2"
        how = (
            "was shown it before, did not acknowledge it, and was not sent it again"
            if shown
            else "was away when it was written, and never got it"
        )
    elif known.sender_id == stream.user_id:
        requirement, how = (
            "DLV-6",
            "has it from another of its user's connections, and never got it",
        )
        if known.call is None and any(
            call.sending.client_message_id == (known.entry and known.entry.client_message_id)
            for call in stream.calls
        ):
            how = "sent it, and got neither an answer nor the message"
    else:
        requirement, how = "DLV-1", "was connected when it was written, and never got it"
    findings.add(
        requirement,
        f"Seq {known.seq} was lost to {stream.lane}, which {how}.",
        known.existed,
        stream.opened,
        stream.drains[-1] if stream.drains else stream.ready,
        scope=(stream.conn, log.conversation_id, "lost"),
        conversation_id=log.conversation_id,
    )


def _lost_at_restart(index: Index, log: Log, findings: Findings) -> None:
    """What was accepted before the server was taken away is in every later walk through the history."""
    if not index.restarts or log.stays is None:
        return
    accepted = [known for known in log.known.values() if known.call is not None]
    for walk in log.walks:
        stays = log.stays.get(walk.user_id)
        if not walk.whole or not stays:
            continue
        shown = {(e.seq, e.message_id) for page in index.pages_of(walk) for e in page.entries}
        for known in accepted:
            restart = index.restart_between(known, walk.asked)
            if restart is None or not stays[-1].covers(known.seq):
                continue
            if (known.seq, known.message_id) not in shown and known.call is not None:
                words = MANNERS[restart.manner]
                findings.add(
                    words.blamed,
                    f"Seq {known.seq} ({known.message_id}) was accepted before the server was "
                    f"{words.done}, and is not in the history afterwards.",
                    known.call.sending,
                    known.call.outcome,
                    restart,
                    walk,
                    scope=log.conversation_id,
                    conversation_id=log.conversation_id,
                )
