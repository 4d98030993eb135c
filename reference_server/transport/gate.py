"""What stands before the routes: who asks, how much it may ask, and what its body of JSON holds.

A token is asked for before anything else is looked at; then the request is counted in its rate limit.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, TypeVar

from quart import Response, request

from ..core import errors
from ..core.model import Identity
from ..service import Service
from . import exchange, handshake, limiting
from .decoding import convert, decode_json

T = TypeVar("T")
Route = Callable[..., Awaitable[Response]]


class Gate:
    """Lets requests in."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def me(self) -> Identity:
        """Who asks. Raises `Unauthorized`."""
        return await handshake.authenticate(self._service, request.headers.get("Authorization"))

    def count(self, who: str) -> None:
        """Count the request in its rate limit. Raises `RateLimited`."""
        allowance = self._service.rates.spend(limiting.counts_as(request.endpoint), who)
        if (asked := exchange.current()) is not None:
            asked.allowance = allowance

    def authenticated(self, route: Route) -> Route:
        """Give `route` the identity of the asker as its first argument."""

        @wraps(route)
        async def with_identity(**arguments: Any) -> Response:
            me = await self.me()
            self.count(me.user_id)
            return await route(me, **arguments)

        return with_identity


async def body_as_json() -> Any:
    """The request's body, decoded. Raises `Malformed`."""
    data = await request.get_data(cache=False, as_text=False)
    try:
        return decode_json(data)
    except UnicodeDecodeError:
        raise errors.Malformed("The body is not UTF-8.") from None


async def body_as(shape: type[T]) -> T:
    """The request's body as a struct. Raises `Malformed` or `InvalidRequest`."""
    return convert(await body_as_json(), shape)
