"""Patience, and the watch over the host."""

import trio
from trio.testing import MockClock

from conformance.patience import OVERLOADED, Patience


async def test_a_timer_that_fires_in_time_is_no_overload(autojump_clock: MockClock) -> None:
    """The watch runs beside everything and notes nothing."""
    patience = Patience()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(patience.watch)
        await trio.sleep(10)
        assert not patience.overloaded_since(0.0)
        nursery.cancel_scope.cancel()


async def test_a_late_timer_marks_waits_that_it_fell_into(mock_clock: MockClock) -> None:
    """A wait that began after the lateness was over is not excused by it."""
    patience = Patience()
    start = trio.current_time()
    patience.note(start + 1, start + 1 + 2 * OVERLOADED)
    assert patience.overloaded_since(start)
    assert patience.overloaded_since(start + 2)
    assert not patience.overloaded_since(start + 4)


async def test_a_watch_that_was_not_let_run_counts_as_overload(mock_clock: MockClock) -> None:
    """Whoever asks may be woken before the watch itself."""
    patience = Patience()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(patience.watch)
        await trio.testing.wait_all_tasks_blocked()
        start = trio.current_time()
        mock_clock.jump(10 * OVERLOADED)
        assert patience.overloaded_since(start)
        nursery.cancel_scope.cancel()
