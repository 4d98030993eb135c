"""One spelling of bytes, one form of values."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.crypto.encoding import canonical, decode_bytes, encode_bytes

RFC_8785_SAMPLE = r"""
{
  "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
  "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
  "literals": [null, true, false]
}
"""
"""RFC 8785 §3.2.2."""

RFC_8785_CANONICAL = (
    '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
    '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
)
"""RFC 8785 §3.2.3, the same, serialised."""

RFC_8785_NAMES = {
    "\u20ac": "Euro Sign",
    "\r": "Carriage Return",
    "\ufb33": "Hebrew Letter Dalet With Dagesh",
    "1": "One",
    "\U0001f600": "Emoji: Grinning Face",
    "\u0080": "Control",
    "\u00f6": "Latin Small Letter O With Diaeresis",
}
"""RFC 8785 §3.2.3: names whose order by UTF-16 units is not that of their code points."""

RFC_8785_NUMBERS = [
    (0.0, "0"),
    (-0.0, "0"),
    (5e-324, "5e-324"),
    (1.7976931348623157e308, "1.7976931348623157e+308"),
    (9007199254740992.0, "9007199254740992"),
    (295147905179352825856.0, "295147905179352830000"),
    (9.999999999999997e22, "9.999999999999997e+22"),
    (1e23, "1e+23"),
    (1.0000000000000001e23, "1.0000000000000001e+23"),
    (999999999999999700000.0, "999999999999999700000"),
    (999999999999999900000.0, "999999999999999900000"),
    (1e21, "1e+21"),
    (9.999999999999997e-7, "9.999999999999997e-7"),
    (0.000001, "0.000001"),
    (333333333.3333332, "333333333.3333332"),
    (-0.0000033333333333333333, "-0.0000033333333333333333"),
    (1424953923781206.2, "1424953923781206.2"),
]
"""RFC 8785, appendix B."""


def test_the_sample_of_rfc_8785_has_its_canonical_form() -> None:
    """Byte for byte."""
    assert canonical(json.loads(RFC_8785_SAMPLE)).decode() == RFC_8785_CANONICAL


def test_names_are_ordered_by_their_utf_16_units() -> None:
    """So the emoji, a pair of surrogates, comes before the Hebrew letter."""
    assert list(json.loads(canonical(RFC_8785_NAMES)).values()) == [
        "Carriage Return",
        "One",
        "Control",
        "Latin Small Letter O With Diaeresis",
        "Euro Sign",
        "Emoji: Grinning Face",
        "Hebrew Letter Dalet With Dagesh",
    ]


@pytest.mark.parametrize(("number", "text"), RFC_8785_NUMBERS)
def test_numbers_are_written_as_in_appendix_b(number: float, text: str) -> None:
    """As ECMAScript writes them."""
    assert canonical(number).decode() == text


@pytest.mark.parametrize("value", [math.nan, math.inf, 2**53, {"a": -(2**53)}, "\ud800"])
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    """Rather than signed in a form that another implementation would not find again."""
    with pytest.raises(ValueError, match="no canonical form"):
        canonical(value)


VALUES = (
    st.text(st.characters(codec="utf-8"), max_size=5)
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.booleans()
    | st.none()
)


@given(st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=4), VALUES, max_size=6))
def test_the_order_of_members_makes_no_difference(value: dict[str, object]) -> None:
    """The same object written in another order is signed the same."""
    assert canonical(dict(reversed(value.items()))) == canonical(value)


@given(st.binary(max_size=70))
def test_bytes_come_back_from_base64(data: bytes) -> None:
    """And the text has no padding."""
    text = encode_bytes(data)
    assert "=" not in text
    assert decode_bytes(text) == data


@given(st.text(alphabet="ABab01+/-_= \n", max_size=9))
def test_bytes_have_one_spelling(text: str) -> None:
    """Whatever is taken for base64 is just what its bytes are written as."""
    try:
        data = decode_bytes(text)
    except ValueError:
        return
    assert encode_bytes(data) == text


@pytest.mark.parametrize("text", ["QQ==", "QR", "Q", "Q-", "Q_", "QUJ D", "\u00e9", None, 7, b"QQ"])
def test_other_spellings_are_refused(text: object) -> None:
    """Padding, stray bits, the URL's alphabet, blanks, and what is no text."""
    with pytest.raises(ValueError, match="base64"):
        decode_bytes(text)
