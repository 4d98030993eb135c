"""The least plan that fails, whatever makes it fail."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.explore.plan import Move, Plan
from conformance.explore.shrinking import OutOfTime, shrink
from conformance.explore.writing import variant_of, write

from .plans import EVERYTHING, drawn, small


def sends(count: int) -> Plan:
    """Alice sends so many messages."""
    return small(
        *(
            Move(kind="send", label=f"m{n}", by="alice.phone", chat="chat", via="http", count=6)
            for n in range(count)
        )
    )


class Target:
    """A target that fails when all of these moves are made; it may say how many questions it answers."""

    def __init__(self, guilty: set[str], questions: int = 10_000) -> None:
        self.guilty = guilty
        self.questions = questions

    async def first_failing(self, plans: Sequence[Plan]) -> int | None:
        """What shrinking asks."""
        if self.questions == 0:
            raise OutOfTime
        self.questions -= 1
        fails = (n for n, plan in enumerate(plans) if self.fails(plan))
        return next(fails, None)

    def fails(self, plan: Plan) -> bool:
        """Whether a plan makes all the guilty moves."""
        return self.guilty <= {move.label for move in plan.moves}


class Writing(Target):
    """A target that looks at what it is given."""

    async def first_failing(self, plans: Sequence[Plan]) -> int | None:
        for plan in plans:
            variant_of(write(plan, EVERYTHING, identity="explore.test"))
        return await super().first_failing(plans)


async def test_only_the_guilty_moves_are_left() -> None:
    """Wherever they stand, and however many they are."""
    for guilty in ({"m3"}, {"m0", "m29"}, {"m7", "m8", "m9"}, {f"m{n}" for n in range(0, 30, 4)}):
        least = await shrink(sends(30), Target(guilty).first_failing)
        assert {move.label for move in least.moves} == guilty


async def test_what_is_left_is_as_simple_as_it_can_be() -> None:
    """No user, device or conversation too many, on the usual lane, and once."""
    least = await shrink(sends(8), Target({"m5"}).first_failing)
    assert list(least.cast) == ["alice"]
    assert not least.chats
    (move,) = least.moves
    assert (move.via, move.count) == ("realtime", 1)


async def test_out_of_time_the_least_so_far_is_kept() -> None:
    """It failed, and that is what matters."""
    for questions in range(8):
        target = Target({"m3", "m20"}, questions)
        least = await shrink(sends(30), target.first_failing)
        assert target.fails(least)


async def test_a_drawn_plan_shrinks_to_its_cause() -> None:
    """Plans of any shape, with one guilty move each."""
    for seed in range(20):
        plan = drawn(seed)
        guilty = plan.moves[seed % len(plan.moves)].label
        least = await shrink(plan, Target({guilty}).first_failing)
        assert [move.label for move in least.moves] == [guilty]


async def test_whatever_is_tried_on_the_way_is_a_scenario() -> None:
    """Also without some of the users and devices that moves were about."""
    for seed in range(10):
        guilty = {move.label for move in drawn(seed).moves[::7]}
        await shrink(drawn(seed), Writing(guilty).first_failing)


async def test_what_never_fails_again_stays_as_it_was() -> None:
    """Nothing is made up."""
    plan = sends(5)
    assert await shrink(plan, Target({"another"}).first_failing) == plan
