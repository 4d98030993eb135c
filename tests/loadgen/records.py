"""Records of load runs that never were."""

from __future__ import annotations

from typing import Any

import msgspec

from loadgen.hops import Counts
from reports.load_model import LoadResults


def record(figures: list[list[float]], **run: Any) -> LoadResults:
    """A run within its budget, whose only hop had these p50, p99 and maxima in its seconds."""
    percentiles = {"mean": 1.0, "p50": 1.0, "p90": 1.0, "p99": 1.0, "p999": 1.0, "max": 1.0}
    facts = {
        "tool_version": "0", "target": "http://localhost", "embedded": False, "budget": "mine",
        "title": "Mine", "seed": 1, "users": 10, "devices": 10, "conversations": 5, "processes": 1,
        "rate": 200.0, "arrivals": "poisson", "shape": "steady", "warmup": 1.0, "duration": 60.0,
        "started_at": "2026-11-22T10:00:00.000Z", "seconds": 62.0, "platform": "Linux",
    }  # fmt: skip
    return msgspec.convert(
        {
            "schema_version": 1,
            "kind": "load",
            "run": facts | run,
            "verdict": "within budget",
            "exit_status": 0,
            "reasons": [],
            "checks": [
                {"name": "lost", "limit": 0, "measured": 0, "unit": "", "passed": True},
                {
                    "name": "send_to_sent p99", "limit": 9, "measured": 1, "unit": "ms",
                    "passed": True,
                },
            ],
            "hops": [
                {
                    "hop": "send_to_sent", "count": 1, "corrected": percentiles,
                    "waiting": percentiles, "curve": [], "histogram": "",
                }
            ],
            "counts": msgspec.to_builtins(Counts()),
            "generator": {
                "lag_p50": 0, "lag_p99": 0, "lag_max": 0, "cpu_seconds": 0,
                "cpu_us_per_message": 0,
            },
            "seconds": [
                {
                    "t": number + 1, "planned": 200, "sent": 200, "verified": 200, "failed": 0,
                    "in_flight": 0, "lag_p99": 1.0, "hops": {"send_to_sent": each},
                }
                for number, each in enumerate(figures)
            ],
        },
        LoadResults,
    )  # fmt: skip
