"""A scenario as a whole: who is there, what is given, what they do, and what must hold."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType, field

from .nodes import Capability, Name, Node, Requirements, Value
from .step import Step

ScenarioId = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9]+(\.[a-z0-9-]+)+$",
        max_length=80,
        description="an id like `status.delivered-then-read`: its area, a dot, what it shows",
    ),
]
CheckerName = Literal["order", "delivery", "status", "history", "secrecy", "schema"]


class Actor(Node, frozen=True):
    """A user made for this scenario alone, with a fresh `user_id` that derives from the seed.

    ``$bob`` has ``user_id``, ``display_name`` and ``password``; ``$bob.phone`` has ``user_id``,
    ``device_id`` and ``token``.
    """

    devices: list[Name] = field(default_factory=lambda: ["main"])
    """Devices that are logged in before the first step. ``[]``: registered, not logged in."""
    later: list[Name] = []
    """Devices that the scenario itself logs in, with ``login``."""


class Given(Node, frozen=True):
    """A conversation that exists before the first step; its first member creates it."""

    direct: Annotated[list[Name], Meta(min_length=2, max_length=2)] | UnsetType = UNSET
    group: Annotated[list[Name], Meta(min_length=1)] | UnsetType = UNSET
    title: str | UnsetType = UNSET
    encrypted: bool = False
    """Its members' devices publish their keys first; then only ciphertext is sent in it."""
    roles: dict[Name, Literal["owner", "admin", "member"]] = {}
    """Roles other than the creator's ``owner`` and everyone else's ``member``; groups only.

    Each is one membership change, so each is one ``role`` entry in the group's log.
    """


class Scenario(Node, frozen=True, kw_only=True):
    """One scenario: who is there, what they do, and what must hold."""

    id: ScenarioId
    title: str
    proves: Requirements
    needs: list[Capability] = []
    """Capabilities without which it is not applicable.

    ``restart`` stands for a target that can be killed and restarted, ``stop`` for one that can be
    stopped in order and started again.
    """
    tags: list[str] = []
    matrix: dict[Name, list[Value]] = {}
    """Parameters: the scenario runs once for each combination, with ``$name`` replaced at loading."""
    actors: Annotated[dict[Name, Actor], Meta(min_length=1)]
    given: dict[Name, Given] = {}
    steps: Annotated[list[Step], Meta(min_length=1)]
    check: list[CheckerName] = []
    """Checkers that judge the whole history of the run."""
    deadline: Annotated[int, Meta(ge=1, le=600)] = 60
    """Seconds after which the harness gives the scenario up; patience, not a verdict on latency."""
