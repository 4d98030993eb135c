"""Encrypted files open whole, for whom the key was told, or not at all."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from conformance.crypto import FileKey, Tampered, open_file, seal_file
from conformance.crypto.media import PIECE

OVERHEAD = 17
"""Bytes that a piece grows by: its tag and its authenticator."""


def seal(content: bytes) -> tuple[bytes, FileKey]:
    """A sealed picture."""
    return seal_file(content, media_type="image/png", name="holiday.png")


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 3 * PIECE + 5])
def test_a_file_of_any_size_opens(size: int) -> None:
    """At the edges of pieces, too."""
    content = bytes(number % 251 for number in range(size))
    sealed, told = seal(content)
    assert open_file(sealed, told) == content
    assert (told.size, told.media_type, told.name) == (size, "image/png", "holiday.png")


def test_nothing_of_a_file_can_be_seen() -> None:
    """Neither its bytes nor its name; the same file twice is not the same."""
    sealed, told = seal(b"plain " * 50)
    assert b"plain" not in sealed
    assert b"holiday" not in sealed
    assert seal(b"plain " * 50)[0] != sealed
    assert seal(b"plain " * 50)[1].key != told.key


@given(place=st.integers(0, 10**6), bit=st.integers(0, 7))
@settings(max_examples=60)
def test_no_bit_of_a_file_can_be_changed(place: int, bit: int) -> None:
    """Of its header, its pieces, their tags."""
    sealed, told = seal(b"picture" * 30)
    forged = bytearray(sealed)
    forged[place % len(forged)] ^= 1 << bit
    with pytest.raises(Tampered):
        open_file(bytes(forged), told)


@given(end=st.integers(0, 2 * (PIECE + OVERHEAD) + 24 + 40))
@settings(max_examples=60)
def test_a_file_cannot_be_cut_off(end: int) -> None:
    """Nor at the end of a piece, where all that is left is genuine."""
    sealed, told = seal(bytes(2 * PIECE + 50))
    with pytest.raises(Tampered):
        open_file(sealed[:end], told)


def test_pieces_cannot_be_left_out_swapped_or_repeated() -> None:
    """Each is bound to those before it."""
    sealed, told = seal(bytes(3 * PIECE + 50))
    header, step = sealed[:24], PIECE + OVERHEAD
    pieces = [sealed[start : start + step] for start in range(24, len(sealed), step)]
    one, two, three, last = pieces
    for order in ([one, three, two, last], [one, two, last], [one, one, two, three, last],
                  [one, two, three, last, last], [last]):  # fmt: skip
        with pytest.raises(Tampered):
            open_file(header + b"".join(order), told)


@pytest.mark.parametrize(
    "change",
    [{"key": "A" * 43}, {"key": "short"}, {"key": ""}, {"size": 1}, {"sha256": "0" * 64}],
)
def test_what_the_message_says_must_be_true(change: dict[str, Any]) -> None:
    """Another key, length or digest is another file."""
    sealed, told = seal(b"picture")
    with pytest.raises(Tampered, match=r"holiday\.png"):
        open_file(sealed, replace(told, **change))
