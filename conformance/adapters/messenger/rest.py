"""The HTTP half: one request, its record, and what kind of answer came.

Requests and answers become raw events; how they travel is `http11`'s. Every request names its scenario.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Protocol
from urllib.parse import quote, urlencode, urljoin, urlsplit

import msgspec
from msgspec import Struct

from ..base import Impatient, Json, Malformed, Refusal, TargetTrouble, Unanswered
from .http11 import HttpTrouble, NotConnected, Reply, TimedOut, target_of
from .jsontext import NotJson, parse
from .notebook import Notebook

SCENARIO_HEADER = "X-Msgcheck-Scenario"
PROBLEM = "application/problem+json"
_FILES = ("image/", "audio/", "video/", "application/octet-stream", "application/pdf")
_BODIED = frozenset({"POST", "PUT", "PATCH"})
"""Methods whose requests say it when they have no body (RFC 9110 §8.6)."""


class Answer(Struct, frozen=True, kw_only=True):
    """An HTTP answer; `asked`, `event` are positions in the history; headers by names in lower case.

    `body` is decoded JSON, else text, and of files only ``{size, sha256}``; `content` is what came.
    `location`, a reference of any form (RFC 9110 §10.2.2), is told as a path below the target.
    """

    status: int
    headers: dict[str, str]
    body: Json
    content: bytes
    asked: int
    event: int

    @property
    def media_type(self) -> str:
        """The content type, lower case, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


class FileSent(Struct, frozen=True):
    """A file as a request's body, and what the record tells of it."""

    pieces: Iterable[bytes]
    told: str


def header_safe(text: str) -> str:
    """`text` as a header value: what is not printable ASCII is percent-encoded."""
    return quote(text, safe=" !#$&'()*+,/:;=?@[]-._~")


def path_of(*parts: str, query: Mapping[str, Json] | None = None) -> str:
    """A path below ``/v1.0`` from unescaped parts; members of `query` that are None are left out."""
    path = "/v1.0/" + "/".join(quote(part, safe="") for part in parts)
    asked = {name: _as_text(value) for name, value in (query or {}).items() if value is not None}
    return f"{path}?{urlencode(asked)}" if asked else path


def _as_text(value: Json) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


class Http(Protocol):
    """What carries requests; see `http11.HttpConnections.ask`."""

    async def ask(
        self, method: str, target: bytes, headers: Mapping[str, str], body: Iterable[bytes] = ()
    ) -> Reply: ...


class Rest:
    """The HTTP requests of one session, to a target whose base address is `base`."""

    def __init__(self, base: str, http: Http, notebook: Notebook, scenario: str) -> None:
        self._base = base
        self._prefix = urlsplit(base).path.rstrip("/")
        self._http = http
        self._notebook = notebook
        self._standing = {SCENARIO_HEADER: header_safe(scenario)}
        self.restarts = 0
        """Counts up whenever the server goes down or comes back by our doing; odd while it is down."""

    def _resolved(self, asked: str, headers: dict[str, str]) -> dict[str, str]:
        """The headers of an answer to a request for the path `asked`, with `location` as a path of ours.

        Which host an absolute one names is not looked at: behind a proxy, few servers know their own.
        """
        if "location" not in headers:
            return headers
        found = urlsplit(urljoin(self._base + asked, headers["location"]))
        path = found.path.removeprefix(self._prefix) + (f"?{found.query}" if found.query else "")
        return headers | {"location": path}

    async def call(
        self,
        lane: str,
        method: str,
        path: str,
        *,
        token: str | None,
        body: Json = None,
        headers: Mapping[str, str] | None = None,
        hidden: bool = False,
    ) -> Answer:
        """One request of a verb's. Raises `Refusal` for an error status, and all other troubles."""
        sent = dict(headers or {})
        content: bytes | None = None
        if body is not None:
            content = msgspec.json.encode(body)
            sent["Content-Type"] = "application/json"
        answer = await self.exchange(
            lane,
            method,
            path,
            token=token,
            content=content,
            headers=sent,
            shown=body,
            hidden=hidden,
        )
        if answer.status >= 400:
            raise refusal_of(answer.status, answer.media_type, answer.body)
        if answer.status >= 300:
            raise Malformed(
                f"{method} {path} was answered with status {answer.status}, "
                "which the Messenger API does not have for it"
            )
        return answer

    async def exchange(
        self,
        lane: str,
        method: str,
        path: str,
        *,
        token: str | None,
        headers: Mapping[str, str],
        content: bytes | None = None,
        file: FileSent | None = None,
        shown: Json = None,
        hidden: bool = False,
    ) -> Answer:
        """One request and whatever answer it gets; `shown` is its body for the record.

        What a `file` raises while it is sent passes through, and the connection is closed.
        """
        sent = dict(headers)
        if token is not None and not any(name.lower() == "authorization" for name in sent):
            sent["Authorization"] = f"Bearer {token}"
        asked = self._notebook.wire(
            lane,
            "out",
            "request",
            f"{method} {path}",
            {"method": method, "path": path, "headers": sent, "body": shown}
            | ({} if file is None else {"file": file.told}),
            hidden=hidden,
        )
        reply = await self._roundtrip(method, path, sent, content, file)
        body = _decoded(reply)
        event = self._notebook.wire(
            lane,
            "in",
            "response",
            _label(method, path, reply.status, body),
            {
                "request": asked,
                "status": reply.status,
                "content_type": reply.headers.get("content-type"),
                "body": body,
            },
            hidden=hidden,
        )
        return Answer(
            status=reply.status,
            headers=self._resolved(path, reply.headers),
            body=body,
            content=reply.content,
            asked=asked,
            event=event,
        )

    async def _roundtrip(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        content: bytes | None,
        file: FileSent | None,
    ) -> Reply:
        """The request on the network, with what can go wrong there in the adapter's words."""
        what = f"{method} {path}"
        restarts = self.restarts
        if file is not None:
            body = file.pieces
        else:
            body = () if content is None else (content,)
            headers = _with_length(method, headers, content)
        try:
            target = target_of(self._prefix + path)
            return await self._http.ask(method, target, self._standing | dict(headers), body)
        except NotConnected as error:
            if restarts % 2 or restarts != self.restarts:
                raise Unanswered(f"{what}: the server was down") from error
            raise TargetTrouble(
                f"{self._base} could not be connected to for {what} ({reason_of(error)}), although "
                "it answered when the run began. Is it still running?"
            ) from error
        except TimedOut as error:
            raise Impatient(f"no answer to {what} within {error.seconds:g} s") from error
        except HttpTrouble as error:
            raise Unanswered(f"no answer to {what}: {reason_of(error)}") from error


def _with_length(
    method: str, headers: Mapping[str, str], content: bytes | None
) -> Mapping[str, str]:
    """The headers, and how long the body is if they do not say it."""
    if content is None and method not in _BODIED:
        return headers
    if any(name.lower() in ("content-length", "transfer-encoding") for name in headers):
        return headers
    return {**headers, "Content-Length": str(len(content or b""))}


def refusal_of(status: int, media_type: str, body: Json) -> Refusal:
    """An error answer as a `Refusal`, with what is wrong about its form (RFC 9457, api.md §1)."""
    members = dict(body) if isinstance(body, dict) else {}
    code = members.get("code")
    flaw = None
    if media_type != PROBLEM:
        flaw = f"its content type is {media_type or 'missing'}, not {PROBLEM}"
    elif not isinstance(code, str):
        flaw = "it has no `code`"
    if flaw is not None:
        code = None
    return Refusal(code, status, {**members, "code": code, "status": status}, flaw=flaw)


def reason_of(error: BaseException) -> str:
    """What a network error comes down to: the system's own word for it, if there is one."""
    cause: BaseException | None = error
    found: str | None = None
    while cause is not None:
        if isinstance(cause, BaseExceptionGroup):
            cause = cause.exceptions[0]
        if isinstance(cause, OSError) and cause.strerror:
            found = cause.strerror
        cause = cause.__cause__ or cause.__context__
    return found or str(error) or type(error).__name__


def _decoded(reply: Reply) -> Json:
    if not reply.content:
        return None
    if reply.headers.get("content-type", "").lower().startswith(_FILES):
        return {"size": len(reply.content), "sha256": sha256(reply.content).hexdigest()}
    try:
        return parse(reply.content)
    except NotJson:
        return reply.content.decode(errors="replace")


def _label(method: str, path: str, status: int, body: Json) -> str:
    code = body.get("code") if isinstance(body, dict) and status >= 400 else None
    told = f" {code}" if isinstance(code, str) else ""
    return f"{method} {path.partition('?')[0]} → {status}{told}"
