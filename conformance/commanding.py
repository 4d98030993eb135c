"""What commands have in common that run something: where, to which folder, and until when."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import click
import trio

from .patience import Patience
from .problems import BadInput


def target_url(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    """The value of ``--target``, checked; a callback for click."""
    if value is None:
        return None
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise click.BadParameter(
            f"{value!r} is no address of a server: write http://HOST:PORT or https://HOST, "
            "with a path if the API lies below one."
        )
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


async def listen_for_signals(
    interrupted: trio.Event, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Turn the first Ctrl-C, or SIGTERM, into the event; the next one ends the program."""
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        task_status.started()
        async for _signal in signals:
            interrupted.set()
            return


@asynccontextmanager
async def attended(patience: Patience) -> AsyncIterator[trio.Event]:
    """Listen for signals and watch over the host meanwhile; the event is set by the first signal.

    Trouble of what goes on inside comes out as itself, and in no group.
    """
    interrupted = trio.Event()
    trouble: Exception | None = None
    async with trio.open_nursery() as nursery:
        await nursery.start(listen_for_signals, interrupted)
        nursery.start_soon(patience.watch)
        try:
            yield interrupted
        except Exception as caught:
            trouble = caught
        nursery.cancel_scope.cancel()
    if trouble is not None:
        raise trouble
