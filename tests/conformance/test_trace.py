"""What of a run goes into the record: enough to see what happened, bounded, without secrets."""

from typing import Any, Literal

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from conformance.answers import answer_to, carrying
from conformance.findings import Finding
from conformance.history import Entry, History, Received, Wire
from conformance.language.step import Step
from conformance.trace import CONTENT, LABEL, LONGEST, MASK, TRACE, excerpt, shortened, trace

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=200,
)


def lived(number: int) -> History:
    """A history of so many frames."""
    history = History()
    for n in range(number):
        history.add(
            Wire(
                lane="bob.main",
                direction="in",
                kind="frame",
                label=f"message #{n}",
                content={"n": n},
            )
        )
    return history


def blaming(*events: int, until: int = 10_000) -> Finding:
    """A checker's finding."""
    return Finding(
        kind="checker", requirements=("ORD-1",), message="wrong", events=events, until=until
    )


def test_a_short_run_is_kept_whole() -> None:
    """Every event with what it carried; the guilty ones marked."""
    kept = trace([blaming(3)], lived(20))
    assert [entry.n for entry in kept.entries] == list(range(20))
    assert [entry.n for entry in kept.entries if entry.guilty] == [3]
    assert kept.entries[7].content == {"n": 7}
    assert kept.left_out == 0


def test_of_a_long_run_what_is_near_the_findings_is_kept() -> None:
    """Around each of them alike, with the number of events left out."""
    kept = trace([blaming(500), blaming(2000)], lived(5000))
    numbers = [entry.n for entry in kept.entries]
    assert len(numbers) == TRACE
    assert kept.left_out == 5000 - TRACE
    for guilty in (500, 2000):
        assert set(range(guilty - 20, guilty + 20)) <= set(numbers)
    assert numbers == sorted(numbers)


def test_every_event_of_an_excerpt_is_in_the_trace() -> None:
    """By its number, however many findings there are."""
    history = lived(3000)
    findings = [blaming(n) for n in range(0, 3000, 50)]
    kept = {entry.n for entry in trace(findings, history).entries}
    for finding in findings:
        shown = excerpt(finding, history)
        assert len(shown) <= LONGEST
        assert {entry.n for entry in shown} <= kept


def test_a_checkers_finding_marks_the_frame_behind_what_it_blames() -> None:
    """It speaks of meanings; the reader sees frames."""
    history = lived(1)
    entry = Entry(conversation_id="c", seq=1, message_id="m")
    position = history.add(Received(conn=1, entry=entry, raw=0))
    assert [each.guilty for each in excerpt(blaming(position), history)] == [True]


def test_the_engines_own_traffic_is_not_shown() -> None:
    """Barriers would only be in the way."""
    history = lived(1)
    history.add(Wire(lane="bob.main", direction="out", kind="frame", label="ping", hidden=True))
    assert [entry.label for entry in trace([blaming(0)], history).entries] == ["message #0"]


def test_a_line_is_bounded_whatever_a_server_sends() -> None:
    """Its label comes from a frame."""
    history = History()
    history.add(Wire(lane="bob.main", direction="in", kind="frame", label="x" * 100_000))
    assert len(trace([blaming(0)], history).entries[0].label) == LABEL


@given(json_values)
def test_a_content_is_bounded_json_whatever_a_server_sends(value: Any) -> None:
    """And what is short stays as it is."""
    made = msgspec.json.encode(shortened(value))
    assert len(made) <= CONTENT
    assert shortened({"n": 1, "text": "hi"}) == {"n": 1, "text": "hi"}


def test_a_long_content_says_what_is_missing() -> None:
    """So that nobody takes a part for the whole."""
    assert shortened({"text": "x" * 5000})["text"].endswith("… (4600 more characters)")
    assert shortened(list(range(1000)))[-1] == "… 960 more"
    deep: Any = 1
    for _ in range(5000):
        deep = [deep]
    assert "…" in msgspec.json.encode(shortened(deep)).decode()


def test_secrets_stay_out_of_the_record() -> None:
    """A report is passed on; tokens and passwords are nobody's business."""
    content = {
        "headers": {"Authorization": "Bearer abc.d-1", "Sec-WebSocket-Protocol": "messenger.v1, bearer.abc"},
        "body": {"password": "hunter22", "token": "abc", "user_id": "bob"},
    }  # fmt: skip
    assert shortened(content) == {
        "headers": {
            "Authorization": f"Bearer {MASK}",
            "Sec-WebSocket-Protocol": f"messenger.v1, bearer.{MASK}",
        },
        "body": {"password": MASK, "token": MASK, "user_id": "bob"},
    }


def calls(*told: str) -> History:
    """A history of requests and answers, each ``LANE request`` or ``LANE response``."""
    history = History()
    for each in told:
        lane, kind = each.split()
        way: Literal["in", "out"] = "out" if kind == "request" else "in"
        history.add(Wire(lane=lane, direction=way, kind=kind, label="GET /"))
    return history


def test_a_step_is_judged_by_the_last_answer_of_its_actor() -> None:
    """Whatever others are told meanwhile."""
    history = calls(
        *("alice.main request", "bob.main request", "alice.main response"),
        *("alice.main request", "alice.main response", "bob.main response"),
    )
    assert answer_to(Step(as_="alice"), history) == (4,)
    assert answer_to(Step(as_="bob.main"), history) == (5,)
    assert answer_to(Step(on="alice"), history) == ()
    assert answer_to(Step(as_="carol"), history) == ()


def test_where_an_actor_does_several_things_at_once_no_answer_is_blamed() -> None:
    """Rather than the wrong one."""
    history = calls(
        *("alice.main request", "alice.main request", "alice.main response", "alice.main response")
    )
    assert answer_to(Step(as_="alice"), history) == ()


def test_a_saved_frame_is_found_where_it_came() -> None:
    """By its content; a part of it is found nowhere."""
    history = lived(5)
    assert carrying({"n": 3}, history) == (3,)
    assert carrying(3, history) == ()
