"""Scenarios that lose the server together: who with whom, when they wait, and for whom."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from conformance.adapters.base import TargetTrouble
from conformance.catalogue import Catalogue
from conformance.gathering import Approach, Gathering, approach_of, gatherings
from conformance.language.step import Step
from conformance.loader import Variant

from .scenarios import HEAD, load, scenario

SEND = "{as: alice, send: {to: $chat, text: hello}}"
BURST = "repeat: {times: 5, steps: [{as: alice, send: {to: $chat, wait: false}}]}"
KILL = "{restart_server: {}}"
STOP = "{stop_server: {}}"
AMID = f"together: [[{SEND}], [{STOP}]]"


@pytest.fixture
def steps_of(catalogue: Catalogue) -> Loading:
    """Steps from lines of a scenario."""
    return Loading(catalogue)


class Loading:
    """Variants and steps from lines."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def variant(self, name: str, *lines: str) -> Variant:
        """A scenario of this name."""
        head = HEAD.replace("delivery.example", f"delivery.{name}")
        (variant,) = load(scenario(*lines, head=head), self._catalogue).variants
        return variant

    def __call__(self, *lines: str) -> Sequence[Step]:
        """The steps alone."""
        return self.variant("example", *lines).scenario.steps


# ── how a scenario comes to its outage ────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("lines", "approach"),
    [
        ((SEND, SEND, KILL, SEND), Approach("restart", {("steps", 1): 1, ("steps", 2): 1}, False)),
        ((KILL, SEND), Approach("restart", {("steps", 0): 2}, False)),
        (
            (SEND, "{on: bob.phone, expect: {message: {}}}", STOP),
            Approach("stop", {("steps", 0): 1, ("steps", 2): 1}, False),
        ),
        (
            (SEND, BURST, "{as: alice, settle: {}}", KILL),
            Approach("restart", {("steps", 1): 2}, True),
        ),
        ((SEND, BURST, KILL), Approach("restart", {("steps", 1): 2}, True)),
        ((SEND, AMID), Approach("stop", {("steps", 1): 2}, True)),
        ((SEND, KILL, SEND, KILL), None),
        ((f"repeat: {{times: 2, steps: [{KILL}]}}",), None),
        ((SEND,), None),
    ],
)
def test_a_scenario_halts_before_its_last_deed_and_before_the_outage(
    steps_of: Loading, lines: Sequence[str], approach: Approach | None
) -> None:
    """Or, when it is hit amid its traffic, twice before that; with several outages, never."""
    assert approach_of(steps_of(*lines)) == approach


def test_those_of_one_manner_are_gathered_with_at_most_one_that_is_hit_amid_traffic(
    steps_of: Loading,
) -> None:
    """No gathering is larger than what may be in flight, and everybody is in one."""
    variants = [
        steps_of.variant("twice", KILL, KILL),
        steps_of.variant("burst", BURST, KILL),
        steps_of.variant("other-burst", BURST, KILL),
        *(steps_of.variant(f"kill{n}", SEND, KILL) for n in range(4)),
        steps_of.variant("stop", SEND, STOP),
        steps_of.variant("amid", SEND, AMID),
    ]

    def named(size: int) -> list[list[str]]:
        found = gatherings(variants, size)
        return [[each.name.removeprefix("delivery.") for each in one] for one in found]

    assert named(16) == [
        ["twice"],
        ["burst", "kill0", "kill1", "kill2", "kill3"],
        ["other-burst"],
        ["amid", "stop"],
    ]
    assert named(3) == [
        ["twice"],
        ["burst", "kill0", "kill1"],
        ["other-burst", "kill2", "kill3"],
        ["amid", "stop"],
    ]
    assert [len(one) for one in named(1)] == [1] * len(variants)


# ── while they are played ─────────────────────────────────────────────────────────────────────


class Played:
    """A server that can be taken away, and scenarios that do one thing after the other."""

    def __init__(self, steps_of: Loading) -> None:
        self._steps_of = steps_of
        self.record: list[str] = []
        self.back = trio.Event()
        self.back.set()
        self.trouble: Exception | None = None

    async def outage(self) -> None:
        """Gone; back when the event is set."""
        self.record.append("gone")
        await self.back.wait()
        self.record.append("back")
        if self.trouble is not None:
            raise self.trouble

    def gathering(self, size: int, nursery: trio.Nursery) -> Gathering:
        """A gathering of so many scenarios."""
        return Gathering({"restart": self.outage}, size, nursery)

    async def quiet(self, name: str, gathering: Gathering, preparing: float = 0) -> None:
        """Prepares, does its last deed, loses the server, ends."""
        halts = gathering.halts(self._steps_of(SEND, KILL))
        await trio.sleep(preparing)
        await halts["steps", 0]()
        self.record.append(f"{name} does")
        await halts["steps", 1]()
        await self.ask(name, gathering)

    async def amid(self, name: str, gathering: Gathering) -> None:
        """Is hit while it still does something."""
        halts = gathering.halts(self._steps_of(BURST, KILL))
        await halts["steps", 0]()
        self.record.append(f"{name} does")
        await trio.sleep(0.1)
        await self.ask(name, gathering)

    async def ask(self, name: str, gathering: Gathering) -> None:
        """Lose the server, tell how it went, and end."""
        try:
            await gathering.outages["restart"]()
            self.record.append(f"{name} goes on")
        except Exception as error:
            self.record.append(f"{name}: {error}")
        gathering.leave()


@pytest.fixture
def played(steps_of: Loading) -> Played:
    """A server and its scenarios."""
    return Played(steps_of)


async def test_nobody_does_the_last_thing_before_all_are_ready_for_theirs(
    played: Played, autojump_clock: MockClock
) -> None:
    """So that no server has time to store what it has answered already; and there is one outage."""
    async with trio.open_nursery() as nursery:
        gathering = played.gathering(3, nursery)
        nursery.start_soon(played.quiet, "alice", gathering)
        nursery.start_soon(played.quiet, "bob", gathering, 30)
        nursery.start_soon(played.amid, "carol", gathering)
        await trio.sleep(20)
        assert played.record == []
    assert sorted(played.record[:2]) == ["alice does", "bob does"]
    assert played.record[2:5] == ["carol does", "gone", "back"]
    assert sorted(played.record[5:]) == ["alice goes on", "bob goes on", "carol goes on"]
    assert trio.current_time() == pytest.approx(30.1)


async def test_a_scenario_that_has_ended_is_not_waited_for(
    played: Played, autojump_clock: MockClock
) -> None:
    """Whenever it ends: the others halt or have asked by then."""
    async with trio.open_nursery() as nursery:
        gathering = played.gathering(2, nursery)
        nursery.start_soon(played.quiet, "alice", gathering)
        await wait_all_tasks_blocked()
        assert played.record == []
        gathering.leave()
    assert played.record == ["alice does", "gone", "back", "alice goes on"]


@pytest.mark.parametrize("trouble", [TargetTrouble("it did not start"), OSError("no such file")])
async def test_an_outage_that_fails_is_everybodys_trouble(
    played: Played, autojump_clock: MockClock, trouble: Exception
) -> None:
    """Each of them is told the same."""
    played.trouble = trouble
    async with trio.open_nursery() as nursery:
        gathering = played.gathering(2, nursery)
        nursery.start_soon(played.quiet, "alice", gathering)
        nursery.start_soon(played.quiet, "bob", gathering)
    assert sorted(played.record[-2:]) == [f"alice: {trouble}", f"bob: {trouble}"]


async def test_an_outage_is_not_left_half_done_when_one_who_asked_is_cancelled(
    played: Played,
) -> None:
    """The server is back for the others."""
    played.back = trio.Event()
    async with trio.open_nursery() as nursery:
        gathering = played.gathering(2, nursery)
        nursery.start_soon(played.quiet, "alice", gathering)
        async with trio.open_nursery() as bobs:
            bobs.start_soon(played.quiet, "bob", gathering)
            await wait_all_tasks_blocked()
            assert played.record[-1] == "gone"
            bobs.cancel_scope.cancel()
        gathering.leave()
        played.back.set()
    assert played.record[-2:] == ["back", "alice goes on"]


async def test_one_who_is_cancelled_while_it_waits_holds_nobody_up(played: Played) -> None:
    """Nor is it counted among those who wait."""
    async with trio.open_nursery() as nursery:
        gathering = played.gathering(3, nursery)
        nursery.start_soon(played.quiet, "alice", gathering)
        async with trio.open_nursery() as bobs:
            bobs.start_soon(played.quiet, "bob", gathering)
            await wait_all_tasks_blocked()
            bobs.cancel_scope.cancel()
        nursery.start_soon(played.quiet, "carol", gathering)
        await wait_all_tasks_blocked()
        assert played.record == []
        gathering.leave()
    assert played.record.count("gone") == 1
    assert sorted(played.record[-2:]) == ["alice goes on", "carol goes on"]
