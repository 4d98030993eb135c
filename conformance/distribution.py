"""What this program is called where it is installed, and which version of it that is."""

from __future__ import annotations

from importlib.metadata import version
from typing import Final

DISTRIBUTION: Final = "messenger-conformance"


def tool_version() -> str:
    """The version, as every record names it."""
    return version(DISTRIBUTION)
