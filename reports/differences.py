"""What was found in comparing two load runs, for whoever shows it. Latencies are milliseconds."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

DifferenceVerdict = Literal["slower", "faster", "no difference shown"]


class Difference(Struct, frozen=True, kw_only=True):
    """One percentile of one hop in both runs."""

    hop: str
    percentile: str
    before: float
    """Mean of the batches of the first run."""
    after: float
    low: float
    """The interval of ``after - before``."""
    high: float
    verdict: DifferenceVerdict
