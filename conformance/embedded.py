"""The reference server, started for a run as a process of its own.

It is a target like any other: the suite knows its command line and the line that it prints when it
serves, and nothing else. It is told to stop when its standard input closes, so that it cannot outlive
this program however that ends.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import trio

from .adapters.base import TargetTrouble

START_PATIENCE = 30.0
"""Seconds for the server to say that it serves."""
STOP_PATIENCE = 10.0
"""Seconds for the server to stop in order."""

LIMITED = (
    *("--rate-sends", "700 per 5 seconds"),
    *("--limit", "max_asset_bytes=8388608"),
)
"""Limits to what one user may send, beyond what other scenarios do: without the first, LIM-1 has nothing to
show; with the second, going too far takes 8 MiB instead of a hundred."""

_LISTENING = re.compile(rb"listening on (http://127\.0\.0\.1:(\d+))")
_LOG_TAIL = 15


class EmbeddedServer:
    """A reference server on a free loopback port, its data in a folder of its own."""

    def __init__(self, data: Path, log: Path, options: Sequence[str]) -> None:
        self.url = ""
        self._port = 0
        self.data = data
        self._log = log
        self._options = options
        self._process: trio.Process | None = None

    async def start(self) -> None:
        """Start the server, on the port that it had if it had one. Raises `TargetTrouble`."""
        command = [
            *(sys.executable, "-m", "reference_server"),
            *("--host", "127.0.0.1", "--port", str(self._port)),
            *("--data", str(self.data), "--throwaway-accounts", "--until-stdin-closes"),
            *self._options,
        ]
        with self._log.open("ab") as log:
            process = await trio.lowlevel.open_process(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=_environment(),
                # Ctrl-C is for this program, which then stops the server.
                start_new_session=True,
            )
        self._process = process
        with trio.move_on_after(START_PATIENCE):
            found = await _listening(process)
            if found is not None:
                self.url, self._port = found
                return
        with trio.CancelScope(shield=True):
            process.kill()
            await process.wait()
        raise TargetTrouble(
            "the reference server did not start. The end of its log, "
            f"{self._log}:\n{_tail(self._log)}"
        )

    async def restart(self) -> None:
        """Kill the server abruptly, and start it again on the same port and data."""
        if self._process is not None:
            self._process.kill()
            await self._process.wait()
        await self.start()

    async def stop_and_start(self) -> None:
        """Stop the server in order, and start it again on the same port and data.

        Raises `TargetTrouble` if it does not stop.
        """
        if not await self._stopped():
            raise TargetTrouble(
                f"the reference server did not stop within {STOP_PATIENCE:g} s of SIGTERM: its log "
                f"is {self._log}"
            )
        await self.start()

    def ended_by_itself(self) -> str | None:
        """What to say if the server is gone although nobody stopped it; None if it is there."""
        if self._process is None or self._process.returncode is None:
            return None
        return (
            f"the reference server ended by itself, with status {self._process.returncode}: "
            f"its log is {self._log}"
        )

    async def stop(self) -> None:
        """Ask the server to stop; kill it if it does not."""
        if await self._stopped() or self._process is None:
            return
        self._process.kill()
        with trio.CancelScope(shield=True):
            await self._process.wait()

    async def _stopped(self) -> bool:
        """Ask the server to stop; whether it has, within `STOP_PATIENCE`."""
        process = self._process
        if process is None or process.returncode is not None:
            return True
        process.terminate()
        with trio.move_on_after(STOP_PATIENCE, shield=True):
            await process.wait()
        return process.returncode is not None


@asynccontextmanager
async def embedded_server(
    log: Path, options: Sequence[str] = LIMITED
) -> AsyncIterator[EmbeddedServer]:
    """A running reference server, its log in the file `log`; stopped and gone afterwards.

    `options` are further ones of its command line.
    """
    log.write_bytes(b"")
    with TemporaryDirectory(prefix="msgcheck-") as folder:
        server = EmbeddedServer(Path(folder), log, options)
        try:
            await server.start()
            yield server
        finally:
            await server.stop()


def _environment() -> dict[str, str]:
    """The environment of this program, without what configures a server of the operator's own."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith("MSGCHECK_SERVE_")
    }


async def _listening(process: trio.Process) -> tuple[str, int] | None:
    """Where the server says that it listens; None if it ends before it says so."""
    assert process.stdout is not None
    told = b""
    async for chunk in process.stdout:
        told += chunk
        if found := _LISTENING.search(told):
            return found[1].decode(), int(found[2])
    return None


def _tail(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    return "\n".join(lines[-_LOG_TAIL:]) or "(empty)"
