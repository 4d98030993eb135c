"""Patterns: what matches, what does not, and how the difference reads."""

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.matching import BadPattern, complaints, match, matches

from .strategies import SCALARS, json_values

VALUES = json_values()


@pytest.mark.parametrize(
    ("pattern", "value"),
    [
        ({"a": 1}, {"a": 1, "b": 2}),
        ([1, {"a": 1}], [1.0, {"a": 1, "b": 2}]),
        ({"a": None, "b": [], "c": {}}, {}),
        ({"a": {"b": None}}, {}),
        ({"a": {"$absent": True}}, {"a": []}),
        ({"a": {"$absent": True}}, {"a": None}),
        ({"a": {"$present": True}}, {"a": 0}),
        ({"a": {"$type": "array"}}, {}),
        ({"a": {"$length": 0}}, {}),
        ({"a": {"$each": 3}}, {}),
        ({"a": {"$not": 3}}, {}),
        ({"$type": "integer"}, 3.0),
        ({"$type": "number"}, 0.5),
        ({"$type": "timestamp"}, "2026-11-22T10:00:00.123Z"),
        ({"$type": "id"}, "a.B-9_"),
        ({"$regex": "a+"}, "aaa"),
        ({"$unordered": [{"$type": "integer"}, 1]}, [1, 2]),
        ({"$contains": {"id": 2}}, [{"id": 1}, {"id": 2, "x": 0}]),
        ({"$contains": "ell"}, "hello"),
        ({"$length": {"$gte": 2, "$lt": 4}}, "héé"),
        ({"$gt": "2026-01-01T00:00:00.000Z"}, "2026-01-01T00:00:00.001Z"),
        ({"$any_of": [1, {"$regex": "x.*"}]}, "xyz"),
        ({"$all_of": [{"$gte": 1}, {"$not": 3}]}, 2),
        ({"name": {"$type": "string", "$length": 3}}, {"name": "bob"}),
    ],
)
def test_this_matches(pattern: Any, value: Any) -> None:
    """Objects are open, lists exact, empty members may be absent, operators do what they say."""
    assert match(pattern, value) == []


@pytest.mark.parametrize(
    ("pattern", "value", "said"),
    [
        ({"a": {"b": 1}}, {"a": {"b": 2}}, "/a/b: expected 1, got 2"),
        ({"a/b": 1}, {}, "/a~1b: expected 1, got nothing"),
        (1, True, "expected 1, got true"),
        (False, 0, "expected false, got 0"),
        ([1], [1, 2], "expected 1 elements, [1], got [1, 2]"),
        ({"a": 1}, [], 'expected an object {"a": 1}, got []'),
        (None, [], "expected null, got []"),
        ({"a": {"$absent": True}}, {"a": 0}, "/a: expected nothing, got 0"),
        ({"a": {"$present": True}}, {"a": {}}, "/a: expected something, got {}"),
        ({"$type": "integer"}, True, "expected a value of type integer, got true"),
        ({"$type": "integer"}, float("inf"), "expected a value of type integer, got Infinity"),
        ({"$type": "timestamp"}, "2026-02-30T10:00:00.123Z", "of type timestamp"),
        ({"$type": "timestamp"}, "2026-11-22T10:00:00Z", "of type timestamp"),
        ({"$type": "id"}, "..", "of type id"),
        ({"$type": "id"}, "a" * 65, "of type id"),
        ({"$regex": "a+"}, "aab", 'as a whole, /a+/, got "aab"'),
        ({"$unordered": [1, 1]}, [1, 2], "expected an element like 1, got [2]"),
        ({"$unordered": [1]}, [1, 2], "1 elements in any order"),
        ({"$contains": 3}, {}, "contains 3, got {}"),
        ({"$each": {"$gt": 1}}, [2, 1], "/1: expected more than 1, got 1"),
        ({"$length": 2}, [1], "expected length 2, got 1: [1]"),
        ({"$gte": 1}, "1", 'expected at least 1, got "1"'),
        ({"$lte": 1}, True, "expected at most 1, got true"),
        ({"$not": {"a": 1}}, {"a": 1}, 'expected anything but {"a": 1}'),
        ({"$any_of": [1, 2]}, 3, "expected 1 or 2, got 3"),
        ({"a": {"$not": None}}, {}, "/a: expected anything but null, got nothing"),
    ],
)
def test_this_does_not_match_and_says_why(pattern: Any, value: Any, said: str) -> None:
    """A difference names the place, what was expected and what came."""
    found = match(pattern, value)
    assert len(found) == 1
    assert said in str(found[0])


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ({"$regx": "a"}, "unknown operator `$regx`: did you mean `$regex`?"),
        ({"$regex": "("}, "no regular expression"),
        ({"$gt": 1, "a": 2}, "beside members"),
        ({"$type": "integr"}, "did you mean `integer`?"),
        ({"$unordered": 3}, "takes a list of patterns"),
        ({"$absent": 1}, "takes true or false"),
        ({"$gt": None}, "takes a number or a text"),
    ],
)
def test_a_pattern_that_means_nothing_is_the_scenarios_fault(pattern: Any, said: str) -> None:
    """It raises at the comparison, and the linter sees it before."""
    with pytest.raises(BadPattern) as caught:
        match(pattern, "x")
    assert said in str(caught.value)
    assert [message for _, message in complaints([pattern])] == [str(caught.value)]


def test_the_linter_passes_operands_that_are_known_only_later() -> None:
    """A reference may stand for any operand; inside a list of patterns each is looked at."""
    assert list(complaints({"$gt": "$m.seq", "$unordered": "$all", "$type": "$kind"})) == []
    [(path, _)] = complaints({"a": {"$any_of": [{"$lenght": 1}]}})
    assert path == ("a", "$any_of", 0, "$lenght")


@given(VALUES)
def test_every_value_matches_itself(value: Any) -> None:
    """Without operators a pattern is an example."""
    assert match(value, value) == []


@given(VALUES)
def test_members_that_are_empty_may_be_left_out(value: Any) -> None:
    """A server that omits null, [] and {} conforms as one that sends them (Messenger API, §1)."""
    assert match(value, _without_empty(value)) == []


@given(VALUES)
def test_unknown_members_are_welcome_everywhere(value: Any) -> None:
    """A server that adds members to every object conforms."""
    assert match(value, _with_more(value)) == []


@given(VALUES, VALUES)
def test_not_is_the_opposite(pattern: Any, value: Any) -> None:
    """Exactly one of a pattern and its negation matches."""
    assert matches(pattern, value) is not matches({"$not": pattern}, value)


@given(st.lists(SCALARS, max_size=4), st.lists(st.integers(0, 3), max_size=4))
def test_unordered_finds_an_assignment_whenever_there_is_one(
    elements: list[Any], picks: list[int]
) -> None:
    """Patterns that several elements match never lead it astray: it agrees with trying all orders."""
    patterns = [elements[pick] if pick < len(elements) else {"$not": None} for pick in picks]
    by_trying = len(patterns) == len(elements) and any(
        all(map(matches, patterns, order)) for order in permutations(elements)
    )
    assert matches({"$unordered": patterns}, elements) is by_trying


def test_unordered_moves_earlier_choices_through_a_long_chain() -> None:
    """Each pattern fits two neighbours; only shifting all of them makes room for the last."""
    size = 100
    neighbours = [{"$any_of": [number, number + 1]} for number in range(size - 1)]
    assert matches({"$unordered": [*neighbours, 0]}, list(range(size)))
    assert not matches({"$unordered": [*neighbours, -1]}, list(range(size)))


def _without_empty(value: Any) -> Any:
    if isinstance(value, dict):
        slim = {key: _without_empty(member) for key, member in value.items()}
        return {key: member for key, member in slim.items() if member not in (None, [], {})}
    return [_without_empty(element) for element in value] if isinstance(value, list) else value


def _with_more(value: Any) -> Any:
    if isinstance(value, dict):
        return {"x-more": {"y": 1}} | {key: _with_more(member) for key, member in value.items()}
    return [_with_more(element) for element in value] if isinstance(value, list) else value
