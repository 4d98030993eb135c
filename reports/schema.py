"""The JSON Schema of `results.json`, on standard output.

``python -m reports.schema > specs/results.schema.json`` publishes it after a change of `model`; a test
fails while the published one is out of date.
"""

from __future__ import annotations

import json
import sys

from .model import schema


def text() -> str:
    """The schema as it is published."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
