"""What a run met of the published contract, read off its raw events."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from conformance.adapters.messenger.encounters import met
from conformance.history import History, Wire
from reports.model import Met


class Traffic:
    """A history to write on."""

    def __init__(self) -> None:
        self.history = History()

    def wire(
        self, direction: Literal["out", "in"], kind: str, content: Any, *, hidden: bool = False
    ) -> int:
        """Something on the wire."""
        return self.history.add(
            Wire(
                lane="alice",
                direction=direction,
                kind=kind,
                label=kind,
                content=content,
                hidden=hidden,
            )
        )

    def answer(
        self, method: str, path: str, status: int, body: Any = None, *, hidden: bool = False
    ) -> None:
        """A request with its answer."""
        asked = self.wire("out", "request", {"method": method, "path": path}, hidden=hidden)
        told = {"request": asked, "status": status, "content_type": None, "body": body}
        self.wire("in", "response", told, hidden=hidden)


@pytest.fixture
def traffic() -> Traffic:
    """Nothing has happened yet."""
    return Traffic()


def test_an_answer_is_known_by_its_operation_and_status(traffic: Traffic) -> None:
    """Whatever the ids and queries in the path, and the fixed path before the one with a parameter."""
    traffic.answer("GET", "/v1.0/conversations/c-1/messages?limit=3", 200, {"items": []})
    traffic.answer("GET", "/v1.0/conversations/c-2/messages", 200, {"items": []})
    traffic.answer("PATCH", "/v1.0/users/me", 422, {"code": "invalid_request"})
    assert met(traffic.history, 0) == Met(
        answers=[
            "GET /v1.0/conversations/{conversation_id}/messages 200",
            "PATCH /v1.0/users/me 422",
        ],
        error_codes=["invalid_request"],
    )


def test_a_request_without_an_answer_meets_nothing(traffic: Traffic) -> None:
    """The connection broke before it."""
    traffic.wire("out", "request", {"method": "GET", "path": "/v1.0/devices"})
    assert met(traffic.history, 0) == Met()


def test_the_upgrade_is_an_answer_and_so_is_its_refusal(traffic: Traffic) -> None:
    """Neither is a request of the HTTP client's."""
    traffic.wire("in", "open", None)
    traffic.wire("in", "refused", {"code": "unauthorized", "status": 401})
    found = met(traffic.history, 0)
    assert found.answers == ["GET /v1.0/chat 101", "GET /v1.0/chat 401"]
    assert found.error_codes == ["unauthorized"]


def test_frames_are_known_by_who_wrote_them(traffic: Traffic) -> None:
    """`typing` goes both ways."""
    traffic.wire("out", "frame", {"type": "typing"})
    traffic.wire("in", "frame", {"type": "typing"})
    traffic.wire("in", "frame", {"type": "error", "error": {"code": "out_of_range"}})
    traffic.wire("out", "frame", {"type": "send", "error": {"code": "blocked"}})
    found = met(traffic.history, 0)
    assert found.frames == ["client send", "client typing", "server error", "server typing"]
    assert found.error_codes == ["out_of_range"]


def test_a_close_counts_with_its_code_and_a_cut_has_none(traffic: Traffic) -> None:
    """1006 is no code that a server can send."""
    for code in (4409, 1006, 1000):
        traffic.wire("in", "close", {"code": code})
    assert met(traffic.history, 0).close_codes == [1000, 4409]


def test_the_set_up_and_what_is_hidden_are_left_out(traffic: Traffic) -> None:
    """They are in every scenario, and say nothing of any."""
    traffic.answer("POST", "/v1.0/users", 201, {})
    since = len(traffic.history)
    traffic.answer("POST", "/v1.0/sessions", 201, {}, hidden=True)
    traffic.wire("in", "frame", {"type": "pong"}, hidden=True)
    assert met(traffic.history, since) == Met()


@pytest.mark.parametrize("content", [None, [1, 2], "text", {"type": 7}, {"error": "no"}])
def test_what_is_no_frame_meets_nothing(traffic: Traffic, content: object) -> None:
    """A server may send anything."""
    traffic.wire("in", "frame", content)
    assert met(traffic.history, 0) == Met()


def test_a_path_that_the_contract_does_not_have_is_not_counted(traffic: Traffic) -> None:
    """Its refusal's code is."""
    traffic.answer("GET", "/v1.0/teapots", 404, {"code": "not_found"})
    traffic.answer("GET", "/v1.0/devices", 200, {"code": "not_found"})
    found = met(traffic.history, 0)
    assert found.answers == ["GET /v1.0/devices 200"]
    assert found.error_codes == ["not_found"]
