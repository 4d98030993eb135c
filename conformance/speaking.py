"""Standard output as commands use it, which may be a closed pipe, a full disk or an old terminal.

What the commands that play something print goes along with the verdict; it is not the verdict. So where
standard output takes no more (``msgcheck run | head``), they go on in silence: the reports are written,
and the exit status stays what it says. Whoever only prints fails when that is not possible.
"""

from __future__ import annotations

import io
import os
import sys
from typing import IO, TYPE_CHECKING, Any, TextIO, cast

if TYPE_CHECKING:
    from rich.console import Console


class Unfailing:
    """A text stream that takes what can no longer be written, and forgets it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, or lose it."""
        try:
            return self._stream.write(text)
        except OSError:
            self._give_up()
            return len(text)

    def flush(self) -> None:
        """Flush, or lose it."""
        try:
            self._stream.flush()
        except OSError:
            self._give_up()

    def _give_up(self) -> None:
        """Let the stream's descriptor lead nowhere: what is buffered would fail again at the end."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def console_of_a_run(**options: bool) -> Console:
    """What a command that plays something prints to; `options` are the console's."""
    from rich.console import Console  # not for `prepare`, which every command needs

    return Console(file=cast("IO[str]", Unfailing(sys.stdout)), **options)  # type: ignore[arg-type]


def prepare() -> None:
    """See to it that whatever is printed can be, in any locale and on any width."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    if os.environ.get("COLUMNS", "").strip("0") == "":
        os.environ.pop("COLUMNS", None)  # 0 is what some terminals say that do not know
