"""Starting the generator, and hearing what it tells: the only place that knows it is a process.

Locust brings gevent, and this program is Trio's; they never meet in one process.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, Final

import msgspec
import trio

from conformance.commanding import listen_for_signals

from .roles import Job, Worker
from .wire import REPORTS, Finished, Report, Trouble, Unpacker

READ_BYTES: Final = 1 << 16
END_PATIENCE: Final = 10.0
"""Seconds for the generator to end after its last word."""


async def drive(
    jobs: Sequence[Job], log: Path, listen: Callable[[Report], None], interrupted: trio.Event
) -> Trouble | None:
    """Run the generator's processes to their end; why they failed, if they did.

    Everything that the first tells is passed on; the others talk to it. When `interrupted` is set, it is
    told to send no more and to finish in order.
    """
    reading, writing = os.pipe()
    with TemporaryDirectory(prefix="msgcheck-load-") as folder, log.open("ab") as errors:
        async with _processes(jobs, Path(folder), errors, writing) as processes:
            os.close(writing)
            async with trio.open_nursery() as nursery, trio.lowlevel.FdStream(reading) as pipe:
                nursery.start_soon(_terminate_when, interrupted, processes[0])
                last = await _hear(pipe, listen)
                nursery.cancel_scope.cancel()
            with trio.move_on_after(END_PATIENCE):
                for process in processes:
                    await process.wait()
    if isinstance(last, Finished):
        return None
    if isinstance(last, Trouble):
        return last
    status = processes[0].returncode
    return Trouble("internal", f"the generator ended with status {status}: its log is {log}")


async def work(job: Worker, log: Path) -> int | None:
    """Be a worker of a master elsewhere, until it is done; the process's exit status."""
    with TemporaryDirectory(prefix="msgcheck-load-") as folder, log.open("ab") as errors:
        async with (
            _processes([job], Path(folder), errors, errors.fileno()) as (process,),
            trio.open_nursery() as nursery,
        ):
            interrupted = trio.Event()
            await nursery.start(listen_for_signals, interrupted)
            nursery.start_soon(_terminate_when, interrupted, process)
            status = await process.wait()
            nursery.cancel_scope.cancel()
        return status


@asynccontextmanager
async def _processes(
    jobs: Sequence[Job], folder: Path, errors: BinaryIO, reports: int
) -> AsyncIterator[list[trio.Process]]:
    """The started processes, the first of which reports on the descriptor; gone afterwards."""
    started: list[trio.Process] = []
    try:
        for number, job in enumerate(jobs):
            file = folder / f"job-{number}.json"
            file.write_bytes(msgspec.json.encode(job))
            descriptor = errors.fileno() if number else reports
            started.append(
                await trio.lowlevel.open_process(
                    [sys.executable, "-m", "loadgen.locustfile", str(file)],
                    stdin=subprocess.PIPE,
                    stdout=errors,
                    stderr=errors,
                    pass_fds=[descriptor],
                    env=os.environ | {REPORTS: str(descriptor)},
                    start_new_session=True,  # Ctrl-C is for this program, which then tells it
                )
            )
        yield started
    finally:
        with trio.CancelScope(shield=True):
            for process in started:
                if process.returncode is None:
                    process.kill()
                await process.wait()


async def _hear(pipe: trio.lowlevel.FdStream, listen: Callable[[Report], None]) -> Report | None:
    """Everything until the end of the pipe; the last message."""
    unpacker = Unpacker()
    last: Report | None = None
    while data := await pipe.receive_some(READ_BYTES):
        for last in unpacker.feed(data):
            listen(last)
    return last


async def _terminate_when(interrupted: trio.Event, process: trio.Process) -> None:
    await interrupted.wait()
    process.terminate()
