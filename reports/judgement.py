"""What a verdict means for the run, and in one line: told once for verdicts and reports."""

from __future__ import annotations

from .model import Scenario
from .telling import headline as said
from .telling import told


def is_known(scenario: Scenario) -> bool:
    """Whether all that is wrong with a scenario was known before: a baseline names it."""
    return bool(scenario.findings) and all(finding.known for finding in scenario.findings)


def excused(scenario: Scenario) -> bool:
    """Whether a failed scenario is known to fail, or broke only what it SHOULD keep."""
    return is_known(scenario) or scenario.advisory


def headline(scenario: Scenario) -> str:
    """Why a scenario did not pass, in one line."""
    if scenario.findings:
        first = told(scenario).findings[0]
        return f"{', '.join(first.requirements)}: {said(first)}"
    return (scenario.reason or scenario.verdict).partition("\n")[0]
