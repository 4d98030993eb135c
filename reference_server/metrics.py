"""The operator's figures, in Prometheus' terms (`GET /metrics`).

What happens often is counted where it happens, in plain integers of the hub, and read when somebody
asks; only what happens once for a batch, a request or a connection goes through the library. So a frame
costs an addition. Each server has a registry of its own. No label holds anything that a client chooses.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from .hub import Closing, Hub
from .storage.writer import Batch

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_JOBS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000)
_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
NO_ROUTE = "(none)"
"""The label of a request whose path is no route's, so that clients cannot make labels."""


class Metrics:
    """The figures of one server."""

    def __init__(self, hub: Hub) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_HubFigures(hub))
        ProcessCollector(registry=self._registry)
        self._requests = Counter(
            "messenger_http_requests",
            "HTTP requests and WebSocket handshakes answered.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self._errors = Counter(
            "messenger_errors",
            "Refusals, over HTTP and in frames, by error code.",
            ("code",),
            registry=self._registry,
        )
        self._closed = Counter(
            "messenger_connections_closed",
            "Realtime connections that ended, by close code; `peer` when the client ended it.",
            ("code",),
            registry=self._registry,
        )
        self._batch_jobs = Histogram(
            "messenger_commit_batch_jobs",
            "Jobs committed in one transaction.",
            buckets=_JOBS,
            registry=self._registry,
        )
        self._batch_seconds = Histogram(
            "messenger_commit_seconds",
            "Time from a batch's departure to its being durable.",
            buckets=_SECONDS,
            registry=self._registry,
        )

    def committed(self, batch: Batch) -> None:
        """A batch is durable."""
        self._batch_jobs.observe(batch.jobs)
        self._batch_seconds.observe((batch.durable - batch.departed) / 1e9)

    def answered(
        self, method: str, route: str | None, status: int | None, code: str | None
    ) -> None:
        """A request is over; `status` None when the asker left before its answer."""
        known = method if method in _METHODS else "other"
        self._requests.labels(known, route or NO_ROUTE, status or "none").inc()
        if code is not None:
            self.refused(code)

    def refused(self, code: str) -> None:
        """Something was refused with this code."""
        self._errors.labels(code).inc()

    def ended(self, closing: Closing | None) -> None:
        """A realtime connection is over."""
        code = None if closing is None else closing.code
        self._closed.labels(code or "peer").inc()

    def text(self) -> bytes:
        """Everything, in the text format (`MEDIA_TYPE`)."""
        return generate_latest(self._registry)


_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


class _HubFigures(Collector):
    """What the hub counts for itself, read when asked for."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def collect(self) -> Iterator[Metric]:
        """As prometheus-client asks a collector."""
        hub = self._hub
        connected = list(hub)
        yield GaugeMetricFamily(
            "messenger_connections", "Devices connected now.", value=len(connected)
        )
        yield GaugeMetricFamily(
            "messenger_outbox_bytes",
            "Bytes that wait to be written to connections.",
            value=sum(subscriber.outbox.size for subscriber in connected),
        )
        yield CounterMetricFamily(
            "messenger_messages", "Log entries committed and published.", value=hub.entries
        )
        yield CounterMetricFamily(
            "messenger_deliveries",
            "Events handed to connections: the fan-out of everything published.",
            value=hub.deliveries,
        )
        yield CounterMetricFamily(
            "messenger_slow_readers_closed",
            "Connections closed because their outbox was full (4408).",
            value=hub.slow_readers,
        )
