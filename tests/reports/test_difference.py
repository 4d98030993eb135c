"""Expected against got, line by line."""

from msgspec.structs import replace

from reports.html.difference import difference
from reports.model import Mismatch
from tests.conformance.results import finding


def lines(got: str | None, *mismatches: tuple[str, str, str], expected: str = "x") -> list[str]:
    """The diff as text."""
    told = [Mismatch(pointer=at, expected=want, got=have) for at, want, have in mismatches]
    made = difference(replace(finding("ORD-1"), expected=expected, got=got, mismatches=told))
    return [line.mark + line.text for line in made]


def test_a_mismatch_stands_at_its_place_in_what_came() -> None:
    """With its surroundings on one line each."""
    assert lines('{"a": {"b": [1, 2]}, "c": {"d": 3}}', ("/a/b/1", "5", "2")) == [
        " {",
        '   "a": {',
        '     "b": [',
        "       1,",
        "-      5",
        "+      2",
        "     ]",
        "   },",
        '   "c": {"d": 3}',
        " }",
    ]


def test_a_member_that_is_missing_stands_where_it_should_be() -> None:
    """Below those that are there; its name is taken out of the pointer."""
    assert lines('{"a": 1}', ("/b~1c", "2", "nothing")) == [" {", '   "a": 1', '-  "b/c": 2', " }"]


def test_the_whole_may_be_the_mismatch() -> None:
    """An empty pointer."""
    assert lines("[1]", ("", "an object", "[1]")) == ["-an object", "+[1]"]


def test_what_is_no_json_is_listed_by_pointer() -> None:
    """A text that was shortened, or tells of several frames."""
    assert lines('{"a": …', ("/a", "1", "2")) == ["@/a", "-1", "+2"]


def test_without_mismatches_the_texts_stand_below_each_other() -> None:
    """Each line of each."""
    assert lines("b\nc", expected="a") == ["-a", "+b", "+c"]
