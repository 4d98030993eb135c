"""`python -m reference_server.faults`: all faults as a JSON array, for other programs."""

from __future__ import annotations

import sys

import msgspec

from . import FAULTS


def main() -> None:
    """Write name, broken requirements and sentence of each."""
    told = [
        {"name": each.name, "breaks": each.breaks, "shows": each.shows} for each in FAULTS.values()
    ]
    sys.stdout.write(msgspec.json.encode(told).decode() + "\n")


if __name__ == "__main__":
    main()
