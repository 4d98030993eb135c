"""A clock that is put back: times in a log never fall (ORD-6), also across a restart."""

from __future__ import annotations

from pathlib import Path

from reference_server.app import running_service
from reference_server.core.limits import Limits
from reference_server.core.times import rfc3339
from reference_server.service import THROWAWAY
from reference_server.storage.sqlite import SqliteStore

from ..reference_server.people import direct, newcomer, say

NOON = 1_763_000_000_000
HOUR = 3_600_000


async def test_times_never_fall_when_the_clock_is_put_back(tmp_path: Path) -> None:
    """By an hour, amid a conversation: the log waits for the clock to come after it."""
    store = SqliteStore(tmp_path)
    async with running_service(store, Limits(), THROWAWAY) as service:
        now = NOON
        service.kernel.now = lambda: now
        alice, bob = [await newcomer(service, name) for name in ("alice", "bob")]
        chat = await direct(service, alice, bob)
        first = await say(service, alice, chat, "at noon")
        now = NOON - HOUR
        second = await say(service, bob, chat, "an hour before noon")
    store.close()
    store = SqliteStore(tmp_path)
    async with running_service(store, Limits(), THROWAWAY) as service:
        service.kernel.now = lambda: now
        third = await say(service, alice, chat, "after a restart")
        now = NOON + HOUR
        fourth = await say(service, alice, chat, "an hour after noon")
    store.close()
    assert [each.seq for each in (first, second, third, fourth)] == [1, 2, 3, 4]
    times = [each.created_at for each in (first, second, third, fourth)]
    assert times == [rfc3339(NOON)] * 3 + [rfc3339(NOON + HOUR)]
