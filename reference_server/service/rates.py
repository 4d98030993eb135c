"""Rate limits: how often one user, or one address before it is a user, may do a thing (§9, LIM-1).

Off unless configured. Each `Rates` field is one limit: ``sends`` counts a user's messages over both
lanes, ``requests`` a user's other HTTP requests and handshakes, ``logins`` an address's registrations
and logins. The counting is the `limits` library's, in fixed windows in memory: a counter for each user
however high the limit, and after the time that a refusal names the whole allowance is there again.
"""

from __future__ import annotations

import math
import time
from typing import Literal

from limits import RateLimitItem, parse
from limits.strategies import FixedWindowRateLimiter
from msgspec import Struct

from ..core.errors import RateLimited
from .counters import Counters

Kind = Literal["sends", "requests", "logins"]


class Rates(Struct, frozen=True, kw_only=True):
    """The limits, as text: ``20/second``, ``5 per 2 minutes``; None for as often as one likes."""

    sends: str | None = None
    requests: str | None = None
    logins: str | None = None

    def __post_init__(self) -> None:
        """Raises `ValueError` for a limit that cannot be read, or that lets nothing through."""
        for text in (self.sends, self.requests, self.logins):
            if text is not None and _parse(text).amount < 1:
                raise ValueError(f"a limit must let at least one through: {text!r}")


class Allowance(Struct, frozen=True):
    """What is left of a limit: `remaining` of `amount` in the window of `window_s`, anew in `reset_s`."""

    kind: Kind
    amount: int
    window_s: int
    remaining: int
    reset_s: float


class RateLimiter:
    """Counts what users and addresses do, and refuses the excess."""

    def __init__(self, rates: Rates) -> None:
        texts: dict[Kind, str | None] = {
            "sends": rates.sends,
            "requests": rates.requests,
            "logins": rates.logins,
        }
        self._items = {kind: _parse(text) for kind, text in texts.items() if text is not None}
        self._counting: FixedWindowRateLimiter | None = None
        if self._items:
            self._counting = FixedWindowRateLimiter(Counters())

    def spend(self, kind: Kind, who: str) -> Allowance | None:
        """Count one; what is left, None where nothing is limited. Raises `RateLimited`."""
        if self._counting is None or (item := self._items.get(kind)) is None:
            return None
        within = self._counting.hit(item, kind, who)
        window = self._counting.get_window_stats(item, kind, who)
        reset_s = max(window.reset_time - time.time(), 0.0)
        allowance = Allowance(
            kind, item.amount, item.get_expiry(), max(window.remaining, 0), reset_s
        )
        if not within:
            raise Exceeded(allowance)
        return allowance


class Exceeded(RateLimited):
    """`RateLimited`, with the allowance that is used up. Waiting `retry_after_ms` restores it."""

    def __init__(self, allowance: Allowance) -> None:
        self.retry_after_ms = math.ceil(allowance.reset_s * 1000) + 1
        super().__init__(retry_after_ms=self.retry_after_ms)
        self.allowance = allowance


def _parse(text: str) -> RateLimitItem:
    try:
        return parse(text)
    except ValueError:
        raise ValueError(
            f"not a rate limit: {text!r}. Write it as 20/second, 100/minute, 5 per 2 minutes."
        ) from None
