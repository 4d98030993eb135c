"""Clients of a server on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from reference_server.service import Service

from ...running import Running
from ..raw import Wire


@pytest.fixture
def service(server: Running) -> Service:
    """The service behind the server, for what is not the point of a test."""
    return server.service


@pytest.fixture
async def client(server: Running) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the server; its requests carry no token of their own."""
    async with httpx.AsyncClient(base_url=server.url, timeout=30, trust_env=False) as opened:
        yield opened


@pytest.fixture
async def wire(server: Running) -> AsyncIterator[Wire]:
    """A connection."""
    async with await server.connect() as stream:
        yield Wire(stream)
