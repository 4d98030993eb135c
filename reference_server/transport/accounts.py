"""The routes of users, sessions, devices and blocks (§2)."""

from __future__ import annotations

from msgspec import Struct
from quart import Blueprint, Response, request

from ..core.model import Identity
from ..service import Service
from ..service.accounts import LoginRequest, RegisterRequest
from .answers import answer, nothing
from .gate import Gate, body_as


class _Rename(Struct):
    display_name: str


def accounts(service: Service, gate: Gate) -> Blueprint:
    """From registration to removing a device."""
    routes = Blueprint("accounts", __name__, url_prefix="/v1.0")
    use = service.accounts
    blocks = service.blocks

    @routes.post("/users")
    async def register() -> Response:
        gate.count(request.remote_addr or "")
        return answer(await use.register(await body_as(RegisterRequest)), 201)

    @routes.post("/sessions")
    async def login() -> Response:
        gate.count(request.remote_addr or "")
        return answer(await use.login(await body_as(LoginRequest)), 201)

    @routes.delete("/sessions/current")
    @gate.authenticated
    async def logout(me: Identity) -> Response:
        await use.logout(me)
        return nothing()

    @routes.get("/users/<user_id>")
    @gate.authenticated
    async def profile(_me: Identity, user_id: str) -> Response:
        return answer(await use.profile(user_id))

    @routes.patch("/users/me")
    @gate.authenticated
    async def rename(me: Identity) -> Response:
        return answer(await use.rename(me, (await body_as(_Rename)).display_name))

    @routes.get("/devices")
    @gate.authenticated
    async def devices(me: Identity) -> Response:
        return answer({"devices": await use.devices(me)})

    @routes.delete("/devices/<device_id>")
    @gate.authenticated
    async def remove_device(me: Identity, device_id: str) -> Response:
        await use.remove_device(me, device_id)
        return nothing()

    @routes.put("/blocks/<user_id>")
    @gate.authenticated
    async def block(me: Identity, user_id: str) -> Response:
        await blocks.block(me, user_id)
        return nothing()

    @routes.delete("/blocks/<user_id>")
    @gate.authenticated
    async def unblock(me: Identity, user_id: str) -> Response:
        await blocks.unblock(me, user_id)
        return nothing()

    return routes
