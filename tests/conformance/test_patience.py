"""Patience, and the watch over the host."""

import trio
from trio.testing import MockClock

from conformance.patience import STALLED_S, STARVED, TICK, Patience


async def test_a_timer_that_fires_in_time_is_no_overload(autojump_clock: MockClock) -> None:
    """The watch runs beside everything and notes nothing."""
    patience = Patience()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(patience.watch)
        await trio.sleep(10)
        assert not patience.overload_since(0.0)
        nursery.cancel_scope.cancel()


async def test_a_late_timer_marks_waits_that_it_fell_into(mock_clock: MockClock) -> None:
    """A wait that began after the lateness was over is not excused by it."""
    patience = Patience()
    start = trio.current_time()
    mock_clock.jump(8 * STALLED_S)
    patience.note(start + STALLED_S, start + 5 * STALLED_S)
    assert patience.overload_since(start)
    assert patience.overload_since(start + 2 * STALLED_S)
    assert not patience.overload_since(start + 5 * STALLED_S)


async def test_a_watch_that_was_not_let_run_counts_as_overload(mock_clock: MockClock) -> None:
    """Whoever asks may be woken before the watch itself."""
    patience = Patience()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(patience.watch)
        await trio.testing.wait_all_tasks_blocked()
        start = trio.current_time()
        mock_clock.jump(10 * STALLED_S)
        assert patience.overload_since(start)
        nursery.cancel_scope.cancel()


async def test_a_host_that_is_a_little_late_all_the_time_is_overloaded(
    mock_clock: MockClock,
) -> None:
    """No single timer is very late, but much of the wait is gone."""
    patience, start = Patience(), trio.current_time()
    late = 2 * STARVED * TICK
    for _ in range(40):
        due = trio.current_time() + TICK
        mock_clock.jump(TICK + late)
        patience.note(due, trio.current_time())
    told = patience.overload_since(start)
    assert told == (
        "the host was overloaded: of these 14.0 s this program was kept from running for 4.0 s, "
        "for 0.1 s at once"
    )


async def test_now_and_then_a_little_late_is_no_overload(mock_clock: MockClock) -> None:
    """A busy machine is late by some milliseconds, which no wait of seconds ran out by."""
    patience, start = Patience(), trio.current_time()
    for _ in range(40):
        due = trio.current_time() + TICK
        mock_clock.jump(TICK + STARVED * TICK / 2)
        patience.note(due, trio.current_time())
    assert patience.overload_since(start) is None


async def test_only_the_wait_that_ran_out_counts(mock_clock: MockClock) -> None:
    """A step that had waited in peace before is excused by what happened in its last wait alone."""
    patience, start = Patience(seconds=10), trio.current_time()
    mock_clock.jump(100)
    for _ in range(20):
        due = trio.current_time() + TICK
        mock_clock.jump(2 * TICK)
        patience.note(due, trio.current_time())
    assert patience.overload_since(start) is None
    assert patience.overload_while_waiting(start) is not None
