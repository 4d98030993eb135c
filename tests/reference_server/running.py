"""The server on a loopback port in this process, with a way to its insides."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest
import trio

from reference_server import app
from reference_server.core.limits import Limits
from reference_server.service import THROWAWAY, PasswordCost, Service
from reference_server.storage.base import Store

PATIENCE_S = 30


class Running(NamedTuple):
    """A server that serves; setting `stop` stops it in order."""

    url: str
    service: Service
    stop: trio.Event
    ended: trio.Event

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        parts = urlsplit(self.url)
        assert parts.hostname is not None
        assert parts.port is not None
        return parts.hostname, parts.port

    async def has_ended(self) -> None:
        """Return when it has stopped."""
        with trio.fail_after(PATIENCE_S):
            await self.ended.wait()

    async def connect(self) -> trio.SocketStream:
        """A TCP connection to it."""
        return await trio.open_tcp_stream(*self.address)


@asynccontextmanager
async def running_server(
    data: Path, limits: Limits, host: str = "127.0.0.1"
) -> AsyncIterator[Running]:
    """`app.serve` on a free port; cancelled at the end, unless the test has stopped it in order."""
    services: list[Service] = []
    genuine = app.running_service

    @asynccontextmanager
    async def noted(store: Store, limits: Limits, cost: PasswordCost) -> AsyncIterator[Service]:
        async with genuine(store, limits, cost) as service:
            services.append(service)
            yield service

    stop, ended = trio.Event(), trio.Event()

    async def serve(task_status: trio.TaskStatus[list[str]]) -> None:
        await app.serve(
            data,
            host=host,
            port=0,
            limits=limits,
            cost=THROWAWAY,
            stop=stop,
            task_status=task_status,
        )
        ended.set()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app, "running_service", noted)
        async with trio.open_nursery() as nursery:
            (url,) = await nursery.start(serve)
            yield Running(url, services[0], stop, ended)
            nursery.cancel_scope.cancel()
