"""The routes of device keys (§8)."""

from __future__ import annotations

from quart import Blueprint, Response

from ..core.model import Identity
from ..service import Service
from ..service.keys import ClaimRequest, PublishRequest, UploadRequest
from .answers import answer
from .gate import Gate, body_as


def keys(service: Service, gate: Gate) -> Blueprint:
    """Publishing, uploading, looking up and claiming."""
    routes = Blueprint("keys", __name__, url_prefix="/v1.0")
    keys = service.keys

    @routes.put("/keys")
    @gate.authenticated
    async def publish(me: Identity) -> Response:
        await keys.publish(me, await body_as(PublishRequest))
        return answer({})

    @routes.post("/keys/one-time")
    @gate.authenticated
    async def upload(me: Identity) -> Response:
        return answer(await keys.upload(me, await body_as(UploadRequest)))

    @routes.post("/keys/claim")
    @gate.authenticated
    async def claim(me: Identity) -> Response:
        return answer(await keys.claim(me, await body_as(ClaimRequest)))

    @routes.get("/users/<user_id>/devices")
    @gate.authenticated
    async def devices(_me: Identity, user_id: str) -> Response:
        return answer(await keys.devices(user_id))

    return routes
