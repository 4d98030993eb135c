"""Faults in what is refused, how that looks, and in limits (SEC-4, ERR, LIM)."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from msgspec.structs import replace

from ..core import errors, inputs
from ..service import conversations, media, messages
from ..service.accounts import Accounts
from ..service.rates import Exceeded
from ..storage.base import Queries
from ..transport import conversations as transport_conversations
from ..transport import decoding, exchange, frames, gate, http, problems, session
from .seams import Genuine, Seams, fault


@fault("SEC-4")
def nesting_has_no_end(seams: Seams) -> None:
    """JSON may be nested as deep as one likes."""
    seams.value(decoding, "MAX_DEPTH", 100_000)


@fault("SEC-4", "ERR-1")
def wrong_types_are_errors_of_the_server(seams: Seams) -> None:
    """A number where a text belongs is answered with an internal error."""

    def convert(genuine: Genuine, value: Any, shape: Any) -> Any:
        try:
            return genuine(value, shape)
        except errors.InvalidRequest as wrong:
            raise TypeError(wrong.detail) from None

    for module in (gate, transport_conversations):
        seams.instead(module, "convert")(convert)


@fault("SEC-4")
def texts_have_no_end(seams: Seams) -> None:
    """A text may be longer than the server says that it takes."""

    @seams.instead(inputs, "message_body")
    def body(genuine: Genuine, value: Any, limits: Any) -> Any:
        return genuine(value, replace(limits, max_text_length=10**6))


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
        silent = replace(frame.error, retry_after_ms=msgspec.UNSET)
        return replace(frame, error=silent)


@fault("LIM-2")
def nobody_knows_where_the_time_went(seams: Seams) -> None:
    """HTTP answers do not say where the server spent its time."""

    @seams.instead(exchange.Exchange, "headers")
    def headers(genuine: Genuine, asked: exchange.Exchange) -> dict[str, str]:
        told: dict[str, str] = genuine(asked)
        return {name: value for name, value in told.items() if name != "Server-Timing"}


@fault("SEC-4")
def json_may_be_anything(seams: Seams) -> None:
    """Numbers that are none and half characters are taken in JSON."""

    @seams.instead(gate, "decode_json")
    def decode(_genuine: Genuine, data: bytes) -> Any:
        try:
            return json.loads(data)
        except ValueError:
            raise errors.Malformed from None


@fault("SEC-4", "ERR-1")
def odd_addresses_are_errors_of_the_server(seams: Seams) -> None:
    """An id in an address that no client would write is answered with an internal error."""

    def look_up(genuine: Genuine, queries: Queries, identity: str, who: Any) -> Any:
        if not inputs.is_id(identity):
            raise LookupError(identity)
        return genuine(queries, identity, who)

    for module, name in (
        (media, "to_read_asset"),
        (conversations, "to_see"),
        (messages, "to_see"),
        (messages, "to_see_entry"),
    ):
        seams.instead(module, name)(look_up)


@fault("SEC-4", "ERR-1")
def names_have_no_end(seams: Seams) -> None:
    """Titles and names may be empty, or as long as one likes."""

    @seams.instead(inputs, "check_name")
    def check(_genuine: Genuine, value: str, _pointer: str) -> str:
        return value


@fault("ERR-1")
def one_device_too_many_pushes_out_the_oldest(seams: Seams) -> None:
    """Who logs in with one device more than allowed loses the oldest one without a word."""

    @seams.instead(Accounts, "_login")
    def login(genuine: Genuine, use: Accounts, user_id: str, device: Any, commands: Any) -> Any:
        try:
            return genuine(use, user_id, device, commands)
        except errors.TooManyDevices:
            commands.remove_device(user_id, commands.devices(user_id)[0].device_id)
            return genuine(use, user_id, device, commands)


@fault("ERR-1")
def wrong_methods_are_not_found(seams: Seams) -> None:
    """A method that a path does not know is answered as if the path did not exist."""
    seams.value(http, "_BY_STATUS", {**http._BY_STATUS, 405: errors.NotFound})


@fault("ERR-1", "STA-6")
def wrong_bodies_are_invalid_requests(seams: Seams) -> None:
    """A wrong body of a message is refused with the code for everything else."""

    @seams.instead(inputs, "message_body")
    def body(genuine: Genuine, *what: Any) -> Any:
        try:
            return genuine(*what)
        except errors.InvalidBody as wrong:
            raise errors.InvalidRequest(wrong.detail, errors=wrong.errors) from None


@fault("LIM-2")
def repeats_have_no_timing(seams: Seams) -> None:
    """The `sent` of a repeated message does not say where the time went."""

    @seams.instead(frames, "sent")
    def sent(genuine: Genuine, *what: Any, **how: Any) -> Any:
        frame = genuine(*what, **how)
        return replace(frame, timing=msgspec.UNSET) if frame.duplicate else frame
