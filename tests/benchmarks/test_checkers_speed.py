"""The checkers' benchmark works; its figures are for people to read."""

from __future__ import annotations

from conformance.checkers import CHECKERS

from .checkers import measure


def test_the_benchmark_measures_every_checker() -> None:
    """Run short, and on a correct history that no checker may complain of."""
    assert measure(2_000).keys() == CHECKERS.keys()
