"""What is taken back on the target when a run is over."""

from __future__ import annotations

from typing import Any

import pytest

from loadgen.cleaning import Cleaning
from loadgen.host import GiveUp
from loadgen.population import Talk as PlannedTalk
from loadgen.schedule import Load
from loadgen.wire import Cleaned

from .crews import Answers, Written, pair

LOAD = Load(rate=1, warmup=0, duration=1)
HISTORY = "/v1.0/conversations/c/messages"


def entry(seq: int, sender: str, identity: str | None) -> dict[str, Any]:
    """An entry of the history."""
    return {"seq": seq, "sender_id": sender, "message_id": f"m{seq}", "client_message_id": identity}


def conversation(kind: Any = "direct") -> tuple[Answers, Cleaning, tuple[Written, Written]]:
    """Alice and Bob; in their history stands what they said in the run, before it, and in other ways."""
    crew, alice, bob = pair(LOAD, prefill=1)
    (meeting,) = crew.meetings
    assert meeting.talk is not None
    meeting.planned = PlannedTalk(kind, meeting.planned.members)
    meeting.talk.base = 3
    host = crew.host
    assert isinstance(host, Answers)
    one, two = alice.device.user_id, bob.device.user_id
    said = [
        entry(1, one, "run-of-another-day"), entry(2, two, "holiday"), entry(3, one, "run-past-0"),
        entry(4, one, "run-0"), entry(5, two, "hello"), entry(6, two, "run-1"), entry(7, "system", None),
    ]  # fmt: skip
    host.answers = {
        HISTORY: {"items": said, "before": None},
        "/v1.0/devices/load-0": None,
        **{f"/v1.0/conversations/c/members/{user}": None for user in (one, two)},
    }
    return host, Cleaning(crew), (alice, bob)


def test_messages_of_the_run_are_deleted_by_who_sent_them_and_devices_are_removed() -> None:
    """What was there before, and what somebody said in between, stays."""
    host, cleaning, (alice, bob) = conversation()
    assert cleaning.clean() == Cleaned(messages=3, groups=0, devices=2, refused={})
    targets = [posted["relates_to"] for posted in host.posted]
    assert targets == [{"relation": "delete", "message_id": f"m{seq}"} for seq in (6, 4, 3)]
    assert host.deleted == [("/v1.0/devices/load-0", line.token) for line in (alice, bob)]


def test_groups_are_left_by_everybody() -> None:
    """Each member leaves by itself, before its device goes."""
    host, cleaning, lines = conversation("group")
    assert cleaning.clean().groups == 1
    left = [(f"/v1.0/conversations/c/members/{each.token}", each.token) for each in lines]
    assert host.deleted[:2] == left


def test_what_is_refused_is_told_by_cause_and_the_rest_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A server without `relations` deletes no messages."""
    host, cleaning, _ = conversation()

    def refuse(*_: Any) -> Any:
        raise GiveUp("refused", "no relations here", "422 invalid_request")

    monkeypatch.setattr(host, "post", refuse)
    assert cleaning.clean() == Cleaned(0, 0, 2, {"422 invalid_request": 3})


def test_a_target_that_is_gone_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing further is tried."""
    host, cleaning, _ = conversation("group")
    asked: list[str] = []

    def nobody(path: str, token: str) -> Any:
        asked.append(path)
        raise GiveUp("unreachable", "nobody there", "no answer over HTTP")

    monkeypatch.setattr(host, "get", nobody)
    assert cleaning.clean() == Cleaned(0, 0, 0, {"no answer over HTTP": 1})
    assert len(asked) == 1
