"""`GET /metrics`: the operator's figures, for a Prometheus server to fetch.

They name no user and no conversation, so they are open unless the operator sets a token for them; that
token is no user's, and no user's token opens them.
"""

from __future__ import annotations

import hmac

from quart import Blueprint, Response, request

from ..core import errors
from ..metrics import MEDIA_TYPE, Metrics
from .handshake import bearer


def blueprint(metrics: Metrics, token: str | None) -> Blueprint:
    """The route over `metrics`, for who has `token` if there is one."""
    routes = Blueprint("metrics", __name__)

    @routes.get("/metrics")
    async def figures() -> Response:
        if token is not None:
            given = bearer(request.headers.get("Authorization")) or ""
            if not hmac.compare_digest(given.encode(), token.encode()):
                raise errors.Unauthorized
        return Response(metrics.text(), content_type=MEDIA_TYPE)

    return routes
