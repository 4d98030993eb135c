"""Decoding as strictly as the contract wants it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from reference_server.core import errors
from reference_server.core.limits import MAX_DEPTH
from reference_server.transport.decoding import convert, decode_json, decode_msgpack

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


def arrays(depth: int) -> str:
    """Arrays in arrays."""
    return "[" * depth + "]" * depth


def objects(depth: int) -> str:
    """Objects in objects."""
    return '{"a":' * (depth - 1) + "{}" + "}" * (depth - 1)


@given(JSON)
def test_json_is_decoded_as_json(value: Any) -> None:
    """As text and as UTF-8, escaped or not."""
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False)):
        assert decode_json(text) == value
        assert decode_json(text.encode()) == value


def test_of_a_name_that_comes_twice_the_last_counts() -> None:
    """In JSON as in MessagePack, so that nobody else's decoder sees another value (specs/README.md)."""
    assert decode_json('{"a": 1, "b": {"a": 2, "a": 3}, "a": 4}') == {"b": {"a": 3}, "a": 4}
    assert decode_msgpack(b"\x82\xa1a\x01\xa1a\x04") == {"a": 4}


@pytest.mark.parametrize("nested", [arrays, objects])
def test_nesting_ends_at_32(nested: Any) -> None:
    """The outermost value counts: 32 is right, 33 is not (§1)."""
    decode_json(nested(MAX_DEPTH))
    with pytest.raises(errors.Malformed, match="nested"):
        decode_json(nested(MAX_DEPTH + 1))


def test_breadth_is_not_depth() -> None:
    """Many brackets side by side are no nesting."""
    assert len(decode_json("[" + ",".join(["[]"] * 100) + "]")) == 100


@pytest.mark.parametrize(
    "text",
    ["[" * 40, "{" * 40 + "]" * 40, 'a " quote: \\" [[', "\\" * 40 + "[" * 40, "]" * 40 + '"'],
)
def test_brackets_in_strings_are_text(text: str) -> None:
    """Whatever quotes and backslashes are around them."""
    value = {"text": text * 3, text: [text]}
    assert decode_json(json.dumps(value)) == value


def test_a_string_that_does_not_end_costs_no_more_than_it_weighs() -> None:
    """A quadratic search would take minutes for a frame of full size; this takes no time."""
    weight = 131_072
    with pytest.raises(errors.Malformed):
        decode_json("[" * 33 + '"' + '\\"' * (weight // 2))
    with pytest.raises(errors.Malformed):
        decode_json("[" * 33 + '"' + "\\" * weight)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "{",
        "[1,]",
        "{'a': 1}",
        "NaN",
        "Infinity",
        "01",
        "+1",
        "1 2",
        '"\\ud800"',
        '"\\udc00\\ud800"',
        '"\x01"',
        '{"a" 1}',
        "\ufeff{}",
        "nul",
        "// no\n1",
        arrays(100_000),
    ],
    ids=lambda text: repr(text[:20]),
)
def test_what_is_no_json_is_malformed(text: str) -> None:
    """RFC 8259: no NaN, no lone surrogates, no byte order mark, nothing after the value."""
    with pytest.raises(errors.Malformed):
        decode_json(text)


@pytest.mark.parametrize("data", [b'"\xff"', b'"\xed\xa0\x80"', b'"\xc0\x80"'])
def test_what_is_no_utf_8_is_told_apart(data: bytes) -> None:
    """The transports answer it in their own ways."""
    with pytest.raises(UnicodeDecodeError):
        decode_json(data)


class Inner(Struct):
    """Something in something."""

    n: int
    names: list[str] = []


class Outer(Struct):
    """A request."""

    user_id: str
    inner: Inner | None = None
    many: list[Inner] = []


@pytest.mark.parametrize(
    ("value", "pointer"),
    [
        ([], ""),
        (None, ""),
        ("x", ""),
        ({}, "/user_id"),
        ({"user_id": 1}, "/user_id"),
        ({"user_id": None}, "/user_id"),
        ({"user_id": "a", "inner": 1}, "/inner"),
        ({"user_id": "a", "inner": {}}, "/inner/n"),
        ({"user_id": "a", "inner": {"n": "1"}}, "/inner/n"),
        ({"user_id": "a", "inner": {"n": True}}, "/inner/n"),
        ({"user_id": "a", "inner": {"n": 1.5}}, "/inner/n"),
        ({"user_id": "a", "inner": {"n": 1, "names": ["a", 2]}}, "/inner/names/1"),
        ({"user_id": "a", "many": [{"n": 1}, {"n": None}]}, "/many/1/n"),
        ({"user_id": "a", "many": [{"n": 1, "names": [None]}]}, "/many/0/names/0"),
    ],
    ids=repr,
)
def test_a_wrong_type_is_pointed_at(value: Any, pointer: str) -> None:
    """RFC 6901, for what is wrong and for what is missing."""
    with pytest.raises(errors.InvalidRequest) as refused:
        convert(value, Outer)
    (place,) = refused.value.errors
    assert place.pointer == pointer
    assert place.detail == refused.value.detail
    assert "$" not in place.detail


def test_unknown_members_are_ignored() -> None:
    """At any place (§1)."""
    value = {"user_id": "a", "inner": {"n": 1, "x": None}, "type": "y"}
    assert convert(value, Outer) == Outer("a", Inner(1))
