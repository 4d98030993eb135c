"""The JSON Schema of budget files, `specs/budget.schema.json`.

``python -m loadgen.schema`` writes it anew after a change of `budgets`; a test fails while it is out of
date.
"""

from __future__ import annotations

import json

from conformance.resources import BUDGET_SCHEMA
from conformance.schema import schema_of

from . import budgets


def text() -> str:
    """The schema as it is published."""
    schema = schema_of(budgets.Budget, "A latency budget", budgets)
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    BUDGET_SCHEMA.write_text(text(), encoding="utf-8")
    print(BUDGET_SCHEMA)
