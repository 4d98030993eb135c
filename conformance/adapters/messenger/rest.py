"""The HTTP half: one request, its record, and what kind of answer came.

A session has one client of `httpx` with one pool of connections, and nothing of the environment in
it: no proxies, no cookies, no redirects followed. Requests and answers become raw events. A connection
idle for longer than `KEEP_ALIVE` seconds is not used again, so that a server which closes idle ones
after a few seconds (as it may) never meets a request that was just written.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Mapping
from hashlib import sha256
from http.cookiejar import CookieJar, DefaultCookiePolicy
from urllib.parse import quote, urlencode

import httpx
import msgspec
from msgspec import Struct

from ...patience import Patience
from ..base import Impatient, Json, Malformed, Refusal, TargetTrouble, Unanswered
from .jsontext import NotJson, parse
from .notebook import Notebook

KEEP_ALIVE = 2.0
SCENARIO_HEADER = "X-Msgcheck-Scenario"
PROBLEM = "application/problem+json"
_FILES = ("image/", "audio/", "video/", "application/octet-stream", "application/pdf")

# Its one line per request would drown a run's own output.
logging.getLogger("httpx").setLevel(logging.WARNING)


class Answer(Struct, frozen=True, kw_only=True):
    """An HTTP answer; `asked`, `event` are positions in the history.

    `body` is decoded JSON, else text, and of files only ``{size, sha256}``; `content` is what came.
    """

    status: int
    headers: dict[str, str]
    body: Json
    content: bytes
    asked: int
    event: int

    @property
    def lower_headers(self) -> dict[str, str]:
        """The headers by their names in lower case."""
        return {name.lower(): value for name, value in self.headers.items()}

    @property
    def media_type(self) -> str:
        """The content type, lower case, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


class FileSent(Struct, frozen=True):
    """A file as a request's body, and what the record tells of it."""

    stream: httpx.AsyncByteStream
    told: str


def new_client(tls: ssl.SSLContext, patience: Patience, scenario: str) -> httpx.AsyncClient:
    """A client for one session, independent of the environment."""
    return httpx.AsyncClient(
        verify=tls,
        trust_env=False,
        timeout=patience.seconds,
        limits=httpx.Limits(keepalive_expiry=KEEP_ALIVE),
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        headers={SCENARIO_HEADER: header_safe(scenario), "Accept": "application/json"},
    )


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


class Rest:
    """The HTTP requests of one session."""

    def __init__(self, base: str, client: httpx.AsyncClient, notebook: Notebook) -> None:
        self._base = httpx.URL(base)
        self._prefix = self._base.raw_path.rstrip(b"/")
        self._client = client
        self._notebook = notebook
        self.restarts = 0
        """Counts up whenever the server goes down or comes back by our doing; odd while it is down."""

    def below(self, path: str) -> str:
        """A path that the server told, as one below the target's address."""
        return path.removeprefix(self._prefix.decode())

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
        response = await self._roundtrip(method, path, sent, content, file)
        body = _decoded(response)
        event = self._notebook.wire(
            lane,
            "in",
            "response",
            _label(method, path, response.status_code, body),
            {
                "request": asked,
                "status": response.status_code,
                "content_type": response.headers.get("content-type"),
                "body": body,
            },
            hidden=hidden,
        )
        return Answer(
            status=response.status_code,
            headers=dict(response.headers.items()),
            body=body,
            content=response.content,
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
    ) -> httpx.Response:
        """The request on the network, with what can go wrong there in the adapter's words."""
        what = f"{method} {path}"
        restarts = self.restarts
        # The URL class tidies dots and escapes up; the target extension goes out as it is.
        target = {"target": self._prefix + _ascii(path)}
        request = self._client.build_request(
            method, self._base, headers=dict(headers), content=content, extensions=target
        )
        if file is not None:
            request.stream = file.stream
        try:
            return await self._client.send(request)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            if restarts % 2 or restarts != self.restarts:
                raise Unanswered(f"{what}: the server was down") from error
            raise TargetTrouble(
                f"{self._base} could not be connected to for {what} ({reason_of(error)}), although "
                "it answered when the run began. Is it still running?"
            ) from error
        except httpx.TimeoutException as error:
            seconds = self._client.timeout.read
            raise Impatient(f"no answer to {what} within {seconds:g} s") from error
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise Unanswered(f"no answer to {what}: {reason_of(error)}") from error


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


def _decoded(response: httpx.Response) -> Json:
    if not response.content:
        return None
    if response.headers.get("content-type", "").lower().startswith(_FILES):
        return {
            "size": len(response.content),
            "sha256": sha256(response.content).hexdigest(),
        }
    try:
        return parse(response.content)
    except NotJson:
        return response.text


def _ascii(path: str) -> bytes:
    return quote(path, safe="".join(map(chr, range(0x21, 0x7F)))).encode()


def _label(method: str, path: str, status: int, body: Json) -> str:
    code = body.get("code") if isinstance(body, dict) and status >= 400 else None
    told = f" {code}" if isinstance(code, str) else ""
    return f"{method} {path.partition('?')[0]} → {status}{told}"
