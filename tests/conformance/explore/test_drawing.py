"""Whatever is drawn, and whatever is left of it, is a right scenario."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.catalogue import load_catalogue
from conformance.explore.moves import KINDS
from conformance.explore.writing import variant_of, write

from .plans import EVERYTHING, drawn, linted

CATALOGUE = load_catalogue()
SEEDS = st.integers(0, 1_000_000)
A_FEW = settings(max_examples=40)
"""A plan takes a few milliseconds to draw, and much longer to be read back as YAML."""


@A_FEW
@given(SEEDS, st.sets(st.sampled_from(sorted(EVERYTHING))))
def test_every_plan_is_a_scenario_that_the_linter_finds_right(
    seed: int, capabilities: set[str]
) -> None:
    """For any target; it needs nothing that the target does not offer."""
    offered = frozenset(capabilities)
    loaded = linted(drawn(seed, offered), offered, CATALOGUE)
    assert not loaded.problems
    assert offered.issuperset(loaded.variants[0].scenario.needs)


def test_taking_a_block_back_needs_blocking_by_itself() -> None:
    """The move that blocked may have been shrunk away."""
    plan = drawn(571)
    part = msgspec.structs.replace(plan, moves=tuple(plan.moves[n] for n in (0, 1, 2, 3, 18)))
    assert part.moves[-1].how == "undo"
    assert not linted(part, EVERYTHING, CATALOGUE).problems


@A_FEW
@given(SEEDS, st.data())
def test_every_part_of_a_plan_is_a_scenario_too(seed: int, data: st.DataObject) -> None:
    """Shrinking takes moves away, and nothing has to be repaired."""
    plan = drawn(seed)
    kept = data.draw(st.sets(st.integers(0, len(plan.moves) - 1)))
    part = msgspec.structs.replace(
        plan, moves=tuple(move for n, move in enumerate(plan.moves) if n in kept)
    )
    assert not linted(part, EVERYTHING, CATALOGUE).problems


@A_FEW
@given(SEEDS)
def test_a_seed_draws_the_same_plan_each_time(seed: int) -> None:
    """So that a finding can be spoken of by its seed and number."""
    assert drawn(seed) == drawn(seed)


@A_FEW
@given(SEEDS)
def test_every_drawn_move_makes_sense_where_it_stands(seed: int) -> None:
    """No time is lost on moves that are left out."""
    plan = drawn(seed)
    assert write(plan, EVERYTHING, identity="explore.test").moves == plan.moves


@A_FEW
@given(SEEDS)
def test_the_file_says_what_was_played(seed: int) -> None:
    """What is written down is the scenario that failed, typed value by typed value."""
    plan = drawn(seed)
    played = variant_of(write(plan, EVERYTHING, identity="explore.test")).scenario
    assert linted(plan, EVERYTHING, CATALOGUE).variants[0].scenario == played


def test_every_kind_of_move_is_drawn() -> None:
    """A kind that never comes up is dead."""
    seen = {move.kind for seed in range(150) for move in drawn(seed).moves}
    assert seen == set(KINDS)
