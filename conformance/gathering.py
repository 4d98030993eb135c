"""Scenarios that take the server away, played side by side: one outage serves all of them.

To start a server again costs far more than what a scenario does with it, so those that lose it in the
same manner are played together (`gatherings`), and the server goes when each of them is ready or has
ended. Waiting for one another must not make them easier to survive: a server that answers first and
stores later would have time to catch up. So each scenario halts on the brink, before the last thing that
it does while the server is there, and none goes on before all have come as far:

    everybody       prepares …                          halts ┃
    the quiet ones  do their last deed                  halt  ┃
    the one amid    is in the middle of its traffic           ┃ the outage

One of them may be hit amid its own traffic: its last part begins when the quiet ones have done theirs,
and the outage comes the moment that it asks for one. Two of these never meet. A scenario with more than
one outage is a gathering of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import trio
from msgspec import UNSET, Struct

from .language.step import Step
from .loader import Variant
from .outages import MANNERS, Halt, Halts, Manner, Outages
from .values import Path

HALTS = 2
"""How often a scenario waits for the others before it asks for the outage."""

Place = tuple[int, Manner]


class Approach(Struct, frozen=True):
    """How a scenario comes to its only outage."""

    manner: Manner
    halts: Mapping[Path, int]
    """How often it waits for the others before a step."""
    amid: bool
    """Whether it must be hit amid its own traffic, and cannot wait then."""


def approach_of(steps: Sequence[Step]) -> Approach | None:
    """How a scenario of these steps comes to its outage; None if it has not exactly one."""
    outages = [(at, manner) for at, step in enumerate(steps) for manner in _outages_in(step)]
    if len(outages) != 1:
        return None
    ((at, manner),) = outages
    if getattr(steps[at], MANNERS[manner].verb) is UNSET:
        return Approach(manner, {("steps", at): HALTS}, amid=True)
    deed = next((n for n in reversed(range(at)) if _is_deed(steps[n])), at)
    if deed == at:
        return Approach(manner, {("steps", at): HALTS}, amid=False)
    if _leaves_in_flight(steps[deed]):
        return Approach(manner, {("steps", deed): HALTS}, amid=True)
    return Approach(manner, {("steps", deed): 1, ("steps", at): HALTS - 1}, amid=False)


def gatherings(variants: Sequence[Variant], size: int) -> list[list[Variant]]:
    """Who is played with whom, at most `size` together; everybody is in one of them."""
    known = {each.name: approach_of(each.scenario.steps) for each in variants}
    found = [[each] for each in variants if known[each.name] is None]
    for manner in MANNERS:
        going = [(each, a) for each in variants if (a := known[each.name]) and a.manner == manner]
        quiet = [each for each, approach in going if not approach.amid]
        amid = [each for each, approach in going if approach.amid]
        while quiet or amid:
            together, amid = amid[:1], amid[1:]
            room = size - len(together)
            found.append(together + quiet[:room])
            quiet = quiet[room:]
    return found


class Gathering:
    """The scenarios of one gathering while they are played, and what they wait for.

    Whoever still plays is waited for. A halt is passed when everybody else has halted or asked for an
    outage, and an outage happens when everybody has asked for it; it runs in `nursery`, so that it
    is not left half done when the scenario that was the last to ask is cancelled.
    """

    def __init__(self, outages: Outages, size: int, nursery: trio.Nursery) -> None:
        self._outages = outages
        self._playing = size
        self._nursery = nursery
        self._halted: list[trio.Event] = []
        self._asked: list[_Asked] = []
        self.outages: Outages = {manner: partial(self._lose, manner) for manner in outages}
        """What a scenario of the gathering asks for instead: an outage that is shared."""

    def halts(self, steps: Sequence[Step]) -> Halts:
        """Where a scenario of these steps waits for the others, and how."""
        approach = approach_of(steps)
        return (
            {} if approach is None else {path: self._halt(n) for path, n in approach.halts.items()}
        )

    def leave(self) -> None:
        """Be waited for no longer: this scenario has ended."""
        self._playing -= 1
        self._go_on()

    def _halt(self, times: int) -> Halt:
        async def halt() -> None:
            for _ in range(times):
                everybody = trio.Event()
                self._halted.append(everybody)
                self._go_on()
                try:
                    await everybody.wait()
                finally:
                    if everybody in self._halted:
                        self._halted.remove(everybody)

        return halt

    async def _lose(self, manner: Manner) -> None:
        asked = _Asked(manner)
        self._asked.append(asked)
        self._go_on()
        try:
            await asked.back.wait()
        finally:
            if asked in self._asked:
                self._asked.remove(asked)
        if asked.trouble is not None:
            raise asked.trouble

    def _go_on(self) -> None:
        """Let happen what nobody is missing for."""
        if len(self._halted) + len(self._asked) < self._playing:
            return
        if self._halted:
            halted, self._halted = self._halted, []
            for everybody in halted:
                everybody.set()
        elif self._asked:
            manner = self._asked[0].manner
            served = [each for each in self._asked if each.manner == manner]
            self._asked = [each for each in self._asked if each.manner != manner]
            self._nursery.start_soon(self._take_away, manner, served)

    async def _take_away(self, manner: Manner, served: Sequence[_Asked]) -> None:
        trouble: Exception | None = None
        try:
            await self._outages[manner]()
        except Exception as error:  # whatever it is, it is told to those who asked
            trouble = error
        for each in served:
            each.trouble = trouble
            each.back.set()


class _Asked:
    """One scenario's wish for an outage."""

    def __init__(self, manner: Manner) -> None:
        self.manner = manner
        self.back = trio.Event()
        self.trouble: Exception | None = None


def _outages_in(step: Step) -> list[Manner]:
    """The outages in a step; those in a loop count twice, because they come again."""
    own: list[Manner] = [
        manner for manner, words in MANNERS.items() if getattr(step, words.verb) is not UNSET
    ]
    within = [manner for each in _within(step) for manner in _outages_in(each)]
    return own + (within if step.repeat is UNSET else within * 2)


def _within(step: Step) -> list[Step]:
    """The steps of a step that has steps."""
    if step.repeat is not UNSET:
        return step.repeat.steps
    return [] if step.together is UNSET else [each for branch in step.together for each in branch]


def _is_deed(step: Step) -> bool:
    """Whether somebody does something in it that the server has to remember, or to tell."""
    return any(map(_is_deed, _within(step))) or (step.as_ is not UNSET and step.settle is UNSET)


def _leaves_in_flight(step: Step) -> bool:
    """Whether it sends what it does not wait for."""
    sends = step.send is not UNSET and not step.send.wait
    return sends or any(map(_leaves_in_flight, _within(step)))
