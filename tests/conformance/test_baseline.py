"""Baselines: known failures, each with a reason."""

from pathlib import Path

import pytest

from conformance.baseline import Baseline, excuse, load_baseline, states
from conformance.problems import BadInput
from reports.model import Requirement

from .results import finding, scenario

SCENARIOS = [("status.read", "status.read"), ("order.dense", "order.dense[via=http]")]
REQUIREMENTS = ["ORD-1", "STA-2"]


def baseline(folder: Path, text: str) -> Baseline:
    """Load a baseline of this text."""
    file = folder / "known.yaml"
    file.write_text(text)
    return load_baseline(file, SCENARIOS, REQUIREMENTS)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("- {scenario: status.raed, reason: x}", "1:14: unknown scenario `status.raed`: did you"),
        ("- {requirement: ORD-11, reason: x}", "1:17: unknown requirement `ORD-11`: did you mean"),
        ("- {scenario: status.read}", "`reason`"),
        ("- {scenario: status.read, requirement: ORD-1, reason: x}", "either a `scenario` or a"),
        ("- {reason: x}", "either a `scenario` or a `requirement`"),
        ("- {scenario: status.read, reson: x}", "did you mean `reason`?"),
        ("- {scenario: status.read, reason: ' '}", "1:35: say why this failure is known"),
        (
            "- {requirement: ORD-1, reason: x}\n- {requirement: ORD-1, reason: y}",
            "2:17: `ORD-1` stands in the list already",
        ),
        ("scenario: status.read", "1:1"),
        ("- {scenario: [", "this is no YAML"),
    ],
)
def test_a_mistake_in_a_baseline_is_told_with_its_place(
    tmp_path: Path, text: str, complaint: str
) -> None:
    """An entry that names nothing would hide a failure under another name."""
    with pytest.raises(BadInput) as error:
        baseline(tmp_path, text)
    assert str(error.value).startswith(f"{tmp_path}/known.yaml:")
    assert complaint in str(error.value)


def test_an_empty_baseline_knows_nothing(tmp_path: Path) -> None:
    """So a project can begin with one."""
    assert baseline(tmp_path, "[]") == ()


def test_a_scenarios_id_covers_all_its_variants_whatever_they_break(tmp_path: Path) -> None:
    """Every finding of it carries the reason."""
    known = baseline(tmp_path, "- {scenario: order.dense, reason: issue 12}")
    excused = excuse(scenario("order.dense[via=http]", "fail", finding("ORD-1")), known)
    assert [each.known for each in excused.findings] == ["issue 12"]


def test_a_requirement_covers_findings_that_blame_nothing_else(tmp_path: Path) -> None:
    """A finding that also blames another requirement is news."""
    known = baseline(tmp_path, "- {requirement: ORD-1, reason: issue 12}")
    excused = excuse(
        scenario("status.read", "fail", finding("ORD-1"), finding("ORD-1", "STA-2")), known
    )
    assert [each.known for each in excused.findings] == ["issue 12", None]


def test_each_entry_says_whether_it_still_fails(tmp_path: Path) -> None:
    """Fails, passes now, or was not played at all."""
    known = baseline(
        tmp_path,
        "- {scenario: order.dense, reason: a}\n"
        "- {scenario: status.read, reason: b}\n"
        "- {requirement: STA-2, reason: c}\n",
    )
    broken = Requirement(
        id="STA-2", area="Status", level="MUST", text="t", source="s", verdict="not covered"
    )
    told = states(
        known,
        [
            scenario("order.dense[via=http]", "fail", finding("ORD-1")),
            scenario("order.dense[via=ws]", "pass"),
            scenario("status.read", "pass"),
        ],
        [broken],
    )
    assert [entry.state for entry in told] == ["fails", "passes now", "not played"]
