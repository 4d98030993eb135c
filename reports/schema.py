"""The JSON Schema of `results.json`, on standard output.

``python -m reports.schema > specs/results.schema.json`` publishes it after a change of `model`; a test
fails while the published one is out of date. ``python -m reports.schema load`` is that of load runs.
"""

from __future__ import annotations

import json
import sys

from . import load_model, model

SCHEMAS = {"run": model.schema, "load": load_model.schema}


def text(record: str = "run") -> str:
    """The schema as it is published, of the record of a conformance run or a load run."""
    return json.dumps(SCHEMAS[record](), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text(*sys.argv[1:]))
