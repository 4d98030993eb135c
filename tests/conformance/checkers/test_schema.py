"""The `schema` checker: what is not as published breaks ERR-1, and nothing else does."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.checkers import schema
from conformance.checkers.base import Violation
from conformance.history import History, Wire

PROBLEM = "application/problem+json"
JSON = "application/json"
AT = "2026-11-22T10:00:00.123Z"
USER = {"user_id": "bob", "display_name": "Bob", "created_at": AT}
ENTRY = {
    "message_id": "m1",
    "conversation_id": "c1",
    "seq": 1,
    "sender_id": "bob",
    "created_at": AT,
}
TEXT = {**ENTRY, "body": {"kind": "text", "text": "hello"}}
DELETE = {"relation": "delete", "message_id": "m0"}
CONVERSATION = {
    "conversation_id": "c1",
    "kind": "direct",
    "encrypted": False,
    "created_at": AT,
    "head_seq": 0,
    "member_count": 2,
    "unread_count": 0,
}


def problem(status: int, code: str, **extra: Any) -> dict[str, Any]:
    """A problem document."""
    return {
        "type": "about:blank",
        "title": "No",
        "status": status,
        "detail": "No",
        "code": code,
    } | extra


def answered(
    line: str, status: int, body: Any = None, content_type: str | None = None
) -> list[Violation]:
    """What is wrong with an answer to a request line."""
    history = History()
    method, path = line.split()
    asked = history.add(
        Wire(
            lane="alice",
            direction="out",
            kind="request",
            label=line,
            content={"method": method, "path": path, "headers": {}, "body": None},
        )
    )
    content = {"request": asked, "status": status, "content_type": content_type, "body": body}
    history.add(
        Wire(
            lane="alice",
            direction="in",
            kind="response",
            label=f"{line} → {status}",
            content=content,
        )
    )
    return list(schema.check(history))


def received(*frames: Any) -> list[Violation]:
    """What is wrong with frames from the server."""
    history = History()
    for frame in frames:
        history.add(Wire(lane="bob", direction="in", kind="frame", label="frame", content=frame))
    return list(schema.check(history))


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "message", "message": TEXT},
        {"type": "message", "message": {**TEXT, "sender_id": None, "novelty": [1]}, "more": {}},
        {"type": "message", "message": {**ENTRY, "body": {"kind": "hologram", "depth": 3}}},
        {"type": "message", "message": {**TEXT, "reactions": {"👍": 2}, "relates_to": None}},
        {"type": "message", "message": {**ENTRY, "relates_to": DELETE}},
        {"type": "conversation", "conversation": CONVERSATION},
        {"type": "conversation", "conversation": {**CONVERSATION, "members": None, "title": None}},
        {"type": "replay_complete", "count": 0},
        {"type": "error", "error": {"code": "invalid_request", "detail": ""}},
        {"type": "error", "id": None, "error": {"code": "invalid_request", "detail": ""}},
        {"type": "novelty", "message": 5},
        {"type": "pong", "id": "p", "server_time": AT, "load": 0.1},
    ],
)
def test_a_frame_as_published_breaks_nothing(frame: Any) -> None:
    """Unknown members, types and kinds are a server's own; what is null may be left out."""
    assert received(frame) == []


@pytest.mark.parametrize(
    ("frame", "told"),
    [
        ({"type": "message", "message": {**TEXT, "seq": 0}}, "at /message/seq: "),
        (
            {"type": "message", "message": {**TEXT, "created_at": "today"}},
            "at /message/created_at: ",
        ),
        (
            {"type": "message", "message": {**TEXT, "edited_at": 5}},
            "at /message/edited_at: 5 is not of",
        ),
        (
            {"type": "message", "message": {**ENTRY, "body": {"kind": "text"}}},
            '"text" is a required',
        ),
        (
            {
                "type": "message",
                "message": {**ENTRY, "body": {"kind": "system", "event": "joined"}},
            },
            '"user_id" is a required',
        ),
        ({"type": "message"}, '"message" is a required'),
        ({"type": "message", "message": ENTRY}, '"body" is a required'),
        ({"type": "error", "error": {"code": "oops", "detail": ""}}, "at /error/code: "),
        ({"type": "pong", "id": "..", "server_time": AT}, "at /id: "),
        (
            {
                "type": "status",
                "conversation_id": "c",
                "user_id": "bob",
                "status": "read",
                "at": AT,
            },
            '"up_to_seq" is a required',
        ),
    ],
)
def test_a_frame_of_another_shape_breaks_err_1(frame: Any, told: str) -> None:
    """With the place and what was expected there."""
    (violation,) = received(frame)
    assert violation.requirement == "ERR-1"
    assert violation.events == (0,)
    assert told in violation.message


def test_many_frames_of_one_wrong_shape_are_one_finding() -> None:
    """A page to read, not ten thousand lines."""
    (violation,) = received(*[{"type": "pong"}] * 5)
    assert "(4 more like it.)" in violation.message


def test_a_frame_beyond_all_depth_is_a_finding_and_no_crash() -> None:
    """The library has an end of its own."""
    deep: list[Any] = []
    for _ in range(500):
        deep = [deep]
    (violation,) = received({"type": "pong", "id": deep, "server_time": AT})
    assert "nested at most 32 deep" in violation.message


@pytest.mark.parametrize(
    ("line", "status", "body", "content_type"),
    [
        ("GET /v1.0/users/bob", 200, USER, JSON),
        ("GET /v1.0/users/bob", 200, {**USER, "novelty": 1}, "Application/JSON; charset=utf-8"),
        ("GET /v1.0/users/bob?novelty=1", 404, problem(404, "unknown_user"), PROBLEM),
        ("GET /v1.0/conversations", 200, {}, JSON),
        ("DELETE /v1.0/devices/phone", 204, None, None),
        ("GET /healthz", 200, "fine", "text/plain"),
        ("POST /v1.0/users", 429, problem(429, "rate_limited", retry_after_ms=5), PROBLEM),
        ("GET /v1.0/novelty", 200, [1], JSON),
        ("GET /v1.0/novelty", 404, problem(404, "not_found"), PROBLEM),
        ("PURGE /v1.0/users/bob", 405, problem(405, "method_not_allowed"), PROBLEM),
        ("PUT /v1.0/blocks/bob", 404, problem(404, "not_found"), PROBLEM),
        ("GET /v1.0/users/%00", 400, "<h1>Bad Request</h1>", "text/html"),
        ("GET /v1.0/users/%00", 422, problem(422, "invalid_request"), PROBLEM),
        ("GET /v1.0/users/bob", 431, "", None),
        ("GET /v1.0/users/bob", 502, "", None),
        ("HEAD /v1.0/users/bob", 404, None, PROBLEM),
        ("GET /v1.0/assets/a1", 206, "half", "video/mp4"),
        ("DELETE /v1.0/uploads/u1", 204, None, None),
    ],
)
def test_an_answer_as_published_breaks_nothing(
    line: str, status: int, body: Any, content_type: str | None
) -> None:
    """Nor do paths that are a server's own, absent capabilities, and what the HTTP layer refuses."""
    assert answered(line, status, body, content_type) == []


@pytest.mark.parametrize(
    ("line", "status", "body", "content_type", "told"),
    [
        ("GET /v1.0/users/bob", 200, {"user_id": "bob"}, JSON, '"created_at" is a required'),
        (
            "GET /v1.0/users/bob",
            200,
            USER,
            "text/plain",
            "the content type text/plain; published is",
        ),
        ("GET /v1.0/users/bob", 200, USER, None, "the content type (none)"),
        (
            "GET /v1.0/users/bob",
            201,
            USER,
            JSON,
            "a status that GET /v1.0/users/{user_id} does not",
        ),
        ("GET /v1.0/users/bob", 404, problem(404, "unknown_message"), PROBLEM, "at /code: "),
        ("GET /v1.0/users/bob", 404, problem(403, "unknown_user"), PROBLEM, "at /status: "),
        ("GET /v1.0/users/bob", 404, problem(404, "unknown_user"), JSON, "the content type"),
        ("GET /v1.0/users/bob", 400, "", "text/html", "a status that"),
        ("GET /v1.0/novelty", 404, problem(404, "oops"), PROBLEM, "at /code: "),
        ("GET /v1.0/novelty", 404, problem(404, "unauthorized"), PROBLEM, "comes with status 401"),
        ("GET /v1.0/novelty", 404, "", "text/html", "an error is application/problem+json"),
    ],
)
def test_an_answer_of_another_shape_breaks_err_1(
    line: str, status: int, body: Any, content_type: str | None, told: str
) -> None:
    """Its status, content type, body and code are judged; the request is shown beside it."""
    (violation,) = answered(line, status, body, content_type)
    assert violation.requirement == "ERR-1"
    assert violation.events == (0, 1)
    assert told in violation.message
