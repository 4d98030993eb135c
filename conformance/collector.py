"""How often the garbage collector looks while scenarios are played.

Most of what a run allocates is history, which is kept until its scenario has been judged and then let go
of as a whole; hardly any of it is in a cycle. The collector's usual thresholds make it look through all
of that again and again, for an eighth of the runner's CPU (docs/decisions/0020).
"""

from __future__ import annotations

import gc
from typing import Final

THRESHOLDS: Final = (50_000, 20, 50)
"""Allocations between two looks at the youngest objects, and looks at each age between two at the next."""


def collect_rarely() -> None:
    """Let the collector look rarely from now on, in a process that is there for one run."""
    gc.set_threshold(*THRESHOLDS)
