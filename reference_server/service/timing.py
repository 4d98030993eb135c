"""Where the time of a request goes (capability `server_timing`, §9).

The hops are waiting for the writer (`queue`), its transaction (`commit`), and reading snapshots (`read`).
Who serves a request opens an account for it; the kernel books on the account of its task, if any.
"""

from __future__ import annotations

from contextvars import ContextVar


class Spent:
    """Nanoseconds that a request has spent on each hop so far."""

    def __init__(self) -> None:
        self.queue = self.commit = self.read = 0


_ACCOUNT: ContextVar[Spent | None] = ContextVar("spent", default=None)


def open_account() -> Spent:
    """An account for what this task does from here on."""
    spent = Spent()
    _ACCOUNT.set(spent)
    return spent


def account() -> Spent | None:
    """The account of this task."""
    return _ACCOUNT.get()
