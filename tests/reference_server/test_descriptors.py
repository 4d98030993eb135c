"""What the limit of open files has room for."""

from __future__ import annotations

import resource
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_server import descriptors
from reference_server.descriptors import OWN, Capacity, capacity


@given(st.integers(OWN + 16, 10_000_000))
def test_there_are_never_more_connections_than_descriptors(limit: int) -> None:
    """Every kind has a place, all of them together leave the server its own."""
    places = capacity(limit)
    assert min(places.silent, places.http, places.chat) >= 1
    assert places.silent + 2 * places.http + places.chat <= limit - OWN


@given(st.integers(0, 10_000_000), st.integers(0, 10_000_000))
def test_more_descriptors_never_mean_fewer_connections(one: int, other: int) -> None:
    """Of no kind but the one that takes what is left, and of that not either."""
    less, more = capacity(min(one, other)), capacity(max(one, other))
    assert less.silent <= more.silent
    assert less.http <= more.http


def test_usual_limits() -> None:
    """A shell's, a service's, and as many as one likes."""
    assert capacity(1_024) == Capacity(silent=224, http=112, chat=448)
    assert capacity(65_536) == Capacity(silent=4_096, http=5_000, chat=51_312)
    assert capacity(1_048_576) == Capacity(silent=4_096, http=5_000, chat=100_000)


@pytest.fixture
def low_limit() -> Iterator[int]:
    """A soft limit below the hard one."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1] - 100, before[1]))
    yield before[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_the_limit_is_raised_as_far_as_it_may_be(low_limit: int) -> None:
    """From the soft one to the hard one."""
    assert descriptors.limit() == low_limit - 100
    descriptors.raise_limit()
    assert descriptors.limit() == low_limit
