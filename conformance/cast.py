"""Who is on the stage: the actors of one run of a scenario, their devices, and the way to name them.

Everything generated derives from the seed, the scenario's name and what it is for, so that the same
seed gives the same names. On a target that has seen this seed before, and when a scenario is played a
second time, the next names of the same series are taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from .adapters.base import Client, Connection, Incoming, Outcome, Refusal, Session, Target
from .crypto import Keyring
from .findings import ScenarioFault
from .history import CANARY, History, Planted
from .language.scenario import Actor, Scenario
from .language.step import Step
from .naming import TRIES, Seeds
from .patience import Patience
from .scope import CANARY_NAME, TARGET_NAME, Scope
from .values import Path

Json = Any

_KERNELS = 6 * 1024 * 1024
"""Bytes that the kernels on both sides may hold for a reader that has stopped."""


class Flying:
    """A message that a step sent without waiting."""

    def __init__(self, outcome: Outcome, step: Step, path: Path, scope: Scope) -> None:
        self.outcome = outcome
        self.step = step
        self.path = path
        self.scope = scope
        self.outlived_the_server = False
        """Whether the server was taken away before its answer was looked at."""


class Device:
    """A device of an actor: its client, and how far the scenario has read its inbox."""

    def __init__(self, name: str, cast: Cast, actor: Person, client: Client) -> None:
        self.name = name
        self.cast = cast
        self.actor = actor
        self.client = client
        self._cursor = 0
        self._reading: Connection | None = None
        self.flying: list[Flying] = []
        self.keyring: Keyring | None = None
        """Its keys and sessions, once it has made some."""
        self.heard: set[int] = set()
        """The positions of `to_device` frames that its keyring took in."""
        self._words = 0

    @property
    def lane(self) -> str:
        """How timelines call it, ``bob.phone``."""
        return self.client.lane

    def unread(self, connection: Connection) -> Sequence[Incoming]:
        """What has come on its connection and lies behind the cursor."""
        if connection is not self._reading:
            self._reading, self._cursor = connection, 0
        return connection.inbox[self._cursor :]

    def advance(self, frames: int) -> None:
        """Move the cursor behind this many frames more."""
        self._cursor += frames

    def next_what(self, what: str) -> str:
        """A fresh name for something that this device generates."""
        self._words += 1
        return f"{what}/{self.lane}/{self._words}"

    def view(self) -> dict[str, Json]:
        """What ``$bob.phone`` stands for."""
        return {
            "user_id": self.actor.user_id,
            "device_id": self.client.device_id,
            "token": self.client.token,
        }


class Person:
    """An actor of the scenario as a user of the target."""

    def __init__(self, name: str, role: Actor) -> None:
        self.name = name
        self.role = role
        self.user_id = ""
        self.password = ""
        self.display_name = name.replace("_", " ").title()
        self.devices: dict[str, Device] = {}

    def view(self) -> dict[str, Json]:
        """What ``$bob`` stands for."""
        return {
            "user_id": self.user_id,
            "display_name": self.display_name,
            "password": self.password,
            **{name: device.view() for name, device in self.devices.items()},
        }


class Cast(Mapping[str, Json]):
    """All actors, and as a mapping the names that a scenario knows from the start."""

    def __init__(
        self,
        scenario: Scenario,
        seeds: Seeds,
        session: Session,
        target: Target,
        attempt: int,
        history: History,
        patience: Patience,
    ) -> None:
        self.seeds = seeds
        self.session = session
        self.patience = patience
        self._history = history
        self._canaries: list[str] = []
        self._attempt = attempt
        self.target_limits_sends = target.limits_sends
        self._target = _target_view(target)
        self.people = {name: Person(name, role) for name, role in scenario.actors.items()}
        for person in self.people.values():
            for name in (*person.role.devices, *person.role.later):
                client = session.client(f"{person.name}.{name}")
                person.devices[name] = Device(name, self, person, client)

    @property
    def devices(self) -> list[Device]:
        """Every device of every actor."""
        return [device for person in self.people.values() for device in person.devices.values()]

    def device(self, name: str) -> Device:
        """The device that a step names: ``bob.phone``, or ``bob`` for his only one."""
        actor, _, device = name.partition(".")
        person = self.people.get(actor)
        if person is None:
            raise ScenarioFault(f"there is no actor `{actor}`")
        if not device and len(person.devices) == 1:
            return next(iter(person.devices.values()))
        if device not in person.devices:
            raise ScenarioFault(f"{actor} has no device `{device}`: {', '.join(person.devices)}")
        return person.devices[device]

    async def register(self, person: Person) -> None:
        """Make the actor a user, under the first id of its series that is free."""
        person.password = self.seeds.word(f"password/{person.name}", 20)
        for number in range(TRIES):
            what = f"user/{person.name}/{self._attempt}/{number}"
            person.user_id = f"{person.name.replace('_', '-')}-{self.seeds.word(what, 10)}"
            registrar = next(iter(person.devices.values()), None)
            client = registrar.client if registrar else self.session.client(person.name)
            try:
                await client.register(person.user_id, person.password, person.display_name)
            except Refusal as refusal:
                if refusal.code != "user_exists":
                    raise
            else:
                for device in person.devices.values():
                    device.client.user_id = person.user_id
                return
        raise ScenarioFault(
            f"{TRIES} user ids for `{person.name}` are taken on this target: choose another --seed"
        )

    async def log_in(self, device: Device) -> Json:
        """Log the actor's device in, as the same device as before if it was."""
        return await device.client.login(
            device.actor.user_id, device.actor.password, self.device_id(device), device.name
        )

    def device_id(self, device: Device) -> str:
        """The id that a device logs in with: its own, or a new one."""
        return f"{device.name}-{self.seeds.word(f'device/{device.lane}/{self._attempt}', 8)}"

    # ── secrets ───────────────────────────────────────────────────────────────────────────────

    def plant(self, secret: str, what: str) -> str:
        """Remember a secret that the server must never say; `what` names it in a finding."""
        self._history.add(Planted(secret=secret, what=what))
        return secret

    def canary(self, what: str) -> str:
        """A fresh planted word."""
        number = f"{CANARY}/{self._attempt}/{len(self._canaries)}"
        self._canaries.append(CANARY + self.seeds.word(number, 20))
        return self.plant(self._canaries[-1], what)

    @cached_property
    def _own_canary(self) -> str:
        return self.canary("the scenario's own canary")

    # ── as a mapping ──────────────────────────────────────────────────────────────────────────

    def __getitem__(self, name: str) -> Json:
        if name == CANARY_NAME:
            return self._own_canary
        return self._target if name == TARGET_NAME else self.people[name].view()

    def __contains__(self, name: object) -> bool:
        return name in (TARGET_NAME, CANARY_NAME) or name in self.people

    def __iter__(self) -> Iterator[str]:
        yield from (TARGET_NAME, CANARY_NAME)
        yield from self.people

    def __len__(self) -> int:
        return len(self.people) + 2


def _target_view(target: Target) -> dict[str, Json]:
    view: dict[str, Json] = {
        "url": target.url,
        "versions": list(target.versions),
        "capabilities": sorted(target.capabilities),
        "limits": target.limits,
    }
    buffered = target.limits.get("max_connection_buffer_bytes")
    longest = target.limits.get("max_text_length")
    if isinstance(buffered, int) and isinstance(longest, int) and longest > 0:
        view["overrun"] = -(-(buffered + _KERNELS) // longest)
    return view
