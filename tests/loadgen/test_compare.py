"""`msgcheck compare`: differences beyond the noise, and silence inside it."""

from __future__ import annotations

from random import Random

import msgspec
import pytest

from loadgen.compare import Incomparable, batches, compare, t_quantile, welch
from loadgen.comparing import busier
from reports.load_model import LoadResults

from .records import record


def run(seed: int, p50: float = 5.0, p99: float = 20.0, seconds: int = 60) -> LoadResults:
    """A run whose seconds scatter by a tenth around these figures."""
    draw = Random(seed)  # noqa: S311
    return record(
        [[p50 * draw.gauss(1, 0.1), p99 * draw.gauss(1, 0.1), p99 * 2] for _ in range(seconds)]
    )


def test_a_slower_run_is_called_slower_and_the_other_way_round() -> None:
    """A fifth more is far beyond a scatter of a tenth in sixty seconds."""
    found = {each.percentile: each for each in compare(run(1), run(2, p99=24))}
    assert found["p99"].verdict == "slower"
    assert found["p99"].low > 0
    assert found["p50"].verdict == "no difference shown"
    back = {each.percentile: each.verdict for each in compare(run(2, p99=24), run(1))}
    assert back["p99"] == "faster"


def test_a_generator_that_was_later_casts_doubt_on_a_difference() -> None:
    """The machine may have been busier; a server that is slower does not make the generator late."""
    before = run(1)

    def with_lag(lag: float) -> LoadResults:
        late = msgspec.structs.replace(before.generator, lag_p99=lag)
        return msgspec.structs.replace(before, generator=late)

    assert busier(with_lag(1.0), with_lag(1.4)) is None
    assert "lag p99 1 and 1.6 ms" in (busier(with_lag(1.0), with_lag(1.6)) or "")


def test_the_noise_is_not_a_difference() -> None:
    """Of two hundred pairs of equal runs, hardly one may be told apart."""
    told = sum(
        any(each.verdict != "no difference shown" for each in compare(run(seed), run(seed + 1)))
        for seed in range(0, 400, 2)
    )
    assert told <= 10


def test_a_certain_difference_that_is_tiny_is_not_worth_a_word() -> None:
    """Two percent, without any scatter."""
    still = record([[5.0, 20.0, 30.0]] * 60)
    moved = record([[5.1, 20.4, 30.0]] * 60)
    assert {each.verdict for each in compare(still, moved)} == {"no difference shown"}


@pytest.mark.parametrize(
    ("name", "value"), [("rate", 100.0), ("users", 7), ("budget", "other"), ("shape", "spike")]
)
def test_different_loads_are_not_compared(name: str, value: object) -> None:
    """It would compare the loads, not the servers."""
    other = run(2)
    changed = msgspec.structs.replace(other.run, **{name: value})
    with pytest.raises(Incomparable, match=name):
        compare(run(1), msgspec.structs.replace(other, run=changed))


def test_an_invalid_run_is_not_compared() -> None:
    """It measured the generator."""
    invalid = msgspec.structs.replace(run(2), verdict="invalid", reasons=["late"])
    with pytest.raises(Incomparable, match="second run is invalid: late"):
        compare(run(1), invalid)


def test_a_run_that_is_too_short_is_not_compared() -> None:
    """Four seconds say nothing about their scatter."""
    with pytest.raises(Incomparable, match="too short"):
        compare(run(1), run(2, seconds=4))


def test_batches_are_of_consecutive_seconds() -> None:
    """Twenty-four seconds are twelve batches of two."""
    seconds = record([[float(second), 0.0, 0.0] for second in range(24)]).seconds
    assert batches(seconds, "send_to_sent", 0) == [2 * batch + 0.5 for batch in range(12)]


@pytest.mark.parametrize(
    ("probability", "freedom", "quantile"),
    [(0.975, 5, 2.571), (0.975, 10, 2.228), (0.995, 20, 2.845), (0.95, 60, 1.671)],
)
def test_quantiles_are_those_of_the_tables(
    probability: float, freedom: float, quantile: float
) -> None:
    """Student's t."""
    assert t_quantile(probability, freedom) == pytest.approx(quantile, abs=0.01)


def test_the_interval_holds_the_true_difference_as_often_as_it_says() -> None:
    """Of a thousand experiments with unequal scatter, 95 percent."""
    draw = Random(4)  # noqa: S311
    held = 0
    for _ in range(1000):
        before = [draw.gauss(10, 1) for _ in range(12)]
        after = [draw.gauss(12, 3) for _ in range(8)]
        low, high = welch(before, after, 0.05)
        held += low <= 2 <= high
    assert 930 <= held <= 970
