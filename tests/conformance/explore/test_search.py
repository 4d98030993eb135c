"""Searching until something fails, and making that small although it comes and goes."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import msgspec
import pytest
import trio
from trio.testing import MockClock

from conformance.catalogue import Catalogue
from conformance.engine import Played, Stage
from conformance.explore.plan import Move
from conformance.explore.search import AGAIN, Caught, HarnessFault, Search
from conformance.findings import Finding
from conformance.loader import Variant

from ..fake import FakeAdapter, World
from ..staging import stage_of
from .plans import small

SECONDS = 3600.0
"""Time enough: on the virtual clock nothing that is played here takes any."""

Breaks = Callable[[str], bool]
GUILTY = ("m4", "m11")


class Target:
    """Plays nothing: what a scenario is written like decides what is found in it."""

    def __init__(self, breaks: Breaks, *, rate: float = 1.0, requirement: str = "ORD-1") -> None:
        self._breaks = breaks
        self._rate = rate
        self._requirement = requirement
        self._random = Random(7)  # noqa: S311 - to be repeatable
        self.inconclusive = False
        self.trouble: str | None = None

    async def __call__(self, variant: Variant, stage: Stage, *, attempt: int) -> Played:
        """What `engine.play` would answer."""
        await trio.sleep(0.1)
        played = Played(variant=variant, attempt=attempt, findings=[], trouble=self.trouble)
        text = msgspec.json.encode(variant.scenario.steps).decode()
        if self._breaks(text) and self._random.random() < self._rate:
            finding = Finding(
                kind="step",
                requirements=(self._requirement,),
                message="it is broken",
                inconclusive=self.inconclusive,
            )
            played.findings.append(finding)
        return played


def both_guilty(text: str) -> bool:
    """Whether both guilty messages are sent."""
    return all(f'"client_message_id":"{label}"' in text for label in GUILTY)


CAUGHT = Caught(
    number=0,
    plan=small(
        *(Move(kind="send", label=f"m{n}", by="alice.phone", chat="team") for n in range(20))
    ),
    findings=(Finding(kind="step", requirements=("ORD-1",), message="it is broken"),),
)


@pytest.fixture
async def stage() -> Stage:
    """A stage on which nothing is really played."""
    return await stage_of(FakeAdapter(World()))


async def test_the_first_failure_ends_the_search(
    stage: Stage, catalogue: Catalogue, autojump_clock: MockClock
) -> None:
    """With what was found, and the plan that it was found in."""
    search = Search(stage, catalogue, 4, perform=Target(lambda text: "remove_member" in text))
    caught = await search.catch(trio.current_time() + SECONDS)
    assert caught is not None
    assert caught.blamed == ("ORD-1",)
    assert any(move.kind == "change" for move in caught.plan.moves)


async def test_the_search_ends_with_its_time(
    stage: Stage, catalogue: Catalogue, autojump_clock: MockClock
) -> None:
    """Nothing found is an answer."""
    search = Search(stage, catalogue, 4, perform=Target(lambda _text: False))
    began = trio.current_time()
    assert await search.catch(began + 5) is None
    assert trio.current_time() < began + 6
    assert search.tally.plans >= 4 * 40


@pytest.mark.parametrize("rate", [1.0, 0.5])
async def test_a_failure_that_comes_and_goes_is_made_small_all_the_same(
    rate: float, stage: Stage, catalogue: Catalogue, autojump_clock: MockClock
) -> None:
    """What is left fails; each smaller plan had several tries."""
    search = Search(stage, catalogue, 4, perform=Target(both_guilty, rate=rate))
    shrunk = await search.shrunk(CAUGHT, trio.current_time() + SECONDS)
    labels = [move.label for move in shrunk.caught.plan.moves]
    assert labels == list(GUILTY)
    assert shrunk.moves_before == 20
    assert shrunk.replays == AGAIN
    assert 0 < shrunk.failed <= AGAIN


async def test_a_failure_that_never_comes_back_stays_as_it_was_seen(
    stage: Stage, catalogue: Catalogue, autojump_clock: MockClock
) -> None:
    """It was broken once: that is told, with the plan as it was."""
    search = Search(stage, catalogue, 4, perform=Target(lambda _text: False))
    shrunk = await search.shrunk(CAUGHT, trio.current_time() + SECONDS)
    assert shrunk.caught == CAUGHT
    assert shrunk.failed == 0


async def test_another_failure_is_not_taken_for_the_same(
    stage: Stage, catalogue: Catalogue, autojump_clock: MockClock
) -> None:
    """Otherwise what is small would show something else than what was found."""
    search = Search(stage, catalogue, 4, perform=Target(both_guilty, requirement="STA-3"))
    shrunk = await search.shrunk(CAUGHT, trio.current_time() + SECONDS)
    assert shrunk.caught == CAUGHT


async def test_shrinking_ends_with_its_time(
    stage: Stage, catalogue: Catalogue, autojump_clock: MockClock
) -> None:
    """And keeps the least plan until then."""
    search = Search(stage, catalogue, 1, perform=Target(both_guilty))
    began = trio.current_time()
    shrunk = await search.shrunk(CAUGHT, began + 0.5)
    assert trio.current_time() < began + 2
    assert set(GUILTY) <= {move.label for move in shrunk.caught.plan.moves}


async def test_what_proves_nothing_is_no_failure(
    stage: Stage, catalogue: Catalogue, autojump_clock: MockClock
) -> None:
    """Time ran out on an overloaded host: nobody is accused."""
    target = Target(lambda _text: True)
    target.inconclusive = True
    search = Search(stage, catalogue, 4, perform=target)
    assert await search.catch(trio.current_time() + 1) is None
    assert search.tally.inconclusive == search.tally.plans


async def test_a_broken_should_is_no_failure(
    stage: Stage, catalogue: Catalogue, autojump_clock: MockClock
) -> None:
    """As in a run that is not strict."""
    search = Search(stage, catalogue, 4, perform=Target(lambda _text: True, requirement="EPH-1"))
    assert await search.catch(trio.current_time() + 1) is None


async def test_a_target_that_is_gone_ends_the_search(
    stage: Stage, catalogue: Catalogue, autojump_clock: MockClock
) -> None:
    """It is told, and nobody is accused."""
    target = Target(lambda _text: False)
    target.trouble = "the server does not answer"
    with pytest.raises(HarnessFault, match="does not answer"):
        await Search(stage, catalogue, 4, perform=target).catch(trio.current_time() + SECONDS)
