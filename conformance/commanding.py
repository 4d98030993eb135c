"""What commands have in common that run something: where, to which folder, and until when."""

from __future__ import annotations

import re
import resource
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import click
import trio

from .adapters.base import TargetTrouble
from .patience import Patience
from .problems import BadInput

_NOT_IN_AN_ADDRESS = re.compile(r"[\s\x00-\x1f\x7f]")


def target_url(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    """The value of ``--target``, checked; a callback for click."""
    if value is None:
        return None
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good or _NOT_IN_AN_ADDRESS.search(value):
        raise click.BadParameter(
            f"{value!r} is no address of a server: write http://HOST:PORT or https://HOST, "
            "with a path if the API lies below one."
        )
    for part, found in (
        ("a user or password", parts.username is not None),
        ("a query", parts.query or value.endswith("?")),
        ("a fragment", parts.fragment or value.endswith("#")),
    ):
        if found:
            raise click.BadParameter(f"{value!r} has {part}, which no request would carry.")
    return value.rstrip("/")


def check_writable(folder: Path) -> None:
    """Find out before anything is played whether reports can be written. Raises `BadInput`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise BadInput(
            f"the reports cannot be written to {folder}: {error.strerror}. Choose another folder "
            "with --report-dir."
        ) from None


def raise_descriptor_limit() -> None:
    """Let this program open as many files as it may: every device is a connection."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def listen_for_signals(
    interrupted: trio.Event, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Turn the first Ctrl-C, or SIGTERM, into the event; the next one ends the program."""
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        task_status.started()
        async for _signal in signals:
            interrupted.set()
            return


class Attendance:
    """What has happened to a run: `interrupted` is set by the first signal, `begun` by the run itself."""

    def __init__(self) -> None:
        self.interrupted = trio.Event()
        self.begun = trio.Event()


@asynccontextmanager
async def attended(patience: Patience) -> AsyncIterator[Attendance]:
    """Listen for signals and watch over the host meanwhile.

    Trouble of what goes on inside comes out as itself, and in no group. Raises `TargetTrouble` where it
    was interrupted before it had begun: there is nothing to be kept yet.
    """
    attendance = Attendance()
    interrupted, begun = attendance.interrupted, attendance.begun
    trouble: Exception | None = None
    async with trio.open_nursery() as nursery:
        await nursery.start(listen_for_signals, interrupted)
        nursery.start_soon(_give_up_if, interrupted, begun, nursery.cancel_scope)
        nursery.start_soon(patience.watch)
        try:
            yield attendance
        except Exception as caught:
            trouble = caught
        nursery.cancel_scope.cancel()
    if trouble is not None:
        raise trouble
    if not begun.is_set():
        raise TargetTrouble("interrupted before anything was played")


async def _give_up_if(interrupted: trio.Event, begun: trio.Event, scope: trio.CancelScope) -> None:
    await interrupted.wait()
    if not begun.is_set():
        scope.cancel()
