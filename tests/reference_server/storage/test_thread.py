"""The writer's own thread: what it gives, raises, and what a cancellation leaves alone."""

from __future__ import annotations

import threading

import pytest
import trio

from reference_server.storage.thread import OwnThread


async def test_a_job_runs_in_the_thread_and_gives_its_result() -> None:
    """Always in the same one."""
    with OwnThread("own") as thread:
        names = [await thread.run(lambda: threading.current_thread().name) for _ in range(3)]
    assert names == ["own"] * 3


async def test_what_a_job_raises_is_raised_and_the_next_one_runs() -> None:
    """A job that fails does not take the thread with it."""

    def broken() -> None:
        raise ValueError("no")

    with OwnThread("own") as thread:
        with pytest.raises(ValueError, match="no"):
            await thread.run(broken)
        assert await thread.run(lambda: 1) == 1


async def test_a_cancellation_waits_for_the_job_and_keeps_its_result() -> None:
    """The writer must learn what became of its commit, whoever is stopping it."""
    may_end = threading.Event()

    def job() -> str:
        may_end.wait()
        return "done"

    with OwnThread("own") as thread, trio.CancelScope() as scope:
        scope.cancel()
        trio.lowlevel.spawn_system_task(_let_it_end, may_end)
        assert await thread.run(job) == "done"
        assert await thread.run(lambda: "next") == "next"


async def _let_it_end(may_end: threading.Event) -> None:
    may_end.set()


async def test_the_thread_ends_with_its_block() -> None:
    """Nothing of it is left behind."""
    with OwnThread("own") as thread:
        await thread.run(lambda: None)
        assert any(each.name == "own" for each in threading.enumerate())
    assert all(each.name != "own" for each in threading.enumerate())
