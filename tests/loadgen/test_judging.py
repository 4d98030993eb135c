"""The verdict: within budget, broken, or no verdict on the server at all."""

from __future__ import annotations

from array import array
from pathlib import Path

import pytest

from loadgen.budgets import Budget, load_budget
from loadgen.gathering import Gathering
from loadgen.hops import Counts
from loadgen.judging import judge
from loadgen.wire import Interval, Trouble

BUDGET = """\
id: mine
title: Mine
population: {users: 10, pairs: random}
load: {rate: 10/s, duration: 10s}
latency_ms: {send_to_sent: {p50: 10, p99: 50}}
errors: {ratio: 0.01}
generator: {lag_p99_ms: 5}
"""


@pytest.fixture
def budget(tmp_path: Path) -> Budget:
    """10 ms for one in two, 50 for 99 of 100; the generator at most 5 ms late."""
    file = tmp_path / "mine.yaml"
    file.write_text(BUDGET)
    return load_budget(file)


def gathered(latency: int = 1_000, lag: int = 100, **counts: int) -> Gathering:
    """A hundred messages that all took so many microseconds."""
    made = Gathering()
    made.take(
        Interval(
            second=1,
            counts=Counts(planned=100, **counts),
            samples={
                "send_to_sent/corrected": array("Q", [latency] * 100).tobytes(),
                "generator_lag": array("Q", [lag] * 100).tobytes(),
            },
            in_flight=0,
            cpu=0.1,
        )
    )
    return made


@pytest.mark.parametrize(
    ("measured", "status", "reason"),
    [
        (gathered(), 0, ""),
        (gathered(latency=9_999), 0, ""),
        (gathered(latency=20_000), 1, "send_to_sent p50: 20"),
        (gathered(lost=1), 1, "lost: 1"),
        (gathered(duplicated=1), 1, "duplicated: 1"),
        (gathered(reordered=1), 1, "reordered: 1"),
        (gathered(history_mismatch=1), 1, "history_mismatch: 1"),
        (gathered(failed=1), 0, ""),
        (gathered(failed=1, unanswered=1), 1, "errors: 0.02"),
        (gathered(lag=6_000), 3, "the generator was late itself"),
        (gathered(dropped=1), 3, "did not send 1 planned"),
        (gathered(latency=20_000, lag=6_000), 3, "the generator was late itself"),
        (Gathering(), 3, "no message was measured"),
    ],
)
def test_a_run_is_judged(measured: Gathering, status: int, reason: str, budget: Budget) -> None:
    """Each line of the budget; and a late generator before all of them."""
    judgement = judge(budget, measured, None, interrupted=False)
    assert judgement.exit_status == status, judgement.reasons
    assert reason in " ".join(judgement.reasons)
    assert bool(judgement.reasons) == bool(status)


def test_a_run_that_came_to_no_end_is_invalid(budget: Budget) -> None:
    """Whether the target went away or somebody stopped it; what was measured is shown all the same."""
    trouble = Trouble("unreachable", "the target went away")
    assert judge(budget, gathered(), trouble, interrupted=False).reasons == ["the target went away"]
    interrupted = judge(budget, gathered(), None, interrupted=True)
    assert (interrupted.exit_status, len(interrupted.checks)) == (3, 9)


def test_what_a_message_costs_is_measured_in_the_measured_time_alone() -> None:
    """Warm-up, and what is still on its way at the end, are left out; two processes add up."""
    gathered = Gathering()
    for second, cpu, verified in ((1, 9.0, 10), (2, 0.3, 100), (3, 0.1, 100), (4, 9.0, 1)):
        for _ in range(2):  # two processes
            gathered.take(
                Interval(
                    second=second,
                    counts=Counts(verified=verified),
                    samples={},
                    in_flight=0,
                    cpu=cpu,
                )
            )
    assert gathered.cost(1.0, 3.5) == pytest.approx(0.002)
    assert gathered.cpu == pytest.approx(36.8)
