"""What clients send: ids, names, limits, bodies, and when two sends are the same."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reference_server.core import errors, inputs
from reference_server.core.errors import ApiError
from reference_server.core.limits import Limits
from reference_server.core.model import TextBody, message_id_of, place_of

LIMITS = Limits(max_text_length=10, max_page_limit=200)

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text("ab", min_size=1, max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)


def refused(error: pytest.ExceptionInfo[ApiError]) -> tuple[str, str]:
    """The code and the pointer of a refusal."""
    (place,) = error.value.errors
    return error.value.code, place.pointer


@pytest.mark.parametrize(
    "value", ["a", "Z9._-", "...", "a" * 64, "-", "_", ".a", "0b9f-4c", "msg.1"]
)
def test_an_id_of_the_right_form_is_taken(value: str) -> None:
    """1 to 64 of the allowed characters."""
    assert inputs.check_id(value, "/id") == value


@pytest.mark.parametrize(
    "value",
    ["", ".", "..", "a" * 65, "a b", "a/b", "é", "a\n", "\u0661", None, 1, True, ["a"], {}],
    ids=repr,
)
def test_an_id_of_another_form_is_refused_with_its_place(value: object) -> None:
    """Whatever its type; a trailing newline and foreign digits included."""
    assert not inputs.is_id(value)
    with pytest.raises(errors.InvalidRequest) as error:
        inputs.check_id(value, "/client_message_id")
    assert refused(error) == ("invalid_request", "/client_message_id")


@given(st.text(st.characters(codec="utf-8"), max_size=70))
def test_ids_are_exactly_those_of_the_contract(value: str) -> None:
    """§1, in its own words."""
    allowed = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
    right = 1 <= len(value) <= 64 and set(value) <= allowed and value not in (".", "..")
    assert inputs.is_id(value) == right


@pytest.mark.parametrize("value", ["abc", "0a.", "a-_", "a" * 64])
def test_a_user_id_of_the_right_form_is_taken(value: str) -> None:
    """`[a-z0-9][a-z0-9._-]{2,63}`."""
    assert inputs.check_user_id(value, "/user_id") == value


@pytest.mark.parametrize("value", ["", "ab", "Alice", "-abc", ".abc", "a" * 65, "alicé", "abc\n"])
def test_a_user_id_of_another_form_is_refused(value: str) -> None:
    """Case and the first character matter."""
    with pytest.raises(errors.InvalidRequest) as error:
        inputs.check_user_id(value, "/user_id")
    assert refused(error) == ("invalid_request", "/user_id")


@pytest.mark.parametrize(("length", "right"), [(0, False), (1, True), (128, True), (129, False)])
def test_a_name_has_1_to_128_characters(length: int, right: bool) -> None:
    """Characters, not bytes."""
    name = "😀" * length
    if right:
        assert inputs.check_name(name, "/title") == name
    else:
        with pytest.raises(errors.InvalidRequest):
            inputs.check_name(name, "/title")


@pytest.mark.parametrize(
    ("length", "code"),
    [(7, "weak_password"), (8, None), (128, None), (129, "invalid_request")],
)
def test_a_password_has_8_to_128_characters(length: int, code: str | None) -> None:
    """Too short has a code of its own."""
    try:
        inputs.check_password("ü" * length)
        found = None
    except ApiError as error:
        found = error.code
    assert found == code


@pytest.mark.parametrize(("value", "size"), [(None, 50), ("1", 1), ("200", 200), ("007", 7)])
def test_a_page_limit_in_range_is_taken(value: str | None, size: int) -> None:
    """None means the default."""
    assert inputs.check_page_limit(value, 50, LIMITS) == size


@pytest.mark.parametrize(
    "value", ["", "0", "-1", "201", "1.0", "+5", "1e2", " 5", "5 ", "١", "²", "9" * 5000, "0x1"]
)
def test_any_other_page_limit_is_refused(value: str) -> None:
    """PAG-4."""
    with pytest.raises(errors.InvalidLimit):
        inputs.check_page_limit(value, 50, LIMITS)


@pytest.mark.parametrize("text", ["", "0123456789", "😀" * 10, "\x00", "👩‍👩‍👧"])
def test_a_text_is_measured_in_code_points(text: str) -> None:
    """Not in bytes or UTF-16 units, and unknown members are ignored."""
    body = inputs.message_body({"kind": "text", "text": text, "more": [1]}, LIMITS)
    assert body == TextBody(text)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (None, "/body"),
        ("text", "/body"),
        ([], "/body"),
        ({}, "/body"),
        ({"kind": "system", "event": "joined"}, "/body"),
        ({"kind": ["text"], "text": "x"}, "/body"),
        ({"kind": "text"}, "/body/text"),
        ({"kind": "text", "text": 5}, "/body/text"),
        ({"kind": "text", "text": None}, "/body/text"),
        ({"kind": "text", "text": "01234567890"}, "/body/text"),
        ({"kind": "text", "text": "😀" * 11}, "/body/text"),
    ],
    ids=repr,
)
def test_any_other_body_is_refused_with_its_place(body: object, pointer: str) -> None:
    """Wrong kind, wrong type, too long: `invalid_body`."""
    with pytest.raises(errors.InvalidBody) as error:
        inputs.message_body(body, LIMITS)
    assert refused(error) == ("invalid_body", pointer)


@pytest.mark.parametrize("seconds", [None, 1, 2.0, 2_592_000])
def test_a_lifetime_is_a_second_to_thirty_days(seconds: float | None) -> None:
    """None is no lifetime; JSON does not tell 2 from 2.0."""
    assert inputs.check_lifetime(seconds) == seconds


@pytest.mark.parametrize("value", [0, -1, 2_592_001, 1.5, 1e300, True, "60", [], {}], ids=repr)
def test_any_other_lifetime_is_refused(value: object) -> None:
    """`invalid_request`, with the place."""
    with pytest.raises(errors.InvalidRequest) as error:
        inputs.check_lifetime(value)
    assert refused(error) == ("invalid_request", "/expires_in_s")


@given(JSON)
def test_what_reads_the_same_has_the_same_fingerprint(value: Any) -> None:
    """Key order, spaces and escapes are nothing."""
    backwards = json.loads(json.dumps(turned(value), indent=3))
    assert inputs.fingerprint(body=value) == inputs.fingerprint(body=backwards)


@given(JSON, JSON)
def test_different_json_values_have_different_fingerprints(one: Any, other: Any) -> None:
    """DLV-5, for any two values; absent equals null."""
    assume(meaning(one) != meaning(other))
    assert inputs.fingerprint(body=one) != inputs.fingerprint(body=other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"n": 1}, {"n": 1.0}),
        ({"n": 0}, {"n": -0.0}),
        ({"n": 10**30}, {"n": 10**30}),
        ({"a": None}, {}),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    ],
    ids=repr,
)
def test_equal_json_values_have_equal_fingerprints(one: Any, other: Any) -> None:
    """DLV-4: a client may write the same thing in another way."""
    assert inputs.fingerprint(body=one) == inputs.fingerprint(body=other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"n": 1}, {"n": True}),
        ({"n": 0}, {"n": False}),
        ({"n": 1}, {"n": "1"}),
        ({"n": [None]}, {"n": []}),
        ({"n": 10**30}, {"n": 10**30 + 1}),
        ({"n": 2**64}, {"n": str(2**64)}),
        ({"n": ""}, {}),
    ],
    ids=repr,
)
def test_what_only_looks_alike_has_another_fingerprint(one: Any, other: Any) -> None:
    """JSON's types are told apart, and large integers are not rounded."""
    assert inputs.fingerprint(body=one) != inputs.fingerprint(body=other)


def test_members_left_out_are_as_null() -> None:
    """A first send without `relates_to` equals a repeat with null."""
    assert inputs.fingerprint(body=1) == inputs.fingerprint(body=1, relates_to=None)
    assert inputs.fingerprint(body=1) != inputs.fingerprint(relates_to=1)


@given(st.from_regex(r"[A-Za-z0-9_-]{16}", fullmatch=True), st.integers(1, 10**15 - 1))
def test_a_message_id_says_where_the_entry_is(conversation_id: str, seq: int) -> None:
    """And is an id itself."""
    message_id = message_id_of(conversation_id, seq)
    assert inputs.is_id(message_id)
    assert place_of(message_id) == (conversation_id, seq)


@given(st.text(max_size=30))
def test_a_message_id_that_we_never_gave_has_no_other_place(message_id: str) -> None:
    """One spelling for each place: what has a place is what we would have given."""
    place = place_of(message_id)
    assert place is None or message_id_of(*place) == message_id
    assert place is None or re.search(r"\.[1-9][0-9]*$", message_id)


@pytest.mark.parametrize(
    "junk", ["", ".", "c", "c.", "c.0", "c.01", "c.-1", "c.١", "c." + "9" * 16]
)
def test_junk_has_no_place(junk: str) -> None:
    """Leading zeros, signs, foreign digits, numbers beyond any log."""
    assert place_of(junk) is None


def turned(value: Any) -> Any:
    """The value with the members of all objects in reverse."""
    if isinstance(value, dict):
        return {key: turned(item) for key, item in reversed(value.items())}
    return [turned(item) for item in value] if isinstance(value, list) else value


def meaning(value: Any) -> Any:
    """What a JSON value means, comparable: types told apart but integer and whole float."""
    if isinstance(value, dict):
        members = ((key, meaning(item)) for key, item in value.items() if item is not None)
        return ("object", frozenset(members))
    if isinstance(value, list):
        return ("array", tuple(meaning(item) for item in value))
    return (type(value).__name__.replace("float", "int"), value)
