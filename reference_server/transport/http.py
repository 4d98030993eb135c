"""The HTTP routes (§2 to §6), one blueprint per resource, on Quart.

A route reads its input, calls one use case and writes the answer as JSON. Everything that can go
wrong is an `ApiError`, and `make_app` turns those, and Quart's own refusals, into problem documents.
A token is asked for before anything else is looked at, but paths that do not exist are 404 to everyone.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from quart import Blueprint, Response, request, websocket
from quart_trio import QuartTrio
from websockets.frames import Opcode
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from ..core import errors, inputs
from ..core.errors import ApiError
from ..core.limits import CAPABILITIES
from ..core.model import Identity, Role
from ..hub import Closing, Item, Outgoing, Subscriber
from ..service import Service
from ..service.accounts import LoginRequest, RegisterRequest
from ..service.conversations import CreateRequest
from ..service.messages import SendRequest
from . import bodies, exchange, handshake, limiting, metrics, problems, published
from .assets import assets
from .decoding import convert, decode_json
from .session import Session
from .uploads import uploads

log = logging.getLogger(__name__)

T = TypeVar("T")
VERSIONS = ("v1.0",)
BODY_TIMEOUT_S = 20.0
"""How long a body of JSON may take to come, whole."""
OPEN_PATHS = ("/.well-known/messenger", "/healthz", "/readyz", "/metrics", *published.PATHS)

_encode = msgspec.json.Encoder().encode


def answer(value: Any, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(_encode(value), status, content_type="application/json")


def nothing() -> Response:
    """204."""
    response = Response(b"", 204)
    del response.headers["Content-Type"]
    return response


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


class _Rename(Struct):
    display_name: str


class _Title(Struct):
    title: str


class _Member(Struct):
    role: Role | None = None


Route = Callable[..., Awaitable[Response]]


class Routes:
    """All routes over one service."""

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

    def operation(self) -> Blueprint:
        """Discovery and health; the only routes beside registration and login without a token."""
        routes = Blueprint("operation", __name__)
        kernel = self._service.kernel

        @routes.get("/.well-known/messenger")
        async def discovery() -> Response:
            return answer(
                {"versions": VERSIONS, "capabilities": CAPABILITIES, "limits": kernel.limits}
            )

        @routes.get("/healthz")
        async def alive() -> Response:
            return answer({"status": "ok"})

        @routes.get("/readyz")
        async def ready() -> Response:
            await kernel.ask(lambda queries: queries.secret())
            return answer({"status": "ok"})

        return routes

    def accounts(self) -> Blueprint:
        """Users, sessions, devices, blocks (§2)."""
        routes = Blueprint("accounts", __name__, url_prefix="/v1.0")
        accounts = self._service.accounts
        blocks = self._service.blocks

        @routes.post("/users")
        async def register() -> Response:
            self.count(request.remote_addr or "")
            return answer(await accounts.register(await body_as(RegisterRequest)), 201)

        @routes.post("/sessions")
        async def login() -> Response:
            self.count(request.remote_addr or "")
            return answer(await accounts.login(await body_as(LoginRequest)), 201)

        @routes.delete("/sessions/current")
        @self.authenticated
        async def logout(me: Identity) -> Response:
            await accounts.logout(me)
            return nothing()

        @routes.get("/users/<user_id>")
        @self.authenticated
        async def profile(_me: Identity, user_id: str) -> Response:
            return answer(await accounts.profile(user_id))

        @routes.patch("/users/me")
        @self.authenticated
        async def rename(me: Identity) -> Response:
            return answer(await accounts.rename(me, (await body_as(_Rename)).display_name))

        @routes.get("/devices")
        @self.authenticated
        async def devices(me: Identity) -> Response:
            return answer({"devices": await accounts.devices(me)})

        @routes.delete("/devices/<device_id>")
        @self.authenticated
        async def remove_device(me: Identity, device_id: str) -> Response:
            await accounts.remove_device(me, device_id)
            return nothing()

        @routes.put("/blocks/<user_id>")
        @self.authenticated
        async def block(me: Identity, user_id: str) -> Response:
            await blocks.block(me, user_id)
            return nothing()

        @routes.delete("/blocks/<user_id>")
        @self.authenticated
        async def unblock(me: Identity, user_id: str) -> Response:
            await blocks.unblock(me, user_id)
            return nothing()

        return routes

    def conversations(self) -> Blueprint:
        """Conversations and membership (§3)."""
        routes = Blueprint("conversations", __name__, url_prefix="/v1.0/conversations")
        conversations = self._service.conversations

        @routes.post("")
        @self.authenticated
        async def create(me: Identity) -> Response:
            content = await body_as_json()
            created = await conversations.create(
                me,
                convert(content, CreateRequest),
                request.headers.get("Idempotency-Key"),
                content,
            )
            return answer(created.conversation, 201 if created.created else 200)

        @routes.get("")
        @self.authenticated
        async def chats(me: Identity) -> Response:
            page = await conversations.list(
                me, limit=request.args.get("limit"), cursor=request.args.get("cursor")
            )
            return answer(page)

        @routes.get("/<conversation_id>")
        @self.authenticated
        async def conversation(me: Identity, conversation_id: str) -> Response:
            return answer(await conversations.get(me, conversation_id))

        @routes.patch("/<conversation_id>")
        @self.authenticated
        async def rename(me: Identity, conversation_id: str) -> Response:
            title = (await body_as(_Title)).title
            return answer(await conversations.rename(me, conversation_id, title))

        @routes.put("/<conversation_id>/members/<user_id>")
        @self.authenticated
        async def set_member(me: Identity, conversation_id: str, user_id: str) -> Response:
            content = await body_as(_Member) if await request.get_data() else _Member()
            return answer(
                await conversations.set_member(me, conversation_id, user_id, content.role)
            )

        @routes.delete("/<conversation_id>/members/<user_id>")
        @self.authenticated
        async def remove_member(me: Identity, conversation_id: str, user_id: str) -> Response:
            await conversations.remove_member(me, conversation_id, user_id)
            return nothing()

        return routes

    def messages(self) -> Blueprint:
        """Messages, history and statuses (§4, §5)."""
        routes = Blueprint("messages", __name__, url_prefix="/v1.0")
        messages = self._service.messages
        receipts = self._service.receipts

        @routes.post("/conversations/<conversation_id>/messages")
        @self.authenticated
        async def send(me: Identity, conversation_id: str) -> Response:
            content = await body_as_json()
            if not isinstance(content, dict):
                raise errors.pointed(errors.InvalidRequest, "", "Expected an object.")
            sent = await messages.send(
                me,
                SendRequest(
                    conversation_id=conversation_id,
                    client_message_id=inputs.check_id(
                        content.get("client_message_id"), "/client_message_id"
                    ),
                    body=content.get("body"),
                    relates_to=content.get("relates_to"),
                    expires_in_s=content.get("expires_in_s"),
                ),
            )
            return answer(sent, 200 if sent.duplicate else 201)

        @routes.get("/conversations/<conversation_id>/messages")
        @self.authenticated
        async def history(me: Identity, conversation_id: str) -> Response:
            page = await messages.page(
                me,
                conversation_id,
                limit=request.args.get("limit"),
                before=request.args.get("before"),
                after=request.args.get("after"),
            )
            return answer(page)

        @routes.get("/messages/<message_id>")
        @self.authenticated
        async def message(me: Identity, message_id: str) -> Response:
            return answer(await messages.message(me, message_id))

        @routes.get("/messages/<message_id>/status")
        @self.authenticated
        async def status(me: Identity, message_id: str) -> Response:
            return answer(await receipts.status_of(me, message_id))

        return routes

    def chat(self) -> Blueprint:
        """The realtime channel where it did not come through the fast lane, and without an upgrade."""
        routes = Blueprint("chat", __name__)

        @routes.get(handshake.CHAT_PATH)
        async def no_upgrade() -> Response:
            await handshake.admit(
                self._service,
                request.headers.get("Authorization"),
                (),
                request.args.get("encoding"),
            )
            raise errors.UpgradeRequired

        @routes.websocket(handshake.CHAT_PATH)
        async def upgraded() -> Response | None:
            offered = websocket.requested_subprotocols
            try:
                admission = await handshake.admit(
                    self._service,
                    websocket.headers.get("Authorization"),
                    offered,
                    websocket.args.get("encoding"),
                )
            except ApiError as error:
                # Hypercorn cannot serve a further request on a connection that asked for an upgrade.
                return refusal(error, {"Connection": "close"})
            await websocket.accept(subprotocol=handshake.select(offered))
            session = Session(self._service, *admission)
            await session.run(QuartChannel(session.subscriber))
            return None

        return routes


class QuartChannel:
    """A `session.Channel` on the current Quart WebSocket. Hypercorn does the pings and sees the pongs."""

    def __init__(self, subscriber: Subscriber) -> None:
        subscriber.heard = math.inf

    async def receive(self) -> list[str | bytes] | None:
        """The next message; Quart cancels the session when there will be none."""
        message = await websocket.receive()
        return [b"" if message is None else message]  # Quart's word for an empty binary message

    async def send(self, batch: list[Item]) -> None:
        """Write frames one after the other."""
        for item in batch:
            if isinstance(item, Outgoing):
                text = item.opcode is Opcode.TEXT
                await websocket.send(item.payload.decode() if text else item.payload)

    async def close(self, closing: Closing) -> None:
        """Write a close frame."""
        if closing.code is not None:
            await websocket.close(closing.code, closing.reason)


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


_BY_STATUS: dict[int, type[ApiError]] = {
    400: errors.Malformed,
    404: errors.NotFound,
    405: errors.MethodNotAllowed,
    413: errors.MessageTooLarge,
}


def make_app(service: Service, metrics_token: str | None = None) -> QuartTrio:
    """The HTTP application over a service; `metrics_token` protects the operator's figures."""
    app = QuartTrio(__name__, static_folder=None)
    app.config["BODY_TIMEOUT"] = BODY_TIMEOUT_S
    app.asgi_http_class = bodies.Connection
    app.config["MAX_CONTENT_LENGTH"] = service.kernel.limits.max_frame_bytes
    app.url_map.strict_slashes = True
    app.url_map.merge_slashes = False
    routes = Routes(service)
    for blueprint in (
        routes.operation(),
        routes.accounts(),
        routes.conversations(),
        routes.messages(),
        routes.chat(),
        metrics.blueprint(service.kernel.metrics, metrics_token),
        assets(service, routes.authenticated),
        uploads(service, routes.authenticated),
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
                await routes.me()  # the token is asked for before the method is looked at
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
