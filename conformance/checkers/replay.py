"""What a device is sent again when it connects: DLV-2 and DLV-3.

A device's backlog is everything above its own watermark (see `watermarks` for what is known of that).
Here a backlog is judged for what it should not hold and for its own count; what is missing from it is
judged with all other losses, in `delivery`.
"""

from __future__ import annotations

from ..history import Received
from .evidence import Stream
from .findings import Findings
from .index import Index
from .watermarks import DeviceWatermarks


def judge_replay(
    index: Index, stream: Stream, watermarks: DeviceWatermarks, findings: Findings
) -> None:
    """Judge one connection's backlog: its count, and that nothing acknowledged is in it."""
    replayed = 0
    for conversation_id, arrivals in stream.arrivals.items():
        log = index.logs[conversation_id]
        floor = watermarks.lowest(stream, log)
        for arrival in arrivals:
            if arrival.n > stream.ready_at:
                break
            if not isinstance(arrival, Received):
                continue
            replayed += 1
            if arrival.entry.seq <= floor:
                findings.add(
                    "DLV-3",
                    f"{stream.lane} was sent seq {arrival.entry.seq} again, although it had "
                    f"acknowledged up to seq {floor} before it connected.",
                    stream.opened,
                    arrival,
                    scope=(stream.conn, conversation_id),
                    conversation_id=conversation_id,
                )
    ready = stream.ready
    if ready is not None and ready.count is not None and ready.count != replayed:
        findings.add(
            "DLV-2",
            f"{stream.lane} was told that its backlog of {ready.count} messages is complete, but had "
            f"received {replayed}.",
            stream.opened,
            ready,
            scope=(stream.conn, "count"),
        )
