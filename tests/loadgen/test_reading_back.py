"""The last check: what the history has against what was sent."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from loadgen.accounting import Accounting, Talk
from loadgen.reading_back import read_back

SENT = 7
BASE = 2


def entry(seq: int, number: int) -> dict[str, Any]:
    """A message as the history has it."""
    body = {"kind": "text", "text": f"text {number}"}
    return {"seq": seq, "client_message_id": f"run-{number}", "body": body}


def right() -> list[dict[str, Any]]:
    """Two entries from before, and the seven of the load."""
    before = [entry(seq, 100 + seq) for seq in (1, 2)]
    return before + [entry(BASE + 1 + number, number) for number in range(SENT)]


def said(number: int, body: Any) -> bool:
    """Whether a body is that of a message."""
    return bool(body == entry(0, number)["body"])


def mismatches(history: list[dict[str, Any]], page: int = 3) -> int:
    """What is found when this is the history, in pages of three."""
    talk, books = Talk("c", head=BASE, users=2), Accounting("run")
    for number in range(SENT):
        talk.keep(BASE + 1 + number, number)

    def ask(path: str) -> Any:
        (cursor,) = parse_qs(urlsplit(path).query).get("before", [str(len(history))])
        end = int(cursor)
        begin = max(0, end - page)
        return {"items": history[begin:end], "before": str(begin) if begin else None}

    return read_back(talk, books, said, ask).mismatches


def test_a_right_history_has_no_mismatch() -> None:
    """Whatever the size of its pages."""
    assert [mismatches(right(), page) for page in (1, 2, 3, 50)] == [0] * 4


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda history: history.pop(4), 1),
        (lambda history: history.pop(), 1),
        (lambda history: history.pop(BASE), 1),
        (lambda history: history[5].update(body={"kind": "text", "text": "other"}), 1),
        (lambda history: history[5].update(body={"kind": "deleted"}), 1),
        (lambda history: history[5].update(client_message_id="run-99"), 1),
        (lambda history: history.append(entry(10, 3)), 1),
        (lambda history: history.__delitem__(slice(BASE, None)), SENT),
    ],
    ids=["gap", "newest", "oldest", "text", "deleted", "identity", "twice", "everything"],
)
def test_what_is_wrong_is_found(change: Any, found: int) -> None:
    """Missing, changed or doubled entries."""
    history = right()
    change(history)
    assert mismatches(history) >= found


def test_a_message_of_unknown_outcome_may_be_there() -> None:
    """Its answer was lost; both must be accepted."""
    assert mismatches([*right(), entry(BASE + 1 + SENT, 50)]) == 0
