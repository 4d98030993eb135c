"""Who is due to read, and how many of them at once."""

from __future__ import annotations

from loadgen.accounting import Device
from loadgen.crew import READERS_AT_ONCE
from loadgen.schedule import Load

from .crews import Written, pair


def test_a_group_that_reads_at_once_is_let_read_a_few_at_a_time() -> None:
    """So that a message which comes due meanwhile does not wait for all of them; each reads once."""
    crew, alice, _ = pair(Load(rate=1, warmup=0, duration=1), read_after=1.0)
    group = [Written(Device(f"u{each}", alice.device.talk), alice.seat) for each in range(40)]
    for line in group:
        crew.will_read(line, now=0)

    def read() -> int:
        return sum(len(line.frames) for line in group)

    crew.read_due(999_999)
    assert read() == 0
    crew.read_due(1_000_000)
    assert read() == READERS_AT_ONCE < 40
    while crew.next_reader is not None:
        crew.read_due(1_000_000)
    assert [len(line.frames) for line in group] == [1] * 40
