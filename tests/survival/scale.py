"""How long the survival tests go on: for seconds among all other tests, for minutes when asked."""

from __future__ import annotations

import os

VARIABLE = "MSGCHECK_SURVIVAL"


def scale(*, usual: int, minutes: int) -> int:
    """A number for this run: the `usual` one, or what fills minutes."""
    return minutes if os.environ.get(VARIABLE) == "minutes" else usual
