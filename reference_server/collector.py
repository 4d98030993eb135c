"""How often the garbage collector looks while the server serves.

What has been imported and built by the time that it serves stays to the end, so the collector need not
look at it again. Afterwards a request leaves hardly any cycles behind: looking rarely saves a twentieth of
the server's CPU, and keeps its pauses rare (docs/decisions/0020).
"""

from __future__ import annotations

import gc
from typing import Final

THRESHOLDS: Final = (10_000, 20, 50)
"""Allocations between two looks at the youngest objects, and looks at each age between two at the next."""


def settle() -> None:
    """Leave out what is there already, and look rarely from now on."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
