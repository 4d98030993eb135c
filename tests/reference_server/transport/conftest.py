"""Servers on loopback, and the lanes that a session runs over."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from reference_server.app import running_service
from reference_server.core.limits import Limits
from reference_server.service import THROWAWAY, Service
from reference_server.storage.sqlite import SqliteStore

from ..running import Running, running_server
from .peers import CONNECTIONS, Lane, in_memory, over


@pytest.fixture
async def server(tmp_path: Path, limits: Limits) -> AsyncIterator[Running]:
    """A server on a loopback port."""
    async with running_server(tmp_path / "data", limits) as running:
        yield running


@pytest.fixture(params=["memory", *CONNECTIONS])
async def lane(
    request: pytest.FixtureRequest, tmp_path: Path, limits: Limits
) -> AsyncIterator[Lane]:
    """Each way in which a session is carried."""
    if request.param == "memory":
        store = SqliteStore(tmp_path / "data")
        async with running_service(store, limits, THROWAWAY) as service:
            yield Lane(service, in_memory(service))
        store.close()
        return
    async with running_server(tmp_path / "data", limits) as running:
        yield Lane(running.service, over(running, CONNECTIONS[request.param]))


@pytest.fixture
def service(lane: Lane) -> Service:
    """The service behind the lane, for what happens elsewhere."""
    return lane.service
