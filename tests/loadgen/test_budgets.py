"""Budget files: what they say, and what is said about wrong ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from conformance.positions import read
from conformance.problems import BadInput
from conformance.resources import BUDGET_SCHEMA, BUDGETS, SPECS
from loadgen import schema
from loadgen.budgets import find, load_budget, per_second, seconds
from reports import schema as results_schema

PUBLISHED = sorted(BUDGETS.glob("*.yaml"))
RIGHT = """\
id: mine
title: Mine
population: {users: 10, pairs: random}
load: {rate: 30/m, duration: 90s}
latency_ms: {send_to_sent: {p50: 1, p99.9: 2}}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where a budget is written."""
    return tmp_path / "mine.yaml"


def complaint(file: Path, old: str, new: str) -> str:
    """What is said about the right budget with a part of it changed."""
    assert old in RIGHT
    file.write_text(RIGHT.replace(old, new))
    with pytest.raises(BadInput) as caught:
        load_budget(file)
    return str(caught.value)


def test_a_budget_is_read_in_numbers(file: Path) -> None:
    """Rates per second, durations in seconds, and defaults for what is left out."""
    file.write_text(RIGHT)
    budget = load_budget(file)
    load = budget.what_is_planned
    assert (load.rate, load.warmup, load.duration, load.shape) == (0.5, 10.0, 90.0, "steady")
    assert budget.latency_ms.send_to_sent == {"p50": 1.0, "p99.9": 2.0}
    assert budget.people.users == 10
    assert budget.correctness.lost == 0


@pytest.mark.parametrize(
    ("old", "new", "place", "words"),
    [
        ("send_to_sent", "sned_to_sent", ":5:14:", "did you mean `send_to_sent`"),
        ("duration", "durration", ":4:20:", "did you mean `duration`"),
        ("30/m", "fast", ":4:14:", "a rate, as 200/s"),
        ("90s", "90 s", ":4:30:", "a duration, as 500ms"),
        ("p50", "50", ":5:29:", "p50, p99, p99.9 or max"),
        ("p50: 1", "p50: 0", ":5:34:", "more than 0"),
        ("p50: 1", "p50: 1e99", ":5:34:", "at most 3600000"),
        ("p50: 1", "p50: .nan", ":5:34:", "no number"),
        ("title: Mine\n", "title: Mine\nsetup: 0s\n", ":3:8:", "more than 0"),
        ("title: Mine\n", "title: Mine\ndrain: 2h\n", ":3:8:", "at most 1 hour"),
        ("users: 10", "users: 10, read_after: 61m", ":3:37:", "at most 1 hour"),
        ("p50: 1", "p50: fast", ":5:34:", "a number"),
        ("p50: 1", "p50: 3", ":5:44:", "cannot be below `p50`"),
        ("users: 10", "users: 11", ":3:21:", "must be even"),
        ("users: 10", "users: 1", ":3:21:", "at least 2"),
        (", pairs: random", "", ":3:13:", "either `pairs` or `groups`"),
        ("30/m", "60000/s", ":4:14:", "at most 50000/s"),
        ("30/m", "0/s", ":4:14:", "more than 0"),
        ("90s", "0s", ":4:30:", "more than 0"),
        ("90s", "1s", ":4:14:", "no message would be sent"),
        ("90s", "90s, mix: {txet: 1}", ":4:41:", "did you mean `text`"),
        ("90s", "90s, mix: {text: 0}", ":4:40:", "a weight above 0"),
        ("90s", "90s, storm: {every: 2m}", ":4:42:", "before the end"),
        ("90s", "90s, storm: {every: 5s, within: 5s}", ":4:42:", "0 < within < every"),
        ("title: Mine\n", "", ":1:1:", "needs `title`"),
        ("pairs: random", "groups: {smallest: 9, largest: 5}", ":3:33:", "smallest <= largest"),
    ],
)
def test_a_mistake_is_shown_with_its_place(
    old: str, new: str, place: str, words: str, file: Path
) -> None:
    """File, line, column, and what was probably meant."""
    told = complaint(file, old, new)
    assert f"{file}{place}" in told
    assert words in told


def test_a_published_budget_is_found_by_its_id(tmp_path: Path) -> None:
    """And a misspelt one is answered with the nearest."""
    assert find("direct-chat").name == "direct_chat.yaml"
    with pytest.raises(BadInput, match="did you mean `direct-chat`"):
        find("direct-chta")


@pytest.mark.parametrize("published", PUBLISHED, ids=lambda file: file.stem)
def test_every_published_budget_is_right(published: Path) -> None:
    """By the loader and by the schema, and its id is its file's name."""
    assert load_budget(published).id == published.stem.replace("_", "-")
    Draft202012Validator(json.loads(BUDGET_SCHEMA.read_text("utf-8"))).validate(
        read(published).value
    )


def test_the_published_schemas_are_current() -> None:
    """After a change: `python -m loadgen.schema`, `python -m reports.schema load`."""
    assert BUDGET_SCHEMA.read_text("utf-8") == schema.text()
    published = (SPECS / "load-results.schema.json").read_text("utf-8")
    assert published == results_schema.text("load")


def test_a_search_goes_no_higher_than_can_be_planned(file: Path) -> None:
    """Bursts count; and ciphertexts that are made ahead must find room."""
    for change, highest in (("", 50_000), (", shape: spike", 10_000), (", encrypted: true", 1_000)):
        where = "random" if "encrypted" in change else "90s"
        file.write_text(RIGHT.replace(where, where + change))
        assert load_budget(file).highest_rate == pytest.approx(highest)


def test_units_are_read() -> None:
    """Durations and rates in each of their units."""
    assert [seconds(text) for text in ("500ms", "1.5s", "2m", "1h")] == [0.5, 1.5, 120.0, 3600.0]
    assert [per_second(text) for text in ("200/s", "30/m")] == [200.0, 0.5]
    for wrong in ("", "5", "s", "-1s", "1 s"):
        with pytest.raises(ValueError, match="is not a"):
            seconds(wrong)
