"""The heartbeat, on a clock of its own: who is pinged, and who was silent for too long."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import cast

import pytest
import trio
from trio.testing import MockClock
from websockets.frames import Opcode

from reference_server.core.limits import Limits
from reference_server.core.model import Identity
from reference_server.hub import Closing, Control, Hub, Outbox, Subscriber
from reference_server.service import Kernel
from reference_server.transport import heartbeat

INTERVAL_S = 30
FOREVER = 2**60


class Heart:
    """What the watch needs of a kernel: connections, limits, and the time of day."""

    def __init__(self) -> None:
        self.hub = Hub()
        self.limits = Limits(heartbeat_interval_ms=INTERVAL_S * 1000)
        self.wall = 0

    def now(self) -> int:
        """Milliseconds."""
        return self.wall

    def connect(self, user_id: str, expires_at: int = FOREVER) -> Subscriber:
        """Someone comes."""
        subscriber = Subscriber(Identity(user_id, "phone", expires_at), Outbox(1_000))
        self.hub.attach(subscriber)
        return subscriber


@pytest.fixture
async def heart() -> AsyncIterator[Heart]:
    """A heart that beats."""
    beating = Heart()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(heartbeat.watch, cast(Kernel, beating))
        yield beating
        nursery.cancel_scope.cancel()


async def pings(subscriber: Subscriber, intervals: int, *, answered: bool) -> int:
    """How many pings came within so many intervals."""
    count = 0
    with trio.move_on_after(intervals * INTERVAL_S + heartbeat.LOOK_ROUND_S):
        while batch := await subscriber.outbox.next_batch():
            for item in batch:
                assert isinstance(item, Control)
                assert item.wire == bytes((0x80 | Opcode.PING, 0))
                count += 1
            if answered:
                subscriber.heard = trio.current_time()
    return count


async def test_one_who_answers_is_pinged_every_interval_and_kept(
    heart: Heart, autojump_clock: MockClock
) -> None:
    """Not more often, and for ever."""
    bob = heart.connect("bob")
    assert await pings(bob, 10, answered=True) in (9, 10)
    assert bob.outbox.closing is None


async def test_one_who_is_silent_is_pinged_and_then_closed_with_4408(
    heart: Heart, autojump_clock: MockClock
) -> None:
    """After two intervals, not before."""
    bob = heart.connect("bob")
    await pings(bob, 1, answered=False)
    assert bob.outbox.closing is None
    await pings(bob, 1, answered=False)
    assert bob.outbox.closing == Closing(4408, "silent for too long")


async def test_anything_counts_as_life(heart: Heart, autojump_clock: MockClock) -> None:
    """A client that sends need not answer pings."""
    bob, carol = heart.connect("bob"), heart.connect("carol")
    for _ in range(10):
        await trio.sleep(INTERVAL_S / 2)
        bob.heard = trio.current_time()
    assert bob.outbox.closing is None
    assert carol.outbox.closing is not None


async def test_a_channel_that_sees_no_pongs_is_never_silent(
    heart: Heart, autojump_clock: MockClock
) -> None:
    """There, something else does the pings."""
    bob = heart.connect("bob")
    bob.heard = float("inf")
    await trio.sleep(10 * INTERVAL_S)
    assert bob.outbox.closing is None


async def test_an_expired_token_is_closed_with_4401(
    heart: Heart, autojump_clock: MockClock
) -> None:
    """SEC-5: also when the client says nothing; the others stay."""
    bob, carol = heart.connect("bob", expires_at=1_000), heart.connect("carol")
    heart.wall = 999
    await trio.sleep(2 * heartbeat.LOOK_ROUND_S)
    assert [each.outbox.closing for each in (bob, carol)] == [None, None]
    heart.wall = 1_000
    await trio.sleep(2 * heartbeat.LOOK_ROUND_S)
    assert [each.outbox.closing for each in (bob, carol)] == [Closing(4401, "token expired"), None]
