"""The HTTP application: a blueprint per resource, put together on Quart (§2 to §7).

A route reads its input (`gate`), calls one use case and writes the answer (`answers`). Everything that
can go wrong is an `ApiError`, and `make_app` turns those, and Quart's own refusals, into problem documents.
A token is asked for before anything else is looked at, but paths that do not exist are 404 to everyone.
"""

from __future__ import annotations

import logging

from quart import Response, request
from quart.wrappers.base import BaseRequestWebsocket
from quart_trio import QuartTrio
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import MapAdapter

from ..core import errors
from ..core.errors import ApiError
from ..service import Service
from . import bodies, exchange, metrics, operation, published
from .accounts import accounts
from .answers import refusal
from .assets import assets
from .chat import chat
from .conversations import conversations
from .gate import Gate
from .keys import keys
from .messages import messages
from .uploads import uploads

log = logging.getLogger(__name__)

BODY_TIMEOUT_S = 20.0
"""How long a body of JSON may take to come, whole."""
OPEN_PATHS = (*operation.PATHS, "/metrics", *published.PATHS)

_BY_STATUS: dict[int, type[ApiError]] = {
    400: errors.Malformed,
    404: errors.NotFound,
    405: errors.MethodNotAllowed,
    413: errors.MessageTooLarge,
}


class _Application(QuartTrio):
    """Quart's application, the same under every name that clients call the server by."""

    def create_url_adapter(self, request: BaseRequestWebsocket | None) -> MapAdapter | None:
        """As Quart's, which refuses names that IDNA cannot spell where nothing can answer it."""
        if request is None:
            return super().create_url_adapter(None)
        return self.url_map.bind(
            "localhost",
            script_name=request.root_path,
            url_scheme=request.scheme,
            default_method=request.method,
            path_info=request.path,
            query_args=request.query_string.decode(),
        )


def make_app(service: Service, metrics_token: str | None = None) -> QuartTrio:
    """The HTTP application over a service; `metrics_token` protects the operator's figures."""
    app = _Application(__name__, static_folder=None)
    app.config["BODY_TIMEOUT"] = BODY_TIMEOUT_S
    app.asgi_http_class = bodies.Connection
    app.config["MAX_CONTENT_LENGTH"] = service.kernel.limits.max_frame_bytes
    app.url_map.strict_slashes = True
    app.url_map.merge_slashes = False
    gate = Gate(service)
    for blueprint in (
        operation.operation(service),
        accounts(service, gate),
        conversations(service, gate),
        messages(service, gate),
        chat(service),
        metrics.blueprint(service.kernel.metrics, metrics_token),
        assets(service, gate),
        uploads(service, gate),
        keys(service, gate),
        published.routes(),
    ):
        app.register_blueprint(blueprint)

    @app.before_request
    async def note_route() -> None:
        if (asked := exchange.current()) is not None and request.url_rule is not None:
            asked.route = request.url_rule.rule

    @app.after_request
    async def read_to_the_end(response: Response) -> Response:
        # What a client still sends of a body would be taken for its next request.
        if not await bodies.read_to_the_end(request):
            response.headers["Connection"] = "close"
        return response

    @app.errorhandler(ApiError)
    async def refused(error: ApiError) -> Response:
        return refusal(error)

    @app.errorhandler(HTTPException)
    async def refused_by_quart(error: HTTPException) -> Response:
        status = error.code or 500
        if status == 405 and request.path not in OPEN_PATHS:
            try:
                await gate.me()  # the token is asked for before the method is looked at
            except ApiError as unauthorized:
                return refusal(unauthorized)
        kind = _BY_STATUS.get(status, errors.Malformed if status < 500 else errors.Internal)
        headers = error.get_headers() if isinstance(error, MethodNotAllowed) else ()
        return refusal(kind(), {name: value for name, value in headers if name == "Allow"})

    @app.errorhandler(Exception)
    async def broken(error: Exception) -> Response:
        log.error("a request failed: %s %s", request.method, request.path, exc_info=error)
        return refusal(errors.Internal())

    return app
