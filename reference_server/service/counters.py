"""Counters of rate limits, in the memory of the one thread that counts.

A storage for the `limits` library, whose own one starts a thread every hundredth of a second in which something
is counted, to look for what has expired. This one looks itself: whenever it holds twice as many counters
as were left the last time, so that each count pays for a constant part of it and memory follows use.
"""

from __future__ import annotations

import time

from limits.storage import Storage
from msgspec import Struct

FEWEST = 1_000
"""So many counters are never looked through."""


class _Window(Struct):
    """How often a thing was done in the window that ends at `ends_at` (seconds since the epoch)."""

    count: int
    ends_at: float


class Counters(Storage):
    """Fixed windows by key; a window begins with the first count."""

    STORAGE_SCHEME = None

    def __init__(self) -> None:
        super().__init__()
        self._windows: dict[str, _Window] = {}
        self._sweep_at = FEWEST

    @property
    def base_exceptions(self) -> type[Exception]:
        """What can go wrong here: nothing of its own."""
        return ValueError

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Count `amount`; how many there are now in the window of `expiry` seconds."""
        window = self._open(key)
        if window is None:
            self._sweep()
            window = self._windows[key] = _Window(0, time.time() + expiry)
        window.count += amount
        return window.count

    def get(self, key: str) -> int:
        """How many there are in the window."""
        window = self._open(key)
        return 0 if window is None else window.count

    def get_expiry(self, key: str) -> float:
        """When the window ends; now, if there is none."""
        window = self._open(key)
        return time.time() if window is None else window.ends_at

    def check(self) -> bool:
        """Whether it works."""
        return True

    def reset(self) -> int:
        """Forget everything; how many windows there were."""
        number = len(self._windows)
        self._windows.clear()
        return number

    def clear(self, key: str) -> None:
        """Forget one."""
        self._windows.pop(key, None)

    def __len__(self) -> int:
        return len(self._windows)

    def _open(self, key: str) -> _Window | None:
        window = self._windows.get(key)
        return None if window is None or window.ends_at <= time.time() else window

    def _sweep(self) -> None:
        if len(self._windows) < self._sweep_at:
            return
        now = time.time()
        self._windows = {key: each for key, each in self._windows.items() if each.ends_at > now}
        self._sweep_at = max(FEWEST, 2 * len(self._windows))
