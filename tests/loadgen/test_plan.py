"""The plan: who talks to whom, and when what is sent."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.population import GroupSizes, groups, pairs, shared_out
from loadgen.schedule import SHAPES, Load, Mix, Shape, arrivals

SEEDS = st.integers(0, 1000)


@given(st.integers(1, 200), SEEDS)
def test_in_pairs_everybody_has_one_partner(couples: int, seed: int) -> None:
    """Each user is in exactly one conversation of two."""
    talks = pairs(2 * couples, seed)
    assert all(len(talk.members) == 2 for talk in talks)
    assert sorted(member for talk in talks for member in talk.members) == list(range(2 * couples))


@given(st.integers(3, 400), st.integers(3, 30), st.integers(0, 100), SEEDS)
def test_in_groups_everybody_is_in_one(users: int, smallest: int, more: int, seed: int) -> None:
    """Each user is in exactly one group, and no group is empty or alone."""
    sizes = GroupSizes(smallest=min(smallest, users), largest=min(smallest + more, users))
    talks = groups(users, sizes, seed)
    assert sorted(member for talk in talks for member in talk.members) == list(range(users))
    assert all(len(talk.members) >= 3 for talk in talks)


def test_group_sizes_have_a_heavy_tail() -> None:
    """Most are small, and some are far larger than the average."""
    sizes = [len(talk.members) for talk in groups(20_000, GroupSizes(smallest=5, largest=500), 1)]
    sizes.sort()
    assert sizes[len(sizes) // 2] < 12
    assert sizes[-1] > 200


@given(st.integers(1, 100), st.integers(1, 8), SEEDS)
def test_conversations_are_shared_out_whole_and_evenly(
    couples: int, shards: int, seed: int
) -> None:
    """Every conversation is in one process, and no process has much more than another."""
    talks = pairs(2 * couples, seed)
    shares = shared_out(talks, shards)
    assert sorted(index for share in shares for index in share) == list(range(len(talks)))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_the_same_seed_is_the_same_plan() -> None:
    """So a run can be repeated, and processes agree without talking."""
    load = Load(rate=100, warmup=1, duration=5)
    assert list(arrivals(load, 10, 3)) == list(arrivals(load, 10, 3))
    assert list(arrivals(load, 10, 3)) != list(arrivals(load, 10, 4))
    assert pairs(20, 3) == pairs(20, 3) != pairs(20, 4)


@pytest.mark.parametrize("shape", list(SHAPES))
def test_a_shape_sends_what_it_says(shape: Shape) -> None:
    """As many messages in each phase as its rate times its length, within what chance allows."""
    load = Load(rate=1000, warmup=2, duration=20, shape=shape)
    times = [arrival.at for arrival in arrivals(load, 50, 1)]
    assert times == sorted(times)
    begin = load.warmup
    for phase in SHAPES[shape]:
        end = begin + phase.share * load.duration
        expected = load.rate * phase.factor * phase.share * load.duration
        found = sum(begin <= at < end for at in times)
        assert found == pytest.approx(expected, abs=5 * expected**0.5)
        begin = end
    assert len(times) == pytest.approx(load.expected, abs=5 * load.expected**0.5)
    assert load.peak == 1000 * max(phase.factor for phase in SHAPES[shape])


def test_a_mix_gives_every_act_its_share() -> None:
    """By the weights, whatever they add up to."""
    load = Load(rate=1000, warmup=0, duration=10, mix=Mix(text=6, media=2, history=2))
    acts = Counter(arrival.act for arrival in arrivals(load, 50, 1))
    shares = {act: found / acts.total() for act, found in acts.items()}
    assert shares == pytest.approx({"text": 0.6, "media": 0.2, "history": 0.2}, abs=0.02)


def test_a_share_of_the_people_is_in_groups_and_the_others_in_pairs() -> None:
    """Everybody once; where the rest would be odd, one more is in a group."""
    sizes = GroupSizes(smallest=3, largest=9, share=0.5)
    for users in (20, 21):
        talks = groups(users, sizes, 1)
        assert sorted(member for talk in talks for member in talk.members) == list(range(users))
        direct = [talk for talk in talks if talk.kind == "direct"]
        assert {len(talk.members) for talk in direct} == {2}
        assert 2 * len(direct) == 10


def test_poisson_gaps_scatter_and_uniform_ones_do_not() -> None:
    """A Poisson process has a coefficient of variation of one."""
    gaps = {}
    for kind in ("poisson", "uniform"):
        load = Load(rate=500, warmup=0, duration=20, arrivals=kind)
        times = [arrival.at for arrival in arrivals(load, 50, 1)]
        gaps[kind] = [later - sooner for sooner, later in pairwise(times)]
    mean = 1 / 500
    scatter = {
        kind: (sum((gap - mean) ** 2 for gap in found) / len(found)) ** 0.5 / mean
        for kind, found in gaps.items()
    }
    assert scatter["poisson"] == pytest.approx(1, abs=0.05)
    assert scatter["uniform"] == pytest.approx(0, abs=1e-6)
