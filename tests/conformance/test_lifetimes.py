"""`in_time`: a slow host is nobody's fault."""

from __future__ import annotations

import pytest

from conformance.findings import ScenarioFault, TooLate
from conformance.history import History, Sending
from conformance.lifetimes import check_in_time

MESSAGE = {"client_message_id": "m", "message_id": "1"}


class Clock:
    """Shows what it is set to."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def sent(history: History, expires_in_s: int | None) -> None:
    """Alice sends `MESSAGE`."""
    history.add(
        Sending(
            op=1,
            conn=1,
            user_id="alice",
            device_id="phone",
            conversation_id="chat",
            client_message_id="m",
            body={"kind": "text", "text": "quick!"},
            expires_in_s=expires_in_s,
        )
    )


@pytest.mark.parametrize(
    ("passed", "late"), [(0.0, False), (2.999, False), (3.0, True), (60, True)]
)
def test_a_lifetime_counts_from_before_the_message_left(passed: float, *, late: bool) -> None:
    """What was told before it is over was in time at the target, whose lifetime begins later."""
    clock = Clock()
    history = History(clock)
    clock.seconds += 7
    sent(history, 3)
    clock.seconds += passed
    if late:
        with pytest.raises(TooLate, match="lives for 3 s"):
            check_in_time(MESSAGE, history)
    else:
        check_in_time(MESSAGE, history)


@pytest.mark.parametrize("message", [MESSAGE, {"client_message_id": "other"}, {}, "m", None])
def test_what_does_not_expire_is_the_scenarios_fault(message: object) -> None:
    """Another thing than a message sent with a lifetime has no time to be in."""
    history = History(Clock())
    sent(history, None)
    with pytest.raises(ScenarioFault, match="expires_in_s"):
        check_in_time(message, history)
