"""Starting the generator, and hearing what it tells: the only place that knows it is a process.

Locust brings gevent, and this program is Trio's; they never meet in one process.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec
import trio

from .plan import Plan
from .wire import REPORTS, Finished, Report, Trouble, Unpacker

READ_BYTES: Final = 1 << 16
END_PATIENCE: Final = 10.0
"""Seconds for the generator to end after its last word."""


async def drive(
    plan: Plan, log: Path, listen: Callable[[Report], None], interrupted: trio.Event
) -> Trouble | None:
    """Run the generator to its end, and pass on everything that it tells; why it failed, if it did.

    When `interrupted` is set, it sends no more and finishes in order.
    """
    reading, writing = os.pipe()
    with TemporaryDirectory(prefix="msgcheck-load-") as folder, log.open("ab") as errors:
        file = Path(folder) / "plan.json"
        file.write_bytes(msgspec.json.encode(plan))
        try:
            process = await trio.lowlevel.open_process(
                [sys.executable, "-m", "loadgen.locustfile", str(file)],
                stdin=subprocess.PIPE,
                stdout=errors,
                stderr=errors,
                pass_fds=[writing],
                env=os.environ | {REPORTS: str(writing)},
                start_new_session=True,  # Ctrl-C is for this program, which then tells it
            )
        finally:
            os.close(writing)
        try:
            async with trio.open_nursery() as nursery, trio.lowlevel.FdStream(reading) as pipe:
                nursery.start_soon(_terminate_when, interrupted, process)
                last = await _hear(pipe, listen)
                nursery.cancel_scope.cancel()
            with trio.move_on_after(END_PATIENCE):
                await process.wait()
        finally:
            with trio.CancelScope(shield=True):
                if process.returncode is None:
                    process.kill()
                await process.wait()
    if isinstance(last, Finished):
        return None
    if isinstance(last, Trouble):
        return last
    return Trouble(
        "internal", f"the generator ended with status {process.returncode}: its log is {log}"
    )


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
