"""Discovery and health: what the server offers, and whether it is well. All without a token."""

from __future__ import annotations

from quart import Blueprint, Response

from ..core.limits import CAPABILITIES
from ..service import Service
from .answers import answer

VERSIONS = ("v1.0",)
PATHS = ("/.well-known/messenger", "/healthz", "/readyz")


def operation(service: Service) -> Blueprint:
    """Discovery, liveness and readiness."""
    routes = Blueprint("operation", __name__)
    kernel = service.kernel

    @routes.get("/.well-known/messenger")
    async def discovery() -> Response:
        return answer({"versions": VERSIONS, "capabilities": CAPABILITIES, "limits": kernel.limits})

    @routes.get("/healthz")
    async def alive() -> Response:
        return answer({"status": "ok"})

    @routes.get("/readyz")
    async def ready() -> Response:
        await kernel.ask(lambda queries: queries.secret())
        return answer({"status": "ok"})

    return routes
