"""Everything random of a run, as named streams that derive from its seed.

The same seed, scenario and purpose give the same words each time, whatever else a run does and in
whatever order.
"""

from __future__ import annotations

import random
from hashlib import shake_128

TRIES = 50
"""Names of one series that are tried before the target is called full."""

_LETTERS = b"abcdefghijkmnpqrstuvwxyz23456789" * 8
"""What each byte becomes in a word; 32 letters, so all are equally likely."""


class Seeds:
    """Everything random of one scenario, as named streams."""

    def __init__(self, seed: int, scenario: str) -> None:
        self._prefix = f"{seed}/{scenario}"

    def stream(self, what: str) -> random.Random:
        """The stream for `what`; the same each time."""
        return random.Random(f"{self._prefix}/{what}")  # noqa: S311  reproducible, not secret

    def word(self, what: str, length: int) -> str:
        """A word of lower-case letters and digits."""
        # Words are many, and a generator of random numbers is dear to set up.
        digest = shake_128(f"{self._prefix}/{what}".encode()).digest(length)
        return digest.translate(_LETTERS).decode()
