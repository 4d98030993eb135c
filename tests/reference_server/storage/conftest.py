"""The implementations that the contract is tested with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reference_server.storage.base import Store
from reference_server.storage.sqlite import SqliteStore

Open = Callable[[], Store]

STORES: dict[str, Callable[[Path], Store]] = {"sqlite": SqliteStore}


@pytest.fixture(params=STORES)
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens the store of this test, again and again; what was open before is closed."""
    current: list[Store] = []

    def opened() -> Store:
        while current:
            current.pop().close()
        current.append(STORES[request.param](tmp_path / "data"))
        return current[0]

    yield opened
    for store in current:
        store.close()


@pytest.fixture
def store(reopen: Open) -> Store:
    """A fresh store."""
    return reopen()
