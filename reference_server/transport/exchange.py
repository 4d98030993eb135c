"""One request and what became of it: the id it goes by, who asked, which route, which code, how long.

The outermost layer opens an exchange for each HTTP request and each WebSocket handshake; whoever learns
something on the way in notes it there (`current`), and when it is over it is one line of the log
and a tick in the metrics. It travels in a context variable, so nothing has to pass it on.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable
from contextvars import ContextVar
from typing import Any
from urllib.parse import urlsplit

from ..core.errors import ApiError
from ..core.inputs import is_id
from ..logs import note
from ..metrics import Metrics
from ..service.rates import Allowance, Exceeded
from ..service.timing import open_account
from . import limiting

log = logging.getLogger("reference_server.access")

REQUEST_ID = "X-Request-Id"
SCENARIO = "X-Msgcheck-Scenario"

Asgi = Callable[
    [Any, Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]
]


_PATH_LENGTH = 200


class Exchange:
    """A request under way.

    `route` is the pattern that it matched, `code` the one of a refusal (§11), `allowance` what is left
    of the rate limit that it counted in.
    """

    def __init__(self, method: str, path: str, scenario: str | None) -> None:
        self.request_id = secrets.token_urlsafe(9)
        self.method = method
        self.path = path[:_PATH_LENGTH]
        self.scenario = scenario if is_id(scenario) else None
        self.route: str | None = None
        self.user_id: str | None = None
        self.status: int | None = None
        self.code: str | None = None
        self.allowance: Allowance | None = None
        self._of_refusal: dict[str, str] = {}
        self._began = time.perf_counter_ns()
        self._spent = open_account()

    @property
    def duration_ms(self) -> float:
        """How long it has taken so far."""
        return (time.perf_counter_ns() - self._began) / 1e6

    def headers(self) -> dict[str, str]:
        """What the answer says about it: the id in the log, where the time went, what is left."""
        left = {} if self.allowance is None else limiting.fields(self.allowance)
        ours = {REQUEST_ID: self.request_id, "Server-Timing": self._timing()}
        return ours | left | self._of_refusal

    def _timing(self) -> str:
        spent = self._spent
        hops = {"queue": spent.queue, "commit": spent.commit, "read": spent.read}
        told = [f"{hop};dur={time_ns / 1e6:.3f}" for hop, time_ns in hops.items() if time_ns]
        return ", ".join((*told, f"total;dur={self.duration_ms:.3f}"))

    def refused(self, error: ApiError) -> None:
        """The answer is this refusal."""
        self.code = error.code
        if isinstance(error, Exceeded):
            self.allowance = error.allowance
            self._of_refusal = limiting.fields_of_refusal(error)

    def over(self, metrics: Metrics) -> None:
        """The answer is out, or the asker gone (then there is no status)."""
        metrics.answered(self.method, self.route, self.status, self.code)
        note(
            log,
            logging.INFO,
            "request",
            request_id=self.request_id,
            scenario=self.scenario,
            user=self.user_id,
            method=self.method,
            route=self.route,
            path=self.path if self.route is None else None,
            status=self.status,
            code=self.code,
            duration_ms=round(self.duration_ms, 3),
        )


_CURRENT: ContextVar[Exchange | None] = ContextVar("exchange", default=None)


def begin(method: str, path: str, scenario: str | None) -> Exchange:
    """Open the exchange of the request that this task serves."""
    exchange = Exchange(method, path, scenario)
    _CURRENT.set(exchange)
    return exchange


def current() -> Exchange | None:
    """The exchange of this task; None where there is no request (a session in a test)."""
    return _CURRENT.get()


def observed(app: Asgi, metrics: Metrics) -> Asgi:
    """`app`, with an exchange around each request."""

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await app(scope, receive, send)
            return
        if not scope["path"].startswith("/"):
            scope["path"] = _path_of(scope["path"])
        exchange = begin(scope.get("method", "GET"), scope["path"], _scenario(scope["headers"]))

        async def noting(event: Any) -> None:
            if event["type"] in _HEADS:
                exchange.status = event["status"]
                ours = [(k.lower().encode(), v.encode()) for k, v in exchange.headers().items()]
                event = {**event, "headers": [*event["headers"], *ours]}
            elif event["type"] == "websocket.accept":
                exchange.status = 101
            await send(event)

        try:
            await app(scope, receive, noting)
        finally:
            exchange.over(metrics)

    return serve


def _path_of(target: str) -> str:
    """The path of a request that is for a whole URL (RFC 9112, 3.2.2), or for nothing that there is."""
    try:
        return urlsplit(target).path or "/"
    except ValueError:
        return f"/{target}"


def _scenario(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    wanted = SCENARIO.lower().encode()
    return next((value.decode("latin-1") for name, value in headers if name == wanted), None)


_HEADS = ("http.response.start", "websocket.http.response.start")
