"""YAML with its places: YAML 1.2 core types, positions of everything, and clear complaints."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from conformance.positions import MAX_DEPTH, Document, parse, read
from conformance.problems import Place

from .strategies import NAMES, TEXTS, json_values

FILE = Path("some.yaml")


def parsed(text: str) -> Document:
    """The text as a document of some file."""
    return parse(FILE, text)


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        *((word, word) for word in ("no", "yes", "on", "off", "y", "NO", "2026-11-22", "12:30")),
        *((word, word) for word in ("1_000", "0x", "<<", "=", "1.2.3", "+", ".")),
        *((word, None) for word in ("", "~", "null", "NULL")),
        *((word, True) for word in ("true", "True", "TRUE")),
        *(("false", False), ("1", 1), ("-7", -7), ("+3", 3), ("012", 12), ("0o17", 15)),
        *(("0xfF", 255), ("1.5", 1.5), ("1.", 1.0), (".5", 0.5), ("1e3", 1000.0)),
        *(("'1'", "1"), ('"true"', "true"), ("!!str 3", "3"), ("! 3", "3")),
    ],
)
def test_scalars_mean_what_yaml_1_2_says(scalar: str, value: Any) -> None:
    """The core schema of YAML 1.2 (10.3.2), not YAML 1.1: `no` is a word and no boolean."""
    found = parsed(f"on: {scalar}")
    assert found.problems == ()
    assert found.value == {"on": value}
    assert type(found.value["on"]) is type(value)


@given(json_values(NAMES | TEXTS))
def test_every_json_text_is_read_as_it_is(value: object) -> None:
    """JSON is YAML."""
    found = parsed(json.dumps(value, ensure_ascii=False))
    assert found.problems == ()
    assert found.value == value


def test_every_key_and_value_has_its_place() -> None:
    """Lines and columns count from 1, columns in characters."""
    found = parsed("é: {b: [1, x]}\nc:\n  - d: 2\n")
    assert found.place(("é", "b", 1)) == Place(1, 12)
    assert found.key_place(("é", "b")) == Place(1, 5)
    assert found.place(("c", 0)) == Place(3, 5)
    assert found.place(("c", 0, "d", "beyond", 7)) == Place(3, 8)
    assert found.key_place(("c", 0)) == Place(3, 5)


def test_an_alias_is_a_copy_with_the_places_of_its_anchor() -> None:
    """A mistake in an aliased value is shown where it is written."""
    found = parsed("a: &it {x: 1}\nb: *it\n")
    assert found.value == {"a": {"x": 1}, "b": {"x": 1}}
    assert found.place(("b", "x")) == found.place(("a", "x")) == Place(1, 12)
    assert found.key_place(("b", "x")) == Place(1, 9)


_BOMB = "\n".join(
    ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
)


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("a: 1\nb: 2\na: 3\n", Place(3, 1), "the key `a` is here twice, first in line 1"),
        ("a: !date 1", Place(1, 4), "unknown tag `!date`"),
        ("a: !!binary x", Place(1, 4), "unknown tag `!!binary`"),
        ("a: !!set {x}", Place(1, 4), "unknown tag `!!set`"),
        ("1: x", Place(1, 1), "put `1` in quotes"),
        ("? [a]\n: b", Place(1, 3), "a key must be plain text"),
        ("a: .inf", Place(1, 4), "no number that JSON can carry"),
        ("a: 1e999", Place(1, 4), "no number that JSON can carry"),
        ("a: !!int x", Place(1, 4), "no number that JSON can carry"),
        ("a: " + "9" * 5000, Place(1, 4), "no number that JSON can carry"),
        ("a: &a [*a]", Place(1, 8), "may not contain itself"),
        ("a: *b", Place(1, 4), "names an anchor that is not there"),
        ("a: b: c", Place(1, 5), "this is no YAML: mapping values are not allowed"),
        ("a:\n\t- b", None, "this is no YAML"),
        ("[1, 2", None, "this is no YAML"),
        ("", Place(1, 1), "the file is empty"),
        ("# only a comment", Place(1, 1), "the file is empty"),
        ("a: 1\n---\nb: 1\n", Place(2, 1), "a second document"),
        ("a: \x07", None, "this is no YAML: "),
        ("[" * 90_000 + "]" * 90_000, Place(1, MAX_DEPTH + 2), "nested deeper"),
        (_BOMB, None, "too large"),
    ],
)
def test_what_cannot_be_read_says_where_and_why(text: str, place: Place | None, said: str) -> None:
    """No text whatsoever ends in a traceback."""
    [problem] = parsed(text).problems
    assert said in problem.message
    assert place is None or problem.place == place


def test_bytes_that_are_no_text_are_a_problem() -> None:
    """A file in another encoding is refused with its reason."""
    [problem] = parse(FILE, b"a: \xff\xff").problems
    assert "this is no YAML" in problem.message


def test_a_file_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    """A folder in a file's place, for example."""
    [problem] = read(tmp_path).problems
    assert "cannot be read" in problem.message
