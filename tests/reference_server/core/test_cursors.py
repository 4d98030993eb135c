"""Page cursors: what we gave is taken, everything else is refused."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reference_server.core.cursors import issue, redeem
from reference_server.core.errors import InvalidCursor

SECRET = b"s" * 32
POSITIONS = st.integers(0, 2**63 - 1)
SCOPES = st.sampled_from(("history/before/c1", "history/after/c1", "history/after/c2", "chats/bob"))
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/="


@given(SCOPES, POSITIONS)
def test_a_cursor_gives_its_position_back(scope: str, position: int) -> None:
    """In any process that has the secret (PAG-5)."""
    assert redeem(SECRET, scope, issue(SECRET, scope, position)) == position


@given(SCOPES, POSITIONS)
def test_a_cursor_is_a_url_token(scope: str, position: int) -> None:
    """It travels in a query without escaping."""
    cursor = issue(SECRET, scope, position)
    assert set(cursor) <= set(ALPHABET) - set("+/=")


@given(SCOPES, SCOPES, POSITIONS)
def test_a_cursor_of_another_place_is_refused(given_: str, used: str, position: int) -> None:
    """PAG-4: another list, conversation or direction."""
    assume(given_ != used)
    with pytest.raises(InvalidCursor):
        redeem(SECRET, used, issue(SECRET, given_, position))


@given(SCOPES, POSITIONS)
def test_a_cursor_of_another_server_is_refused(scope: str, position: int) -> None:
    """Another secret signed it."""
    with pytest.raises(InvalidCursor):
        redeem(SECRET, scope, issue(b"t" * 32, scope, position))


@given(SCOPES, POSITIONS, st.data())
def test_a_changed_cursor_is_refused(scope: str, position: int, data: st.DataObject) -> None:
    """PAG-4: any one character replaced, taken away or put in."""
    cursor = issue(SECRET, scope, position)
    at = data.draw(st.integers(0, len(cursor) - 1))
    other = data.draw(st.sampled_from([*ALPHABET, "", "é", " "]))
    keep = data.draw(st.booleans())
    changed = cursor[:at] + other + cursor[at if keep else at + 1 :]
    assume(changed != cursor)
    with pytest.raises(InvalidCursor):
        redeem(SECRET, scope, changed)


def test_a_cursor_has_one_spelling() -> None:
    """Decoders read other alphabets as well, and padding where none is needed; we do not."""
    for position in range(200):
        cursor = issue(SECRET, "chats/bob", position)
        for changed in (cursor.replace("-", "+"), cursor.replace("_", "/"), cursor + "="):
            if changed != cursor:
                with pytest.raises(InvalidCursor):
                    redeem(SECRET, "chats/bob", changed)


@given(POSITIONS, st.integers(0, 23))
def test_a_truncated_cursor_is_refused(position: int, length: int) -> None:
    """PAG-4: down to nothing at all."""
    with pytest.raises(InvalidCursor):
        redeem(SECRET, "chats/bob", issue(SECRET, "chats/bob", position)[:length])


@given(st.text(max_size=40))
def test_junk_is_refused(junk: str) -> None:
    """Any text, not only what looks like a cursor; never another error."""
    with pytest.raises(InvalidCursor):
        redeem(SECRET, "chats/bob", junk)
