"""File descriptors: each connection needs one, and systems allow few unless they are asked for more.

A process that runs out of them would write down the target's connections as failed. So what a run needs is
asked for before it begins, by the command and by each process that carries users.
"""

from __future__ import annotations

import resource
from typing import Final

from .schedule import Load

SETTING_UP: Final = 16
"""HTTP calls at once while everybody registers."""
LOAD: Final = 256
"""HTTP connections that the load may use at once; more than it should ever need, so that nobody waits."""
SPARE: Final = 48
"""Descriptors that a process needs beside its connections."""


def allow(devices: int, load: Load) -> None:
    """Let this process and those that it starts open what so many devices need. Raises `ValueError`."""
    asks = load.mix.media or load.mix.history or load.storm is not None
    needed = devices + (LOAD if asks else SETTING_UP) + SPARE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = hard in (-1, resource.RLIM_INFINITY)
    if not unlimited and needed > hard:
        raise ValueError(
            f"{devices} devices need {needed} file descriptors, and this system allows {hard}: "
            "raise the limit (ulimit -Hn), lower --users, or use more machines"
        )
    if soft not in (-1, resource.RLIM_INFINITY) and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed if unlimited else hard, hard))
