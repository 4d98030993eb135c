"""Before the first step and after the last: what a scenario has without saying so.

Before: its actors are registered, their devices logged in, keys published for encrypted conversations,
its conversations created. After, when
checkers are to judge: everything in flight is settled, a barrier is passed, and each device reads the
whole of each conversation, so that what it was shown can be compared with what is stored. Whoever is
not to read a conversation is asked to all the same: being refused is fine, being let in is for the
checkers to find.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from msgspec import UNSET

from .adapters.base import Refusal
from .cast import Cast, Device, Person
from .concurrently import side_by_side
from .findings import ScenarioFault
from .history import ConversationSeen, History
from .language.encryption import PublishKeys
from .language.scenario import Given, Scenario
from .performance import Performance
from .scope import Scope
from .steps.encryption import publish_keys

Json = Any


async def set_up(scenario: Scenario, cast: Cast) -> Scope:
    """Make the actors and their conversations; answer the scope that knows them."""
    await _all_at_once(cast)
    await _publish_keys(scenario, cast)
    scope = Scope(cast)
    for name, given in scenario.given.items():
        scope.save(name, await _create(given, cast))
    return scope


async def _all_at_once(cast: Cast) -> None:
    async def admit(person: Person) -> None:
        await cast.register(person)
        for name in person.role.devices:
            await cast.log_in(person.devices[name])

    await side_by_side(cast.people.values(), admit)


async def _publish_keys(scenario: Scenario, cast: Cast) -> None:
    """Let everybody who is to talk in secret be ready for it."""
    names = {
        name
        for given in scenario.given.values()
        if given.encrypted
        for name in [*(given.direct or ()), *(given.group or ())]
    }

    async def publish(device: Device) -> None:
        await publish_keys(device, PublishKeys())

    people = [cast.people[name] for name in sorted(names)]
    await side_by_side(
        [person.devices[name] for person in people for name in person.role.devices], publish
    )


async def _create(given: Given, cast: Cast) -> Json:
    if given.direct is not UNSET:
        creator, other = given.direct
        return await _first_device(cast, creator).client.create_direct(
            [cast.people[other].user_id], encrypted=given.encrypted or None
        )
    assert given.group is not UNSET
    creator, *others = given.group
    client = _first_device(cast, creator).client
    title = None if given.title is UNSET else given.title
    group = await client.create_group(
        [cast.people[name].user_id for name in others], title, encrypted=given.encrypted or None
    )
    for name, role in given.roles.items():
        group = {
            **await client.set_member(group["conversation_id"], cast.people[name].user_id, role),
            "created": True,
        }
    return group


def _first_device(cast: Cast, name: str) -> Device:
    person = cast.people[name]
    if not person.role.devices:
        raise ScenarioFault(
            f"`{name}` creates a conversation under `given` but has no device that is logged in"
        )
    return person.devices[person.role.devices[0]]


async def wind_up(scenario: Scenario, performance: Performance) -> None:
    """Leave the run in a state that the scenario's checkers can judge."""
    await performance.settle_all()
    if not scenario.check:
        return
    await performance.barrier.pass_through()
    for conversation_id in _known(performance.history):
        for device in performance.cast.devices:
            await _read_whole(device, conversation_id)


def _known(history: History) -> list[str]:
    seen = (event.conversation_id for event in history if isinstance(event, ConversationSeen))
    return list(dict.fromkeys(seen))


async def _read_whole(device: Device, conversation_id: str) -> None:
    line = device.client.connection
    if device.client.token is None or (line is not None and line.frozen):
        return
    with suppress(Refusal):
        await device.client.walk(conversation_id, "after")
