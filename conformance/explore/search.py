"""Playing plans until one fails, and again until it is small.

Plans are played side by side, each with users of its own. The first that fails ends the search. It is then
played again a few times, for some failures come and go: how often it came back decides how often each
smaller plan is tried before it is taken to be right. Time is limited, and what there is when it runs out is
what is reported.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from random import Random
from typing import Final, Protocol

import trio
from msgspec import Struct

from ..catalogue import Catalogue
from ..concurrently import side_by_side
from ..engine import Played, Stage, play
from ..findings import Finding
from ..loader import Variant
from ..verdicts import verdict_of
from .drawing import draw_plan
from .plan import Plan
from .shrinking import OutOfTime, shrink
from .writing import variant_of, write

AGAIN: Final = 4
"""How often a plan that failed is played again, before it is made smaller and after."""

HURRY: Final = 2.0
"""Seconds of patience while a plan is made smaller. What is smaller is then played with all of it."""

MISSED: Final = 0.1
"""How likely it may be that a smaller plan which fails now and then is taken for right."""

TRIES: Final = 8
"""How often one smaller plan is played at most."""


class Perform(Protocol):
    """What plays a variant; `engine.play` but in tests."""

    def __call__(self, variant: Variant, stage: Stage, *, attempt: int) -> Awaitable[Played]: ...


class HarnessFault(Exception):
    """A plan could not be played, and the target is not to blame for it. The text says why."""


class Caught(Struct, frozen=True, kw_only=True):
    """A plan that failed."""

    number: int
    plan: Plan
    findings: tuple[Finding, ...]
    """Those that prove something."""

    @property
    def blamed(self) -> tuple[str, ...]:
        """What is broken, by the finding that came first."""
        return self.findings[0].requirements


class Shrunk(Struct, frozen=True, kw_only=True):
    """The least plan that failed in the same way."""

    caught: Caught
    """Of the least plan."""
    moves_before: int
    replays: int = 0
    failed: int = 0
    """How many of the replays of the least plan failed."""


class Tally(Struct):
    """What was done so far."""

    plans: int = 0
    steps: int = 0
    inconclusive: int = 0
    replays: int = 0


class Search:
    """One exploration of a target."""

    def __init__(
        self, stage: Stage, catalogue: Catalogue, jobs: int, *, perform: Perform = play
    ) -> None:
        self._perform = perform
        self._stage = stage
        self._catalogue = catalogue
        self._jobs = jobs
        self._attempts = count(1)
        self.tally = Tally()

    @property
    def _capabilities(self) -> frozenset[str]:
        return frozenset(self._stage.target.capabilities)

    def identity(self, number: int) -> str:
        """The scenario id of a plan."""
        return f"explore.seed-{self._stage.seed}-plan-{number}"

    # ── searching ─────────────────────────────────────────────────────────────────────────────

    async def catch(self, deadline: float) -> Caught | None:
        """Play plans until one fails, or until `deadline` (Trio's clock).

        Raises `HarnessFault`, also where the target cannot be spoken to any more.
        """
        caught: list[Caught] = []
        numbers = count()

        async def work(_job: int) -> None:
            for number in numbers:
                found = await self._try(number, self._drawn(number))
                self.tally.plans += 1
                if found is not None:
                    caught.append(found)
                    search.cancel()

        with trio.CancelScope(deadline=deadline) as search:
            await side_by_side(range(self._jobs), work)
        return min(caught, key=lambda each: each.number, default=None)

    def _drawn(self, number: int) -> Plan:
        random = Random(f"{self._stage.seed}/{number}")  # noqa: S311 - to be repeatable
        return draw_plan(random, self._capabilities)

    async def _try(self, number: int, plan: Plan) -> Caught | None:
        written = write(plan, self._capabilities, identity=self.identity(number))
        played = await self._perform(variant_of(written), self._stage, attempt=next(self._attempts))
        verdict = verdict_of(played)
        self.tally.steps += len(written.tree["steps"])
        self.tally.inconclusive += verdict == "inconclusive"
        if verdict == "error":
            raise HarnessFault(f"{self.identity(number)}: {played.fault or played.trouble}")
        findings = tuple(self._telling(played))
        return Caught(number=number, plan=plan, findings=findings) if findings else None

    def _telling(self, played: Played) -> Iterator[Finding]:
        """The findings that prove a broken MUST."""
        for finding in played.findings:
            levels = {self._catalogue.requirements[each].level for each in finding.requirements}
            if not finding.inconclusive and levels != {"SHOULD"}:
                yield finding

    # ── shrinking ─────────────────────────────────────────────────────────────────────────────

    async def shrunk(self, caught: Caught, deadline: float) -> Shrunk:
        """The least plan with the same failure that is found until `deadline` (Trio's clock)."""
        again = await self._replayed(caught, caught.plan, AGAIN)
        least = caught
        if again:
            tries = _tries(len(again) / AGAIN)
            smaller: list[Caught] = []

            async def first_failing(plans: Sequence[Plan]) -> int | None:
                found = await self._first(caught, plans, tries, deadline)
                if found is None:
                    return None
                smaller.append(found[1])
                return found[0]

            with self._in_a_hurry():
                await shrink(caught.plan, first_failing)
            for least in (*smaller[:-2:-1], caught):
                again = await self._replayed(caught, least.plan, AGAIN)
                if again:
                    break
        return Shrunk(
            caught=least,
            moves_before=len(caught.plan.moves),
            replays=AGAIN,
            failed=len(again),
        )

    @contextmanager
    def _in_a_hurry(self) -> Iterator[None]:
        patience = self._stage.patience
        usual, patience.seconds = patience.seconds, min(patience.seconds, HURRY)
        try:
            yield
        finally:
            patience.seconds = usual

    async def _first(
        self, caught: Caught, plans: Sequence[Plan], tries: int, deadline: float
    ) -> tuple[int, Caught] | None:
        """The first of these plans that fails, and how; as many side by side as there are jobs."""
        for begin in range(0, len(plans), self._jobs):
            if trio.current_time() >= deadline:
                raise OutOfTime
            batch = range(begin, min(begin + self._jobs, len(plans)))
            failed: dict[int, Caught] = {}

            async def judge(position: int, failed: dict[int, Caught] = failed) -> None:
                for _ in range(tries):
                    found = await self._same(caught, plans[position])
                    if found is not None:
                        failed[position] = found
                        return

            await side_by_side(batch, judge)
            if failed:
                position = min(failed)
                return position, failed[position]
        return None

    async def _replayed(self, caught: Caught, plan: Plan, times: int) -> list[Caught]:
        """The failures among so many replays, side by side."""
        failed: list[Caught] = []

        async def replay(_number: int) -> None:
            found = await self._same(caught, plan)
            if found is not None:
                failed.append(found)

        await side_by_side(range(times), replay)
        return failed

    async def _same(self, caught: Caught, plan: Plan) -> Caught | None:
        """Whether the plan breaks what was broken; how, if it does."""
        self.tally.replays += 1
        found = await self._try(caught.number, plan)
        if found is None:
            return None
        wanted = set(caught.blamed)
        alike = [each for each in found.findings if not wanted.isdisjoint(each.requirements)]
        if not alike:
            return None
        others = [each for each in found.findings if each not in alike]
        return Caught(number=found.number, plan=plan, findings=(*alike, *others))


def _tries(rate: float) -> int:
    """How often to play a plan that fails at this rate, to miss it as seldom as `MISSED`."""
    if rate >= 1:
        return 1
    return min(math.ceil(math.log(MISSED) / math.log(1 - rate)), TRIES)
