"""What no answer and no frame may be, whatever was asked."""

from typing import Any

import pytest

from conformance.adapters.messenger.manners import check
from conformance.history import History, Wire


def judged(kind: str, content: dict[str, Any]) -> list[str]:
    """The requirements that one incoming event breaks."""
    history = History()
    history.add(
        Wire(
            lane="alice",
            conn=1,
            direction="in",
            kind=kind,
            label=kind,
            content=content,
            hidden=False,
        )
    )
    return [violation.requirement for violation in check(history)]


def refusal(**members: object) -> dict[str, Any]:
    """A `failed` frame for too much."""
    error = {"code": "rate_limited", "detail": "Too much.", "retryable": True, **members}
    return {"type": "failed", "id": "1", "client_message_id": "1", "error": error}


def test_a_refusal_with_a_time_to_wait_is_right() -> None:
    """LIM-1, in a frame and over HTTP."""
    assert judged("frame", refusal(retry_after_ms=250)) == []
    answer = {"status": 429, "body": {"code": "rate_limited", "retry_after_ms": 0}, "request": 0}
    assert judged("response", answer) == []


@pytest.mark.parametrize("members", [{}, {"retry_after_ms": "250"}, {"retry_after_ms": True}])
def test_a_refusal_without_a_time_to_wait_breaks_lim_1(members: dict[str, object]) -> None:
    """Whatever scenario ran into it."""
    assert judged("frame", refusal(**members)) == ["LIM-1"]
    body = {"code": "rate_limited", **members}
    assert judged("response", {"status": 429, "body": body, "request": 0}) == ["LIM-1"]
