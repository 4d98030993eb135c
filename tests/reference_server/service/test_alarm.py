"""The alarm: the earliest of what was set, by a clock that may be set itself."""

from __future__ import annotations

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from reference_server.service.alarm import LONGEST_SLEEP_S, Alarm


def milliseconds() -> int:
    """The clock of the test's run."""
    return int(trio.current_time() * 1000)


async def test_it_rings_at_the_earliest_moment_that_was_set(autojump_clock: MockClock) -> None:
    """Set again while somebody waits, too."""
    alarm = Alarm(milliseconds)
    start = milliseconds()
    alarm.set(start + 5_000)
    alarm.set(start + 9_000)
    await alarm.wait()
    assert milliseconds() == start + 5_000
    alarm.move(start + 90_000)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(alarm.wait)
        await wait_all_tasks_blocked()
        alarm.set(start + 7_000)
    assert milliseconds() == start + 7_000


async def test_without_a_moment_it_waits_until_one_is_set(autojump_clock: MockClock) -> None:
    """However long that takes."""
    alarm = Alarm(milliseconds)
    start = milliseconds()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(alarm.wait)
        await trio.sleep(3_600)
        assert not alarm.rung()
        alarm.set(start + 3_700_000)
    assert milliseconds() == start + 3_700_000


async def test_a_clock_that_was_put_forward_is_noticed(autojump_clock: MockClock) -> None:
    """Within the longest sleep, not days later."""
    ahead = 0
    alarm = Alarm(lambda: milliseconds() + ahead)
    start = trio.current_time()
    alarm.set(milliseconds() + 86_400_000)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(alarm.wait)
        await wait_all_tasks_blocked()
        ahead = 86_400_000
    assert trio.current_time() - start <= LONGEST_SLEEP_S
