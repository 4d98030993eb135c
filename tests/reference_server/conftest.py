"""What the server's tests share: a store on a real file, a service over it, and people."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from reference_server.app import running_service
from reference_server.core.limits import Limits
from reference_server.service import THROWAWAY, Service
from reference_server.storage.disk import Disk
from reference_server.storage.sqlite import SqliteStore

from .people import Person, newcomer


@pytest.fixture
def limits() -> Limits:
    """The limits of the server; a module with limits of its own overrides this."""
    return Limits()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    """A fresh store on a file."""
    opened = SqliteStore(tmp_path / "data")
    yield opened
    opened.close()


@pytest.fixture
def commits_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches are committed in the writer's thread, as when the disk is slow: a test may hold one up."""
    monkeypatch.setattr(Disk, "is_prompt", lambda _: False)


@pytest.fixture
async def service(store: SqliteStore, limits: Limits) -> AsyncIterator[Service]:
    """The use cases over the store, with their writer running."""
    async with running_service(store, limits, THROWAWAY) as running:
        yield running


@pytest.fixture
async def alice(service: Service) -> Person:
    """Alice, on her phone."""
    return await newcomer(service, "alice")


@pytest.fixture
async def bob(service: Service) -> Person:
    """Bob, on his phone."""
    return await newcomer(service, "bob")


@pytest.fixture
async def carol(service: Service) -> Person:
    """Carol, on her phone."""
    return await newcomer(service, "carol")
