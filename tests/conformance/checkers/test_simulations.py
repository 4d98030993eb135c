"""The checkers over whole simulated histories: silent about a correct server, right about a broken one."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.checkers import CHECKERS, Violation
from conformance.history import History

from .editing import rebuild
from .mutations import MUTATIONS
from .simulated import simulate


def judge(history: History) -> list[Violation]:
    """All that all checkers find."""
    return [violation for check in CHECKERS.values() for violation in check(history)]


@given(seed=st.integers(0, 2**32), actions=st.integers(0, 400))
@settings(max_examples=150)
def test_a_correct_server_is_never_accused(seed: int, actions: int) -> None:
    """However slow and disorderly it is, and whatever its clients do."""
    assert judge(simulate(seed, actions)) == []


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_broken_server_is_accused_of_what_it_broke(name: str) -> None:
    """Wherever the defect can be proven, and of nothing that it left whole."""
    mutation = MUTATIONS[name]
    broken = 0
    for seed in range(25):
        history = simulate(seed)
        events = mutation.mutate(list(history), random.Random(seed))  # noqa: S311 - a choice of places
        if events is None:
            continue
        broken += 1
        blamed = {violation.requirement for violation in judge(rebuild(events))}
        assert mutation.requirement in blamed, f"seed {seed}"
        assert blamed <= {mutation.requirement} | mutation.beside, f"seed {seed}"
    assert broken >= 3, "the simulation gives this defect no place"
