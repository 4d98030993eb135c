"""Which scenarios prove which requirements: the map between promises and the tests of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import UNSET, Struct

from .catalogue import Area, Catalogue, Requirement
from .language.scenario import Scenario
from .language.step import Step
from .loader import Variant
from .values import Path


class Claim(Struct, frozen=True):
    """That something proves a requirement: a scenario as a whole, or the step at `path`."""

    requirement: str
    path: Path


class Row(Struct, frozen=True):
    """One requirement with the ids of the scenarios that prove it, in order."""

    requirement: Requirement
    scenarios: tuple[str, ...]


def claims(scenario: Scenario) -> Iterator[Claim]:
    """What a scenario claims to prove, as a whole and step by step."""
    for name in scenario.proves:
        yield Claim(name, ("proves",))
    yield from _step_claims(scenario.steps, ("steps",))


def proved(scenario: Scenario) -> tuple[str, ...]:
    """The requirements that a scenario proves, its steps' own included, each once."""
    return tuple(dict.fromkeys(claim.requirement for claim in claims(scenario)))


def scenarios_of(variants: Iterable[Variant]) -> dict[str, list[Variant]]:
    """The variants by the id of their scenario, in order."""
    by_id: dict[str, list[Variant]] = {}
    for variant in variants:
        by_id.setdefault(variant.scenario.id, []).append(variant)
    return by_id


def cover(catalogue: Catalogue, variants: Iterable[Variant]) -> list[tuple[Area, list[Row]]]:
    """Every requirement of the catalogue, by area, with the scenarios that prove it."""
    provers: dict[str, dict[str, None]] = {}
    for variant in variants:
        for name in proved(variant.scenario):
            provers.setdefault(name, {})[variant.scenario.id] = None
    return [
        (area, [Row(each, tuple(provers.get(each.id, ()))) for each in area.requirements])
        for area in catalogue.areas
    ]


def _step_claims(steps: list[Step], path: Path) -> Iterator[Claim]:
    for index, step in enumerate(steps):
        at = (*path, index)
        if step.proves is not UNSET:
            names = [step.proves] if isinstance(step.proves, str) else step.proves
            for name in names:
                yield Claim(name, at)
        if step.together is not UNSET:
            for number, branch in enumerate(step.together):
                yield from _step_claims(branch, (*at, "together", number))
        if step.repeat is not UNSET:
            yield from _step_claims(step.repeat.steps, (*at, "repeat", "steps"))
