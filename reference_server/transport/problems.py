"""RFC 9457 problem documents: how a refusal looks over HTTP (§1)."""

from __future__ import annotations

from typing import Any

import msgspec

from ..core.errors import ApiError

MEDIA_TYPE = "application/problem+json"


def problem(error: ApiError) -> bytes:
    """The problem document of a refusal."""
    document: dict[str, Any] = {
        "type": f"urn:messenger:error:{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
    }
    if error.errors:
        document["errors"] = error.errors
    return msgspec.json.encode(document | error.extra)
