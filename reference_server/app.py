"""Putting the server together, serving, and stopping in order.

Stopping (§9, RT-8): no new connections, what the writer has is committed and answered, every realtime
connection is closed with 1012, requests under way get a moment to finish, then the store is closed.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast

import trio
from hypercorn.config import Config as HypercornConfig
from hypercorn.trio.lifespan import Lifespan
from hypercorn.typing import LifespanState
from hypercorn.utils import wrap_app

from . import descriptors
from .core.limits import Limits
from .hub import Closing, Hub
from .metrics import Metrics
from .service import STRONG, Kernel, PasswordCost, Rates, Service
from .service.tidying import tidy
from .storage.base import Store
from .storage.sqlite import SqliteStore
from .storage.writer import Writer
from .transport import heartbeat, hypercorn_websocket
from .transport.accepting import accept
from .transport.eager import EagerStream
from .transport.exchange import observed
from .transport.front_door import HEAD_BYTES, HEAD_TIMEOUT_S, FrontDoor, Handler
from .transport.http import make_app
from .transport.http_lane import HttpLane
from .transport.socket import serve_socket

log = logging.getLogger(__name__)

STOPPING_S = 3.0
"""How long requests under way may take when the server stops."""
KEEP_ALIVE_S = 30.0
"""How long an HTTP connection may take for its next request, from the answer before to the end of its head.
Longer than clients keep an idle connection (mostly five seconds), so that none is closed under a request."""
LISTEN_BACKLOG = 2_048


@asynccontextmanager
async def running_service(
    store: Store, limits: Limits, cost: PasswordCost = STRONG, rates: Rates | None = None
) -> AsyncIterator[Service]:
    """The use cases over `store`, with their writer running. The store stays the caller's."""
    hub = Hub()
    metrics = Metrics(hub)
    writer = Writer(store, metrics.committed)
    kernel = Kernel(store, writer, hub, limits, metrics)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(writer.run)
        service = Service(kernel, cost, rates)
        async with trio.open_nursery() as tasks:
            # What fell due while nobody served fails before anybody can ask for it.
            await tasks.start(service.expiry.run)
            yield service
            tasks.cancel_scope.cancel()
        writer.stop()


async def serve(
    data: Path,
    *,
    host: str,
    port: int,
    limits: Limits | None = None,
    cost: PasswordCost = STRONG,
    rates: Rates | None = None,
    tls: ssl.SSLContext | None = None,
    metrics_token: str | None = None,
    head_timeout_s: float = HEAD_TIMEOUT_S,
    stop: trio.Event,
    task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve the folder `data` until `stop` is set. Reports the URLs that it listens on.

    Raises `StoreUnusable` and `OSError` (address in use) before it has started.
    """
    store = SqliteStore(data)
    try:
        listeners = await trio.open_tcp_listeners(port, host=host, backlog=LISTEN_BACKLOG)
        async with running_service(store, limits or Limits(), cost, rates) as service:
            door = partial(
                FrontDoor,
                places=descriptors.capacity(descriptors.limit()),
                tls=tls,
                head_timeout_s=head_timeout_s,
            )
            scheme = "http" if tls is None else "https"
            urls = [_url(scheme, listener) for listener in listeners]
            await _serve_listeners(
                service, listeners, door, metrics_token, stop, partial(task_status.started, urls)
            )
    finally:
        store.close()


async def _serve_listeners(
    service: Service,
    listeners: list[trio.SocketListener],
    make_door: Callable[[Handler, Handler], FrontDoor],
    metrics_token: str | None,
    stop: trio.Event,
    started: Callable[[], None],
) -> None:
    hypercorn_websocket.install()
    config = _hypercorn_config(service.kernel.limits)
    application = observed(make_app(service, metrics_token), service.kernel.metrics)
    app = wrap_app(cast(Any, application), config.wsgi_max_body_size, "asgi")
    state: LifespanState = {}
    lifespan = Lifespan(app, config, state)
    http = HttpLane(app, config)
    door = make_door(partial(serve_socket, service), http)

    async def at_the_door(connection: trio.SocketStream) -> None:
        await door(EagerStream(connection))

    async with trio.open_nursery() as background:
        await background.start(lifespan.handle_lifespan)
        await lifespan.wait_for_startup()
        background.start_soon(heartbeat.watch, service.kernel)
        background.start_soon(tidy, service)
        async with trio.open_nursery() as connections:
            async with trio.open_nursery() as accepting:
                for listener in listeners:
                    accepting.start_soon(accept, listener, at_the_door, connections)
                started()
                await stop.wait()
                accepting.cancel_scope.cancel()
            service.kernel.hub.close_all(Closing(1012, "the server is stopping"))
            await http.stop()
            connections.cancel_scope.deadline = trio.current_time() + STOPPING_S
            background.start_soon(_cut_after, STOPPING_S, door)
        await lifespan.wait_for_shutdown()
        background.cancel_scope.cancel()


async def _cut_after(seconds: float, door: FrontDoor) -> None:
    """End what cannot be cancelled: Hypercorn shields its writes, also those that nobody reads."""
    await trio.sleep(seconds)
    door.cut_all()


def _hypercorn_config(limits: Limits) -> HypercornConfig:
    config = HypercornConfig()
    config.include_server_header = False
    config.accesslog = None
    config.errorlog = logging.getLogger("hypercorn.error")
    config.websocket_max_message_size = limits.max_frame_bytes
    config.websocket_ping_interval = limits.heartbeat_interval_ms / 1000
    config.h11_max_incomplete_size = HEAD_BYTES
    config.keep_alive_timeout = KEEP_ALIVE_S
    config.graceful_timeout = STOPPING_S
    return config


def _url(scheme: str, listener: trio.SocketListener) -> str:
    host, port = listener.socket.getsockname()[:2]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
