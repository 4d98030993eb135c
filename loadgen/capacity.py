"""The highest rate that keeps a budget: a search over runs, without running any. Pure.

Ramp: double the rate while the budget is kept (halve it while it is broken). Then bisect between the highest
rate that kept it and the lowest that broke it, until they are within `NEAR` of each other. The answer is
that range with its evidence, every step. A run that is invalid is made once more, since a machine may be busy
for a moment; if it is again, the generator itself cannot go on, and the answer says so.
"""

from __future__ import annotations

from msgspec import Struct

from reports.load_model import Capacity, CapacityStep, LoadResults

NEAR = 1.1
"""The range is narrow enough when its ends are within this factor."""
MAX_STEPS = 16


class Search(Struct):
    """A search under way: what was tried."""

    first: float
    """The rate to begin with, in messages per second."""
    highest: float
    """No rate above this is tried."""
    steps: list[CapacityStep]

    def next_rate(self) -> float | None:
        """What to try next, or None when the answer is there."""
        if not self.steps:
            return self.first
        if len(self.steps) >= MAX_STEPS:
            return None
        if self.steps[-1].verdict == "invalid":
            rate = self.steps[-1].rate
            return rate if sum(step.rate == rate for step in self.steps) == 1 else None
        kept, broken = self._kept, self._broken
        if kept is None:
            lower = min(step.rate for step in self.steps) / 2
            return lower if lower >= 1 else None
        if broken is None:
            return None if kept >= self.highest else min(kept * 2, self.highest)
        return None if broken / kept <= NEAR else (broken * kept) ** 0.5

    def note(self, results: LoadResults) -> None:
        """A run was made."""
        broken = [check for check in results.checks if not check.passed]
        self.steps.append(
            CapacityStep(
                rate=results.run.rate,
                verdict=results.verdict,
                reason=results.reasons[0] if results.reasons else None,
                first_broken=broken[0].name if broken else None,
            )
        )

    def answer(self) -> Capacity:
        """The range, as far as it is known."""
        kept, broken = self._kept, self._broken
        culprit = next((step for step in self.steps if step.rate == broken), None)
        last = self.steps[-1] if self.steps else None
        return Capacity(
            kept=kept,
            broken=broken,
            broke_first=culprit.first_broken if culprit is not None else None,
            steps=self.steps,
            ended_by=last.reason if last is not None and last.verdict == "invalid" else None,
        )

    @property
    def _kept(self) -> float | None:
        """The highest rate that kept the budget, below every one that broke it."""
        broken = self._broken
        rates = [
            step.rate
            for step in self.steps
            if step.verdict == "within budget" and (broken is None or step.rate < broken)
        ]
        return max(rates, default=None)

    @property
    def _broken(self) -> float | None:
        return min(
            (step.rate for step in self.steps if step.verdict == "budget broken"), default=None
        )
