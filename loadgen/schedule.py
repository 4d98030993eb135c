"""When messages are sent: planned ahead, whatever the server does (an open model).

A load is a rate, drawn out over phases: `steady` is one, `steps` climbs, `spike` bursts in the middle.
An arrival is a moment and a user, who sends in its conversation; all arrivals derive from the seed, so
processes that each carry some of the users need not talk to each other to agree on the plan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Annotated, Final, Literal, NamedTuple, get_args

from msgspec import Meta, Struct

Shape = Literal["steady", "steps", "spike", "soak"]
Arrivals = Literal["poisson", "uniform"]


class Phase(Struct, frozen=True):
    """A part of the measured time."""

    share: float
    """Of the duration."""
    factor: float
    """Of the rate."""


SHAPES: Final[dict[Shape, tuple[Phase, ...]]] = {
    "steady": (Phase(1.0, 1.0),),
    "steps": tuple(Phase(0.25, step / 4) for step in range(1, 5)),
    "spike": (Phase(0.45, 1.0), Phase(0.1, 5.0), Phase(0.45, 1.0)),
    "soak": (Phase(1.0, 1.0),),
}
"""A soak is steady, but long: its duration is `SOAK_DURATION` unless one is given."""

SOAK_DURATION: Final = 3600.0


Act = Literal["text", "media", "history"]
"""What a user does when its moment comes: sends a text, shares a file, or reads a page of history."""


class Mix(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often each act is chosen, by weights that need not add up to anything."""

    text: Annotated[float, Meta(ge=0)] = 0.0
    """Sends a text."""
    media: Annotated[float, Meta(ge=0)] = 0.0
    """Uploads a file and sends a message with it; every recipient downloads it."""
    history: Annotated[float, Meta(ge=0)] = 0.0
    """Reads a page of history, ever further back, instead of sending."""

    @property
    def weights(self) -> dict[Act, float]:
        """What happens at all."""
        each: dict[Act, float] = {act: getattr(self, act) for act in get_args(Act)}
        return {act: weight for act, weight in each.items() if weight}


class Storm(Struct, frozen=True, kw_only=True):
    """All connections are cut, and everybody comes back. Times in seconds."""

    every: float
    within: float
    """Everybody is planned to come back at a moment of so long."""


class Load(Struct, frozen=True, kw_only=True):
    """How much is sent when. Times in seconds, the rate in messages per second."""

    rate: float
    warmup: float
    duration: float
    shape: Shape = "steady"
    arrivals: Arrivals = "poisson"
    mix: Mix = Mix(text=1)
    storm: Storm | None = None

    @property
    def end(self) -> float:
        """When the last arrival has been planned for, from the beginning of the warm-up."""
        return self.warmup + self.duration

    @property
    def expected(self) -> float:
        """How many arrivals there will be, on average."""
        measured = sum(phase.share * phase.factor for phase in SHAPES[self.shape]) * self.duration
        return self.rate * (self.warmup * SHAPES[self.shape][0].factor + measured)

    @property
    def peak(self) -> float:
        """The highest rate of any phase."""
        return self.rate * max(phase.factor for phase in SHAPES[self.shape])


class Arrival(NamedTuple):
    """One planned message."""

    at: float
    """Seconds from the beginning of the warm-up."""
    number: int
    """Its place in the plan, from 0."""
    user: int
    act: Act


def arrivals(load: Load, users: int, seed: int) -> Iterator[Arrival]:
    """The whole plan, in the order of time."""
    draw = Random(f"{seed}/arrivals")  # noqa: S311  # a plan must be repeatable, not secret
    gap = _GAPS[load.arrivals]
    acts, weights = list(load.mix.weights), list(load.mix.weights.values())
    number = 0
    for begin, end, rate in _phases(load):
        at = begin + gap(draw, rate)
        while at < end:
            user = int(draw.random() * users)
            act = acts[0] if len(acts) == 1 else draw.choices(acts, weights)[0]
            yield Arrival(at, number, user, act)
            number += 1
            at += gap(draw, rate)


def cuts(load: Load) -> Iterator[float]:
    """When all connections are cut: seconds from the beginning of the warm-up."""
    if load.storm is not None:
        at = load.storm.every
        while at < load.end:
            yield at
            at += load.storm.every


_GAPS: Final[dict[Arrivals, Callable[[Random, float], float]]] = {
    "poisson": Random.expovariate,
    "uniform": lambda _draw, rate: 1 / rate,
}


def _phases(load: Load) -> Iterator[tuple[float, float, float]]:
    """Begin, end and rate of each stretch; the warm-up goes as the first phase will."""
    phases = SHAPES[load.shape]
    if load.warmup:
        yield 0.0, load.warmup, load.rate * phases[0].factor
    begin = load.warmup
    for phase in phases:
        end = begin + phase.share * load.duration
        yield begin, end, load.rate * phase.factor
        begin = end
