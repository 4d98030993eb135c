"""The requirement catalogue: every promise that can be broken, under its id.

`specs/requirements.yaml` holds the normative sentences of the Messenger API, grouped by area, with the
level, the capability each needs and the section it comes from. Verdicts are given by these ids, and a
scenario may only claim to prove what stands here.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from .decoding import Complaint, decode
from .language.nodes import Capability, RequirementId
from .positions import read
from .problems import BadInput, unknown
from .resources import REQUIREMENTS
from .values import Path as TreePath

Level = Literal["MUST", "SHOULD"]


class Requirement(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One promise."""

    id: RequirementId
    level: Level
    text: str
    """The normative sentence."""
    source: str
    """The section of the contract that it comes from."""
    capability: Capability | None = None
    """The capability without which it does not apply."""


class Area(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Promises about one subject; their ids begin with the area's prefix."""

    prefix: Annotated[str, Meta(pattern=r"^[A-Z]+$")]
    title: str
    requirements: Annotated[tuple[Requirement, ...], Meta(min_length=1)]


class Catalogue(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """`specs/requirements.yaml`: what a server promises, and what it may leave out."""

    contract: str
    """The document whose sentences these are."""
    capabilities: dict[Capability, str]
    """What a server may leave out, with what each is."""
    codes: dict[str, int]
    """The error codes, with the HTTP status of each."""
    areas: Annotated[tuple[Area, ...], Meta(min_length=1)]

    @cached_property
    def requirements(self) -> dict[str, Requirement]:
        """Every requirement by its id, in the order of the contract."""
        return {each.id: each for area in self.areas for each in area.requirements}


def load_catalogue(file: Path = REQUIREMENTS) -> Catalogue:
    """Read a catalogue. Raises `BadInput` with every mistake in it."""
    document = read(file)
    catalogue, problems = decode(document, Catalogue)
    if catalogue is not None:
        problems = [complaint.problem(document) for complaint in _check(catalogue)]
    if catalogue is None or problems:
        raise BadInput("\n".join(map(str, problems)))
    return catalogue


def _check(catalogue: Catalogue) -> Iterator[Complaint]:
    seen: set[str] = set()
    for number, area in enumerate(catalogue.areas):
        for index, requirement in enumerate(area.requirements):
            path: TreePath = ("areas", number, "requirements", index)
            if requirement.id in seen:
                yield Complaint((*path, "id"), f"`{requirement.id}` is here twice")
            seen.add(requirement.id)
            if not requirement.id.startswith(area.prefix + "-"):
                yield Complaint((*path, "id"), f"an id of this area begins with `{area.prefix}-`")
            capability = requirement.capability
            if capability is not None and capability not in catalogue.capabilities:
                message = unknown("capability", capability, catalogue.capabilities)
                yield Complaint((*path, "capability"), message)
