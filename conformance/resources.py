"""Where the published data lies: `specs/` beside this package, in a checkout and when installed."""

from __future__ import annotations

from pathlib import Path
from typing import Final

SPECS: Final = Path(__file__).resolve().parent.parent / "specs"
SCENARIOS: Final = SPECS / "scenarios"
REQUIREMENTS: Final = SPECS / "requirements.yaml"
OPENAPI: Final = SPECS / "openapi.yaml"
ASYNCAPI: Final = SPECS / "asyncapi.yaml"
EXEMPT: Final = SPECS / "exempt.yaml"
SCENARIO_SCHEMA: Final = SPECS / "scenario.schema.json"
REQUIREMENTS_SCHEMA: Final = SPECS / "requirements.schema.json"
BUDGETS: Final = SPECS / "budgets"
BUDGET_SCHEMA: Final = SPECS / "budget.schema.json"
MUTANTS_SCHEMA: Final = SPECS / "mutants.schema.json"
