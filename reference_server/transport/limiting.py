"""Rate limits on HTTP: what a request counts as, and how an answer tells what is left.

The fields are those of the IETF's RateLimit draft (draft-ietf-httpapi-ratelimit-headers), `Retry-After`
is RFC 9110's, in whole seconds; `retry_after_ms` in the problem is exact.
"""

from __future__ import annotations

import math

from ..service.rates import Allowance, Exceeded, Kind

_COUNTS_AS: dict[str | None, Kind] = {
    "messages.send": "sends",
    "accounts.register": "logins",
    "accounts.login": "logins",
}


def counts_as(endpoint: str | None) -> Kind:
    """The limit that a request to this endpoint is counted in."""
    return _COUNTS_AS.get(endpoint, "requests")


def fields(allowance: Allowance) -> dict[str, str]:
    """What an answer tells of the allowance."""
    reset_s = math.ceil(allowance.reset_s)
    return {
        "RateLimit-Policy": f'"{allowance.kind}";q={allowance.amount};w={allowance.window_s}',
        "RateLimit": f'"{allowance.kind}";r={allowance.remaining};t={reset_s}',
    }


def fields_of_refusal(error: Exceeded) -> dict[str, str]:
    """The further field of a refusal."""
    return {"Retry-After": str(math.ceil(error.retry_after_ms / 1000))}
