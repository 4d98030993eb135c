"""Whatever is thrown at the HTTP routes is refused with its code, and never with a 5xx (SEC-1, SEC-4)."""

from __future__ import annotations

import httpx
import pytest

from reference_server.core.limits import Limits
from reference_server.service import Service

from ...people import Person, direct
from ..raw import Wire
from .asking import ask, good, pointers, problem

MAX_BODY = 5_000


@pytest.fixture
def limits() -> Limits:
    """Small bodies."""
    return Limits(max_frame_bytes=MAX_BODY)


CALLS = [
    ("DELETE", "/v1.0/sessions/current"),
    ("GET", "/v1.0/users/alice"),
    ("PATCH", "/v1.0/users/me"),
    ("GET", "/v1.0/devices"),
    ("DELETE", "/v1.0/devices/phone"),
    ("POST", "/v1.0/conversations"),
    ("GET", "/v1.0/conversations"),
    ("GET", "/v1.0/conversations/c"),
    ("PATCH", "/v1.0/conversations/c"),
    ("PUT", "/v1.0/conversations/c/members/alice"),
    ("DELETE", "/v1.0/conversations/c/members/alice"),
    ("POST", "/v1.0/conversations/c/messages"),
    ("GET", "/v1.0/conversations/c/messages"),
    ("GET", "/v1.0/messages/c.1"),
    ("GET", "/v1.0/messages/c.1/status"),
    ("PUT", "/v1.0/keys"),
    ("POST", "/v1.0/keys/one-time"),
    ("POST", "/v1.0/keys/claim"),
    ("GET", "/v1.0/users/alice/devices"),
    ("GET", "/v1.0/chat"),
]
BODIES = [call for call in CALLS if call[0] in ("POST", "PATCH", "PUT")] + [
    ("POST", "/v1.0/users"),
    ("POST", "/v1.0/sessions"),
]
NO_JSON = [
    b" ",
    b"{",
    b"nonsense",
    b'{"a": NaN}',
    b'{"a": "\\ud800"}',
    b'{"a": "\xff"}',
    b"\xff\xfe{\x00}\x00",
    b"[" * 33 + b"]" * 33,
    b"[" * 2_000,
    b"\xef\xbb\xbf{}",
    b"{} {}",
]
ids = " ".join


# tokens


@pytest.mark.parametrize("call", CALLS, ids=ids)
async def test_a_call_without_a_good_token_is_401(
    call: tuple[str, str], client: httpx.AsyncClient, alice: Person
) -> None:
    """Before everything else: the body, the query, the method, the thing asked for."""
    method, path = call
    for headers in (
        {},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": f"Basic {alice.token}"},
        {"Authorization": alice.token},
        {"Authorization": "Bearer " + "x" * 5_000},
    ):
        answer = await ask(
            client,
            None,
            method,
            f"{path}?limit=x&encoding=x&access_token={alice.token}",
            headers=headers,
            content=b"{nonsense",
        )
        problem(answer, 401, "unauthorized")
        assert answer.headers["www-authenticate"] == "Bearer"
    problem(await ask(client, None, "TRACE", path), 401, "unauthorized")


UNKNOWN_PATHS = [
    "/",
    "/v1.0",
    "/v1.0/",
    "/v1.0/nothing",
    "/v2.0/users",
    "/v1.0/devices/",
    "/v1.0/conversations/",
    "/v1.0/conversations/c/",
    "/v1.0//devices",
    "/v1.0/devices//",
    "/v1.0/users/a/b",
    "/v1.0/users/a%2Fb",
    "/v1.0/conversations/c/members",
    "/v1.0/messages",
    "/V1.0/devices",
    "/healthz/",
    "/static/x",
    "/v1.0/./devices",
    "/v1.0/users/../../devices",
    "/v1.0/%2e%2e/devices",
    "/v1.0/%00",
    "/" + "x" * 10_000,
]


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_an_unknown_path_is_404_with_and_without_a_token(
    method: str, wire: Wire, alice: Person
) -> None:
    """§1; on a raw connection, because clients tidy paths up."""
    for path in UNKNOWN_PATHS:
        for headers in ("", f"Authorization: Bearer {alice.token}\r\n"):
            head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n{headers}\r\n{{}}"
            await wire.sends(head.encode())
            answer = await wire.answer()
            assert (path, answer.status, answer.problem["code"]) == (path, 404, "not_found")


WEIRD_USERS = [
    "/v1.0/users/%FF",
    "/v1.0/users/%ED%A0%80",
    "/v1.0/users/%00",
    "/v1.0/users/%",
    "/v1.0/users/%zz",
    "/v1.0/users/%F0%9F%98%80",
    "/v1.0/users/" + "x" * 5_000,
    "/v1.0/users/..",
    "/v1.0/users/%2e%2e",
    "/v1.0/users/me",
    "/v1.0/users/a%20b",
    "/v1.0/users/alice;x=1",
]


async def test_a_weird_user_id_is_nobodys(wire: Wire, alice: Person) -> None:
    """Not what is no UTF-8, no path segment, or much too long."""
    for path in WEIRD_USERS:
        head = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {alice.token}\r\n\r\n"
        await wire.sends(head.encode())
        answer = await wire.answer()
        assert (path, answer.status) == (path, 404)
        assert answer.problem["code"] in ("unknown_user", "not_found")


# methods


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/v1.0/devices", {"GET", "HEAD", "OPTIONS"}),
        ("/v1.0/sessions/current", {"DELETE", "OPTIONS"}),
        ("/v1.0/conversations", {"GET", "HEAD", "POST", "OPTIONS"}),
        ("/v1.0/users/me", {"GET", "HEAD", "PATCH", "OPTIONS"}),
        ("/v1.0/conversations/c/members/bob", {"PUT", "DELETE", "OPTIONS"}),
    ],
)
async def test_a_wrong_method_is_405_and_names_the_right_ones(
    path: str, allowed: set[str], client: httpx.AsyncClient, alice: Person
) -> None:
    """RFC 9110, 15.5.6."""
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "PROPFIND"} - allowed:
        answer = await ask(client, alice, method, path)
        problem(answer, 405, "method_not_allowed")
        assert set(answer.headers["allow"].replace(" ", "").split(",")) == allowed


async def test_head_and_options_are_sane(client: httpx.AsyncClient, alice: Person) -> None:
    """HEAD as GET without a body; OPTIONS names the methods."""
    for method, path in [*CALLS[1:], *BODIES, ("GET", "/healthz")]:
        got = await ask(client, alice, "GET", path)
        head = await ask(client, alice, "HEAD", path)
        assert (path, head.status_code, head.content) == (path, got.status_code, b"")
        options = await ask(client, alice, "OPTIONS", path)
        assert options.status_code in (200, 204)
        assert method in options.headers["allow"]


# bodies


@pytest.mark.parametrize("call", BODIES, ids=ids)
async def test_a_body_that_is_no_json_is_malformed(
    call: tuple[str, str], client: httpx.AsyncClient, alice: Person
) -> None:
    """400, whatever the content type says."""
    method, path = call
    for content in NO_JSON:
        for content_type in ("application/json", "multipart/form-data"):
            headers = {"Content-Type": content_type}
            answer = await ask(client, alice, method, path, content=content, headers=headers)
            problem(answer, 400, "malformed")


@pytest.mark.parametrize("call", BODIES, ids=ids)
async def test_no_body_is_no_json_either(
    call: tuple[str, str], client: httpx.AsyncClient, alice: Person
) -> None:
    """Only a PUT of a member may come without one."""
    answer = await ask(client, alice, *call)
    if "members" in call[1]:
        problem(answer, 404, "unknown_conversation")
    else:
        problem(answer, 400, "malformed")


@pytest.mark.parametrize("call", BODIES, ids=ids)
async def test_a_body_that_is_no_object_is_pointed_at(
    call: tuple[str, str], client: httpx.AsyncClient, alice: Person
) -> None:
    """422, and the pointer is that of the whole."""
    for content in (b"[]", b"[{}]", b"5", b'"x"', b"true", b"null"):
        answer = await ask(client, alice, *call, content=content)
        assert pointers(problem(answer, 422, "invalid_request")) == [""]


START, END = b'{"display_name": "Al", "x": "', b'"}'
FULL = START + b"x" * (MAX_BODY - len(START) - len(END)) + END


async def test_a_body_may_be_as_large_as_the_limit_and_no_larger(
    client: httpx.AsyncClient, alice: Person
) -> None:
    """413 beyond, by a byte or by far."""
    good(await ask(client, alice, "PATCH", "/v1.0/users/me", content=FULL))
    for content in (FULL + b" ", FULL * 100):
        answer = await ask(client, alice, "PATCH", "/v1.0/users/me", content=content)
        problem(answer, 413, "message_too_large")


@pytest.mark.parametrize(("content", "status"), [(FULL, 200), (FULL + b" ", 413)])
async def test_a_body_in_pieces_is_measured_as_well(
    content: bytes, status: int, wire: Wire, alice: Person
) -> None:
    """Chunked, so that its size is not known before its end."""
    chunks = [content[at : at + 999] for at in range(0, len(content), 999)]
    await wire.sends(
        b"PATCH /v1.0/users/me HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
        + f"Authorization: Bearer {alice.token}\r\n\r\n".encode()
        + b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
        + b"0\r\n\r\n"
    )
    assert (await wire.answer()).status == status


async def test_a_body_is_refused_for_its_announced_size_unread(wire: Wire, alice: Person) -> None:
    """The answer comes although not a byte of the body does."""
    await wire.sends(
        b"PATCH /v1.0/users/me HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n"
        + f"Authorization: Bearer {alice.token}\r\n\r\n".encode()
    )
    answer = await wire.answer()
    assert (answer.status, answer.problem["code"]) == (413, "message_too_large")


async def test_a_body_without_end_is_refused_before_its_end(wire: Wire, alice: Person) -> None:
    """Chunked, and never finished."""
    await wire.sends(
        b"PATCH /v1.0/users/me HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
        + f"Authorization: Bearer {alice.token}\r\n\r\n".encode()
        + b"400\r\n"
        + b"x" * 0x400
        + b"\r\n"
    )
    for _ in range(10):
        await wire.sends(b"400\r\n" + b"x" * 0x400 + b"\r\n")
    answer = await wire.answer()
    assert (answer.status, answer.problem["code"]) == (413, "message_too_large")


# numbers, names, queries


@pytest.mark.parametrize(
    "number", ["0", "-0", "1e308", "-1e308", "1e-400", "9" * 400, "1.0", "18446744073709551616"]
)
async def test_any_json_number_is_taken_where_it_does_not_matter(
    number: str, client: httpx.AsyncClient, service: Service, alice: Person, bob: Person
) -> None:
    """In an unknown member, also of what is compared for idempotency."""
    chat = await direct(service, alice, bob)
    body = f'{{"client_message_id": "m", "body": {{"kind": "text", "text": "x", "n": {number}}}}}'
    path = f"/v1.0/conversations/{chat}/messages"
    first = await ask(client, alice, "POST", path, content=body.encode())
    again = await ask(client, alice, "POST", path, content=body.encode())
    assert (first.status_code, again.status_code) == (201, 200), first.text


async def test_texts_may_hold_anything_that_json_can(
    client: httpx.AsyncClient, service: Service, alice: Person, bob: Person
) -> None:
    """NUL, astral characters, noncharacters, line separators: as they were sent."""
    chat = await direct(service, alice, bob)
    wild = '\x00\x7f\u2028\ufffe\ufeff😀\U0010ffff"\\/'
    path = f"/v1.0/conversations/{chat}/messages"
    body = {"client_message_id": "m", "body": {"kind": "text", "text": wild}}
    sent = good(await ask(client, alice, "POST", path, body), 201)
    (item,) = good(await ask(client, bob, "GET", path))["items"]
    assert item["body"]["text"] == sent["message"]["body"]["text"] == wild
    renamed = await ask(client, alice, "PATCH", "/v1.0/users/me", {"display_name": wild})
    assert good(renamed)["display_name"] == wild


async def test_a_repeated_query_parameter_counts_once(
    client: httpx.AsyncClient, alice: Person
) -> None:
    """The first; unknown ones are ignored."""
    path = "/v1.0/conversations"
    good(await ask(client, alice, "GET", f"{path}?limit=1&limit=x&unknown=1&&=&limit"))
    problem(await ask(client, alice, "GET", f"{path}?limit=x&limit=1"), 400, "invalid_limit")
    problem(await ask(client, alice, "GET", f"{path}?limit=%FF"), 400, "invalid_limit")
