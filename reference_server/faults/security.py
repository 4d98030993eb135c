"""Faults in who may do what, in how refusals look, and in limits (SEC, ERR, LIM)."""

from __future__ import annotations

import time
from typing import Any

import msgspec

from ..core import errors, inputs
from ..core.model import Identity, place_of
from ..service import messages
from ..service.accounts import Accounts, LoginRequest
from ..service.rates import Exceeded
from ..service.tokens import TokenCache
from ..service.uploads import Uploads
from ..storage.base import Queries
from ..storage.sqlite import SqliteCommands
from ..storage.sqlite_queries import SqliteQueries
from ..transport import decoding, exchange, frames, http, problems, session
from ..transport.http import Routes
from .seams import Genuine, Seams, fault


@fault("SEC-1")
def profiles_need_no_token(seams: Seams) -> None:
    """Anybody can look up users without being one."""

    @seams.instead(Routes, "authenticated")
    def authenticated(genuine: Genuine, routes: Routes, route: Any) -> Any:
        if route.__name__ != "profile":
            return genuine(routes, route)

        async def open_to_all(**arguments: Any) -> Any:
            return await route(None, **arguments)

        open_to_all.__name__ = route.__name__
        return open_to_all


@fault("SEC-1")
def tokens_may_be_spelled_otherwise(seams: Seams) -> None:
    """A token with something appended to it works as well."""

    @seams.instead(Accounts, "identify")
    async def identify(genuine: Genuine, use: Accounts, token: str) -> Any:
        return await genuine(use, token[:43])


@fault("SEC-2", "CONV-5")
def messages_are_open_to_who_knows_the_id(seams: Seams) -> None:
    """Whoever knows the id of a message can read it."""

    @seams.instead(messages, "to_see_entry")
    def to_see(genuine: Genuine, queries: Queries, message_id: str, user_id: str) -> Any:
        place = place_of(message_id)
        entry = None if place is None else queries.entry(*place)
        return entry or genuine(queries, message_id, user_id)


@fault("SEC-2", "AST-5")
def uploads_are_everybodys(seams: Seams) -> None:
    """Somebody else's upload can be looked at, gone on with and thrown away."""

    @seams.instead(Uploads, "_own")
    async def own(genuine: Genuine, use: Uploads, me: Identity, upload_id: str) -> Any:
        row = await use._kernel.ask(lambda queries: queries.upload(upload_id))
        owner = me.user_id if row is None else row.owner_id
        return await genuine(use, msgspec.structs.replace(me, user_id=owner), upload_id)


@fault("SEC-2")
def keys_of_others_are_known(seams: Seams) -> None:
    """Two users who happen on the same `Idempotency-Key` get in each other's way."""

    @seams.instead(SqliteQueries, "idempotency_key")
    def look_up(genuine: Genuine, queries: SqliteQueries, user_id: str, key: str) -> Any:
        row = queries._one("SELECT user_id FROM idempotency_keys WHERE key = ?", key)
        return genuine(queries, row[0] if row else user_id, key)


@fault("SEC-3")
def unknown_users_are_told(seams: Seams) -> None:
    """Who logs in learns whether a user exists."""

    @seams.instead(Accounts, "login")
    async def login(genuine: Genuine, use: Accounts, request: LoginRequest) -> Any:
        if await use._kernel.ask(lambda queries: queries.user(request.user_id)) is None:
            raise errors.BadCredentials("There is no such user.")
        return await genuine(use, request)


@fault("SEC-4")
def nesting_has_no_end(seams: Seams) -> None:
    """JSON may be nested as deep as one likes."""
    seams.value(decoding, "MAX_DEPTH", 100_000)


@fault("SEC-4", "ERR-1")
def wrong_types_are_errors_of_the_server(seams: Seams) -> None:
    """A number where a text belongs is answered with an internal error."""

    @seams.instead(http, "convert")
    def convert(genuine: Genuine, value: Any, shape: Any) -> Any:
        try:
            return genuine(value, shape)
        except errors.InvalidRequest as wrong:
            raise TypeError(wrong.detail) from None


@fault("SEC-4")
def texts_have_no_end(seams: Seams) -> None:
    """A text may be longer than the server says that it takes."""

    @seams.instead(inputs, "message_body")
    def body(genuine: Genuine, value: Any, limits: Any) -> Any:
        return genuine(value, msgspec.structs.replace(limits, max_text_length=10**6))


@fault("SEC-5", "RT-1")
def tokens_live_on_for_a_second(seams: Seams) -> None:
    """After logging out, the old token works for another second."""
    ended: dict[bytes, tuple[Identity, float]] = {}

    @seams.instead(TokenCache, "forget")
    def forget(genuine: Genuine, cache: TokenCache, user_id: str, device_id: str) -> None:
        digest = cache._digests.get((user_id, device_id))
        if digest is not None:
            ended[digest] = cache._identities[digest], time.monotonic() + 1
        genuine(cache, user_id, device_id)

    @seams.instead(TokenCache, "get")
    def get(genuine: Genuine, cache: TokenCache, digest: bytes) -> Any:
        if digest in ended and ended[digest][1] > time.monotonic():
            return ended[digest][0]
        return genuine(cache, digest)


@fault("SEC-5")
def removed_devices_keep_their_token(seams: Seams) -> None:
    """The token of a device that was removed still reads the history."""

    @seams.instead(SqliteCommands, "remove_device")
    def remove(_genuine: Genuine, commands: SqliteCommands, user_id: str, device_id: str) -> None:
        commands._do("DELETE FROM devices WHERE user_id = ? AND device_id = ?", user_id, device_id)


@fault("ERR-1")
def unknown_paths_have_a_page(seams: Seams) -> None:
    """A path that does not exist is answered with a page for people."""

    @seams.instead(http, "refusal")
    def refusal(genuine: Genuine, error: Any, *rest: Any) -> Any:
        response = genuine(error, *rest)
        if error.code == "not_found":
            response.set_data(b"<h1>Not Found</h1>")
            response.content_type = "text/html"
        return response


@fault("ERR-1")
def refusals_have_no_code(seams: Seams) -> None:
    """A refusal of what one may not do says so in words alone."""

    @seams.instead(problems, "problem")
    def problem(genuine: Genuine, error: Any) -> Any:
        document = msgspec.json.decode(genuine(error))
        if error.status in (403, 409):
            del document["code"]
        return msgspec.json.encode(document)


@fault("ERR-1")
def the_servers_time_is_in_seconds(seams: Seams) -> None:
    """The server's own time, in `welcome` and `pong`, is a number of seconds in a text."""

    @seams.instead(session, "rfc3339")
    def seconds(_genuine: Genuine, milliseconds: int) -> str:
        return str(milliseconds // 1000)


@fault("ERR-1")
def pointers_point_nowhere(seams: Seams) -> None:
    """What is wrong in a request is told without the place."""

    @seams.instead(problems, "problem")
    def problem(genuine: Genuine, error: Any) -> Any:
        document = msgspec.json.decode(genuine(error))
        document.pop("errors", None)
        return msgspec.json.encode(document)


@fault("LIM-1")
def waiting_is_not_enough(seams: Seams) -> None:
    """Who was refused for sending too much and waits as long as told is refused again."""

    @seams.instead(Exceeded, "__init__")
    def exceeded(genuine: Genuine, error: Exceeded, allowance: Any) -> None:
        genuine(error, allowance)
        error.retry_after_ms = 1
        error.extra["retry_after_ms"] = 1


@fault("LIM-1")
def the_excess_is_not_told_how_long(seams: Seams) -> None:
    """Who sends too much is refused, and not told how long to wait."""

    @seams.instead(frames, "failed")
    def failed(genuine: Genuine, *what: Any) -> Any:
        frame = genuine(*what)
        silent = msgspec.structs.replace(frame.error, retry_after_ms=msgspec.UNSET)
        return msgspec.structs.replace(frame, error=silent)


@fault("LIM-2")
def nobody_knows_where_the_time_went(seams: Seams) -> None:
    """HTTP answers do not say where the server spent its time."""

    @seams.instead(exchange.Exchange, "headers")
    def headers(genuine: Genuine, asked: exchange.Exchange) -> dict[str, str]:
        told: dict[str, str] = genuine(asked)
        return {name: value for name, value in told.items() if name != "Server-Timing"}
