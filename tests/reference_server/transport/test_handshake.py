"""Tokens in headers and subprotocols."""

from __future__ import annotations

import pytest

from reference_server.transport.handshake import bearer, select


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer abc", "abc"),
        ("bearer abc", "abc"),
        ("BEARER  abc ", "abc"),
        ("Bearer", None),
        ("Bearer ", None),
        ("Basic abc", None),
        ("abc", None),
        ("", None),
        (None, None),
    ],
)
def test_a_token_is_read_from_an_authorization_header(
    header: str | None, token: str | None
) -> None:
    """RFC 6750; the scheme's case does not matter (RFC 9110, 11.1)."""
    assert bearer(header) == token


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        ([], None),
        (["messenger.v1"], "messenger.v1"),
        (["chat", "messenger.v1", "bearer.x"], "messenger.v1"),
        (["messenger.v2", "bearer.x"], None),
    ],
)
def test_our_subprotocol_is_chosen_if_it_is_offered(offered: list[str], chosen: str | None) -> None:
    """Never the one with the token in it."""
    assert select(offered) == chosen
