"""The console of a run: whoever reads along may go away, and the run goes on and keeps what it measured."""

from __future__ import annotations

import os
import sys

from rich.console import Console


class LastingConsole(Console):
    """A console that falls silent when nobody reads it any more (`msgcheck load | head`)."""

    def on_broken_pipe(self) -> None:
        """Say no more; what is still in the standard output's buffer goes nowhere."""
        self.quiet = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
