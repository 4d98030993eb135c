"""Everything random of a run, as named streams that derive from its seed.

The same seed, scenario and purpose give the same words each time, whatever else a run does and in
whatever order.
"""

from __future__ import annotations

import random

TRIES = 50
"""Names of one series that are tried before the target is called full."""

_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"


class Seeds:
    """Everything random of one scenario, as named streams."""

    def __init__(self, seed: int, scenario: str) -> None:
        self._prefix = f"{seed}/{scenario}"

    def stream(self, what: str) -> random.Random:
        """The stream for `what`; the same each time."""
        return random.Random(f"{self._prefix}/{what}")  # noqa: S311  reproducible, not secret

    def word(self, what: str, length: int) -> str:
        """A word of lower-case letters and digits."""
        return "".join(self.stream(what).choices(_ALPHABET, k=length))
