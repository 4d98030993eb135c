"""`press`: going too far on purpose, against a chat in memory that may or may not mind."""

import pytest
import trio
from msgspec import structs
from trio.testing import MockClock

from conformance.adapters.base import Json, Refusal, SendCall, Target
from conformance.catalogue import Catalogue
from conformance.engine import Played, play
from conformance.patience import STALLED_S, Patience
from conformance.verdicts import verdict_of

from .fake import FakeAdapter, FakeConnection, World
from .scenarios import load, scenario
from .staging import stage_of

HEAD = """\
id: limits.example
title: Too much is too much
proves: [LIM-1]
actors:
  alice: {}
  bob: {}
given:
  chat: {direct: [alice, bob]}
steps:
"""


class LimitingWorld(World):
    """Takes `allowed` messages and then none for as long as it tells, or for longer."""

    def __init__(self, allowed: int, *, told_s: float = 2.0, meant_s: float = 2.0) -> None:
        super().__init__()
        self._allowed = allowed
        self._told_s = told_s
        self._meant_s = meant_s
        self._until: float | None = None
        self.refusal: dict[str, Json] = {"code": "rate_limited", "retryable": True}

    def append(self, sender: str, call: SendCall, origin: FakeConnection | None) -> dict[str, Json]:
        """As before, while it is not too much."""
        if self._allowed == 0:
            if self._until is None:
                self._until = trio.current_time() + self._meant_s
            if trio.current_time() < self._until:
                wait = {"retry_after_ms": int(self._told_s * 1000)}
                raise Refusal("rate_limited", None, wait | self.refusal)
        else:
            self._allowed -= 1
        return super().append(sender, call, origin)


class BreathlessWorld(World):
    """Everything stands still for some seconds while it takes its tenth message."""

    def __init__(self, clock: MockClock, patience: Patience) -> None:
        super().__init__()
        self._clock = clock
        self._patience = patience
        self._taken = 0

    def append(self, sender: str, call: SendCall, origin: FakeConnection | None) -> dict[str, Json]:
        """As before, but for once."""
        self._taken += 1
        if self._taken == 10:
            due = trio.current_time()
            self._clock.jump(3 * STALLED_S)
            self._patience.note(due, trio.current_time())
        return super().append(sender, call, origin)


class LimitedByItsStart(FakeAdapter):
    """A target that was started with a limit, as everybody knows."""

    async def discover(self) -> Target:
        """What is known of it."""
        return structs.replace(await super().discover(), limits_sends=True)


async def pressed(
    world: World,
    catalogue: Catalogue,
    *,
    times: int = 50,
    adapter: type[FakeAdapter] = FakeAdapter,
    patience: Patience | None = None,
) -> Played:
    """A scenario that sends up to so many messages."""
    text = scenario(
        "{as: alice, connect: {}}",
        f"{{as: alice, press: {{to: $chat, times: {times}}}, match: {{after_waiting: {{seq: 21}}}}}}",
        head=HEAD,
    )
    loaded = load(text, catalogue)
    assert loaded.problems == ()
    stage = await stage_of(adapter(world), patience=patience)
    return await play(loaded.variants[0], stage)


async def test_a_target_that_takes_it_again_after_the_wait_passes(
    catalogue: Catalogue, autojump_clock: MockClock
) -> None:
    """Which is what LIM-1 says."""
    played = await pressed(LimitingWorld(20), catalogue)
    assert verdict_of(played) == "pass"


async def test_a_target_that_limits_nothing_has_shown_nothing(
    catalogue: Catalogue, autojump_clock: MockClock
) -> None:
    """Rate limiting is off by default: neither right nor wrong."""
    played = await pressed(World(), catalogue)
    assert verdict_of(played) == "not applicable"
    assert played.not_shown is not None


async def test_a_slow_target_of_which_no_limit_is_known_has_shown_nothing(
    catalogue: Catalogue, autojump_clock: MockClock
) -> None:
    """It may well have none, and must not be left without a verdict for ever."""
    world = World()
    world.takes_s = 4.0
    played = await pressed(world, catalogue, times=500)
    assert verdict_of(played) == "not applicable"


async def test_a_known_limit_that_was_not_reached_in_time_is_inconclusive(
    catalogue: Catalogue, autojump_clock: MockClock
) -> None:
    """The capability is there, the pressure was not: `not applicable` would be wrong."""
    world = World()
    world.takes_s = 4.0
    played = await pressed(world, catalogue, times=500, adapter=LimitedByItsStart)
    assert verdict_of(played) == "inconclusive"
    assert "too few" in played.findings[0].message


async def test_a_known_limit_that_refuses_nobody_is_broken(
    catalogue: Catalogue, autojump_clock: MockClock
) -> None:
    """All messages went out in time, beyond the limit, and all were taken."""
    played = await pressed(World(), catalogue, adapter=LimitedByItsStart)
    assert verdict_of(played) == "fail"
    assert played.findings[0].requirements == ("LIM-1",)


async def test_pressing_from_a_host_that_is_out_of_breath_is_inconclusive(
    catalogue: Catalogue, autojump_clock: MockClock
) -> None:
    """Whether the target has a limit cannot be said when it was hardly pressed."""
    patience = Patience()
    played = await pressed(BreathlessWorld(autojump_clock, patience), catalogue, patience=patience)
    assert verdict_of(played) == "inconclusive"
    assert "overloaded" in played.findings[0].message


async def test_a_target_that_refuses_again_after_its_own_wait_fails(
    catalogue: Catalogue, autojump_clock: MockClock
) -> None:
    """It told less than it meant."""
    played = await pressed(LimitingWorld(20, told_s=2, meant_s=5), catalogue)
    assert verdict_of(played) == "fail"
    assert "again" in played.findings[0].message


async def test_a_wait_too_long_to_be_tried_is_believed(
    catalogue: Catalogue, autojump_clock: MockClock
) -> None:
    """An hour, for example."""
    played = await pressed(LimitingWorld(20, told_s=3600, meant_s=3600), catalogue)
    assert verdict_of(played) == "not applicable"


@pytest.mark.parametrize("members", [{"retryable": False}, {"retry_after_ms": None}])
async def test_a_refusal_that_does_not_say_when_to_come_back_fails(
    catalogue: Catalogue, autojump_clock: MockClock, members: dict[str, Json]
) -> None:
    """LIM-1 wants a time to wait, and a send that may be tried again is `retryable`."""
    world = LimitingWorld(20)
    world.refusal |= members
    played = await pressed(world, catalogue)
    assert verdict_of(played) == "fail"
