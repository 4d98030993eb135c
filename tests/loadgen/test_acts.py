"""What users do beside sending texts, and what of it is counted as wrong."""

from __future__ import annotations

import pytest

from loadgen.acts import Acts, Due
from loadgen.client import Entry, Sent
from loadgen.crew import Crew
from loadgen.schedule import Load, Mix

from .crews import Answers, Written, pair

MEDIA = Load(rate=1, warmup=0, duration=1, mix=Mix(media=1))


@pytest.fixture
def scene() -> tuple[Crew, Written, Written]:
    """Alice and Bob, who share files."""
    return pair(MEDIA, asset_bytes=1000)


def host(crew: Crew) -> Answers:
    """What the crew runs on."""
    assert isinstance(crew.host, Answers)
    return crew.host


def test_a_file_goes_up_before_its_message_and_comes_down_as_it_was(
    scene: tuple[Crew, Written, Written],
) -> None:
    """Upload, message, download: three hops, and the bytes compared."""
    crew, alice, bob = scene
    acts, answers = Acts(crew), host(crew).answers
    answers["/v1.0/assets"] = {"asset_id": "a1"}
    acts.let("media", Due(alice, 0, 0, 0, measured=True))
    (sent,) = alice.frames
    assert sent["body"] == {"kind": "media", "asset_id": "a1"}
    (content,) = host(crew).posted
    assert len(content) == 1000
    answers["/v1.0/assets/a1"] = content
    crew.saw_file(bob, "a1", 0)
    samples, counts = crew.accounting.samples, crew.accounting.counts
    assert len(samples.corrected["media_upload"]) == len(samples.corrected["media_download"]) == 1
    assert (counts.planned, counts.failed, counts.asset_mismatch) == (1, 0, 0)


@pytest.mark.parametrize("content", [b"", b"other"])
def test_other_bytes_than_were_uploaded_are_a_mismatch(
    content: bytes, scene: tuple[Crew, Written, Written]
) -> None:
    """And so is a message with a file that nobody uploaded."""
    crew, alice, bob = scene
    acts, answers = Acts(crew), host(crew).answers
    answers |= {"/v1.0/assets": {"asset_id": "a1"}, "/v1.0/assets/a1": content}
    acts.let("media", Due(alice, 0, 0, 0, measured=True))
    crew.saw_file(bob, "a1", 0)
    assert crew.accounting.counts.asset_mismatch == 1
    crew.saw_file(bob, "a2", 0)
    assert crew.accounting.counts.asset_mismatch == 2


def test_a_refused_upload_sends_no_message(scene: tuple[Crew, Written, Written]) -> None:
    """It is one error, and nothing is waited for."""
    crew, alice, _ = scene
    Acts(crew).let("media", Due(alice, 0, 0, 0, measured=True))
    assert alice.frames == []
    assert (crew.accounting.counts.failed, crew.accounting.in_flight) == (1, 0)


def test_the_history_must_have_what_was_said(scene: tuple[Crew, Written, Written]) -> None:
    """A text by its number, a file by its asset; members that the server adds do no harm."""
    crew, _alice, _bob = scene
    crew.bodies[1] = '{"kind":"media","asset_id":"a1"}'
    assert crew.is_body(0, {"kind": "text", "text": crew.text(0)})
    assert not crew.is_body(0, {"kind": "text", "text": crew.text(1)})
    assert crew.is_body(1, {"kind": "media", "asset_id": "a1", "caption": None})
    assert not crew.is_body(1, {"kind": "media", "asset_id": "a2"})
    assert not crew.is_body(1, None)


def test_a_page_of_history_is_judged_by_its_seqs(scene: tuple[Crew, Written, Written]) -> None:
    """Somebody who reads is served an entry too few in the middle."""
    crew, alice, _ = scene
    acts, path = Acts(crew), "/v1.0/conversations/c/messages"
    host(crew).answers[path] = {"items": [{"seq": 1}, {"seq": 2}], "before": None}
    acts.let("history", Due(alice, 0, 0, 0, measured=True))
    assert crew.accounting.counts.history_mismatch == 0
    host(crew).answers[path] = {"items": [{"seq": 1}, {"seq": 3}], "before": None}
    acts.let("history", Due(alice, 1, 0, 0, measured=True))
    assert crew.accounting.counts.history_mismatch == 1
    assert len(crew.accounting.samples.corrected["history_page"]) == 2


def test_what_is_due_while_one_is_away_leaves_when_one_is_back(
    scene: tuple[Crew, Written, Written],
) -> None:
    """And its answer ends the waiting, whoever gives it."""
    crew, alice, bob = scene
    alice.live = False
    Acts(crew).let("text", Due(alice, 0, 0, 0, measured=True))
    assert alice.frames == []
    assert list(alice.device.unanswered) == [0]
    crew.accounting.sent(alice.device, Sent("run-0", "c", 1), 10)
    assert not alice.device.unanswered
    crew.accounting.came(bob.device, Entry("c", 1, alice.device.user_id, "run-0"), 20)
    assert list(crew.accounting.samples.corrected["send_to_delivered"]) == [20]
