"""Answers: a value as JSON, nothing, or a refusal as a problem document (RFC 9457)."""

from __future__ import annotations

from typing import Any

import msgspec
from quart import Response

from ..core import errors
from ..core.errors import ApiError
from . import exchange, problems

_encode = msgspec.json.Encoder().encode


def answer(value: Any, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(_encode(value), status, content_type="application/json")


def nothing(status: int = 204, headers: dict[str, str] | None = None) -> Response:
    """An answer without a body."""
    response = Response(b"", status, headers)
    del response.headers["Content-Type"]
    return response


def refusal(error: ApiError, headers: dict[str, str] | None = None) -> Response:
    """A problem document as the answer."""
    if (asked := exchange.current()) is not None:
        asked.refused(error)
    response = Response(
        problems.problem(error), error.status, content_type=problems.MEDIA_TYPE, headers=headers
    )
    if error.status == errors.Unauthorized.status:
        response.headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, errors.RangeNotSatisfiable):
        response.headers["Content-Range"] = f"bytes */{error.extra['size']}"
    if isinstance(error, errors.UpgradeRequired):
        response.headers["Upgrade"] = "websocket"
    return response
