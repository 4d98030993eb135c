"""Killing or stopping, and starting again, a target that somebody else runs, by their own command."""

from __future__ import annotations

import subprocess
from pathlib import Path

import trio

from .adapters.base import Adapter, TargetTrouble

PATIENCE = 30.0
"""Seconds for the command to end, and then for the target to answer again."""
PAUSE = 0.1
"""Seconds between two questions whether it is back."""


class OutageCommand:
    """`--restart-command` or `--stop-command`: a shell command that takes the target away and back."""

    def __init__(self, name: str, command: str, adapter: Adapter, log: Path) -> None:
        self._name = name
        self._command = command
        self._adapter = adapter
        self._log = log

    async def run(self) -> None:
        """Run the command and wait until the target answers. Raises `TargetTrouble`."""
        # A log file and no pipe: a server that the command leaves behind may keep it open.
        with self._log.open("ab") as log, trio.move_on_after(PATIENCE) as limit:
            ended = await trio.run_process(
                ["/bin/sh", "-c", self._command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=False,
            )
            if ended.returncode != 0:
                raise TargetTrouble(
                    f"the {self._name} command ended with status {ended.returncode}: {self._command} "
                    f"(its output is in {self._log})"
                )
        if limit.cancelled_caught:
            raise TargetTrouble(
                f"the {self._name} command did not end within {PATIENCE:g} s: {self._command}. It must "
                "leave the server running in the background, and end."
            )
        await self._answering()

    async def _answering(self) -> None:
        deadline = trio.current_time() + PATIENCE
        while True:
            try:
                await self._adapter.discover()
            except TargetTrouble as trouble:
                if trio.current_time() > deadline:
                    raise TargetTrouble(
                        f"after the {self._name} command the target did not come back: {trouble}"
                    ) from trouble
                await trio.sleep(PAUSE)
            else:
                return
