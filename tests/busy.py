"""Other people's work on the same machine: processes that do nothing but keep the cores busy."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_SPIN = "import time\nend = time.monotonic() + {seconds}\nwhile time.monotonic() < end: pass"


@contextmanager
def busy(processes: int, *, at_most_s: float) -> Iterator[None]:
    """Keep so many cores busy until the block ends; the processes end by themselves after `at_most_s`."""
    command = [sys.executable, "-c", _SPIN.format(seconds=at_most_s)]
    spinning = [subprocess.Popen(command) for _ in range(processes)]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()
