"""The error catalogue against the published one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from reference_server.core import errors
from reference_server.core.errors import ApiError

CATALOGUE = Path(__file__).parents[3] / "specs" / "requirements.yaml"
RETRYABLE = {"rate_limited", "unavailable"}
"""§4: the same send may succeed later, for these alone."""


def tree(kind: type[ApiError]) -> Iterator[type[ApiError]]:
    """A class and all below it."""
    yield kind
    for below in kind.__subclasses__():
        yield from tree(below)


def leaves() -> list[type[ApiError]]:
    """The classes with a code of their own."""
    return [kind for kind in tree(ApiError) if "code" in vars(kind) and kind is not ApiError]


@pytest.fixture(scope="module")
def codes() -> dict[str, int]:
    """Code and status, as published (§11)."""
    document = yaml.safe_load(CATALOGUE.read_text("utf-8"))
    published: dict[str, int] = document["codes"]
    return published


@pytest.mark.parametrize("kind", [*leaves(), errors.Internal], ids=lambda kind: kind.__name__)
def test_a_code_has_its_published_status(kind: type[ApiError], codes: dict[str, int]) -> None:
    """The codes are normative."""
    assert codes[kind.code] == kind.status


def test_no_two_errors_share_a_code() -> None:
    """One class, one code."""
    found = [kind.code for kind in leaves()]
    assert sorted(found) == sorted(set(found))


def test_every_error_with_a_code_explains_itself() -> None:
    """A title for people; the detail when none is given."""
    for kind in leaves():
        assert kind.title != ApiError.title
        assert kind().detail == kind.title
        assert kind("Because.").detail == "Because."


def test_only_what_may_succeed_later_is_retryable(codes: dict[str, int]) -> None:
    """§4: `rate_limited` and `unavailable` alone."""
    assert codes.keys() >= RETRYABLE
    retryable = {kind.code for kind in tree(ApiError) if kind.retryable}
    assert retryable == {kind.code for kind in leaves()} & RETRYABLE


def test_a_pointed_error_points() -> None:
    """RFC 6901 pointer and the detail, once for the error and once for the place."""
    error = errors.pointed(errors.InvalidRequest, "/members/0", "Expected a string.")
    assert error.errors == (errors.Pointed("/members/0", "Expected a string."),)
    assert error.detail == "Expected a string."
