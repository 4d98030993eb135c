"""Answers of a server that does not keep to the API: named, and never taken for the generator's failure."""

from __future__ import annotations

from typing import Any

import pytest

from loadgen.acts import Acts, Due
from loadgen.answers import Created, Page, Session, understood
from loadgen.host import GiveUp
from loadgen.schedule import Load, Mix

from .crews import Answers, pair


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        ({"tokne": "t"}, Session, "missing required field `token`"),
        (
            {"conversation_id": "c", "head_seq": "3"},
            Created,
            r"`int`, got `str` - at `\$.head_seq`",
        ),
        ({"items": None}, Page, r"at `\$.items`"),
        ([], Page, "got `array`"),
    ],
)
def test_an_answer_of_another_shape_is_refused(answer: Any, kind: type, words: str) -> None:
    """It says which call it was, and where in the answer."""
    with pytest.raises(GiveUp, match=f"the answer to POST /x is not what the API says: .*{words}"):
        understood(answer, kind, "POST /x")


def test_more_than_is_read_may_be_in_an_answer() -> None:
    """Servers may add members."""
    page = {"items": [{"seq": 1, "message_id": "m"}], "before": None, "has_older": False, "x": 1}
    assert understood(page, Page, "GET").items[0].seq == 1


@pytest.mark.parametrize("act", ["history", "media"])
def test_a_call_with_a_malformed_answer_is_an_error_with_its_cause(act: Any) -> None:
    """It is counted at once, not waited for until the end."""
    crew, alice, _ = pair(Load(rate=1, warmup=0, duration=1, mix=Mix(**{act: 1})))
    host = crew.host
    assert isinstance(host, Answers)
    host.answers = {"/v1.0/conversations/c/messages": {}, "/v1.0/assets": {}}
    Acts(crew).let(act, Due(alice, 0, 0, 0, measured=True))
    books = crew.accounting
    assert (books.counts.failed, books.in_flight) == (1, 0)
    assert books.causes.take() == {"malformed answer": 1}
