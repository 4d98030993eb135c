"""A service with a clock that tests set, and a record of what is published."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import trio

from reference_server.core.limits import Limits
from reference_server.events import Post
from reference_server.hub import Hub
from reference_server.service import THROWAWAY, Kernel, Service
from reference_server.storage.base import Store
from reference_server.storage.writer import Writer


class Clock:
    """Milliseconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1_763_000_000_000

    def __call__(self) -> int:
        """The moment."""
        return self.now


class RecordingHub(Hub):
    """A hub that remembers what it published."""

    def __init__(self) -> None:
        super().__init__()
        self.published: list[Post] = []

    def publish(self, post: Post) -> None:
        """Remember it and publish it."""
        self.published.append(post)
        super().publish(post)


@pytest.fixture
def clock() -> Clock:
    """The service's clock."""
    return Clock()


@pytest.fixture
def hub() -> RecordingHub:
    """The service's hub."""
    return RecordingHub()


@pytest.fixture
async def service(
    store: Store, limits: Limits, clock: Clock, hub: RecordingHub
) -> AsyncIterator[Service]:
    """The use cases with their writer running, and nothing else."""
    writer = Writer(store)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(writer.run)
        yield Service(Kernel(store, writer, hub, limits, clock), THROWAWAY)
        writer.stop()
