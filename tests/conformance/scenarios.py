"""Scenario texts for tests: a small right one, to be made wrong in one place."""

from collections.abc import Sequence
from pathlib import Path

from conformance.catalogue import Catalogue
from conformance.loader import Loaded, load_document
from conformance.positions import parse

FILE = Path("scenario.yaml")

HEAD = """\
id: delivery.example
title: A message arrives
proves: [DLV-1]
needs: [groups, relations, restart, stop]
actors:
  alice: {}
  bob: {devices: [phone], later: [laptop]}
  carol: {devices: []}
given:
  chat: {direct: [alice, bob]}
steps:
"""
"""Eleven lines, so the first step below it is in line 12."""


def scenario(*steps: str, head: str = HEAD) -> str:
    """A scenario's text with these steps, one a line."""
    return head + "".join(f"  - {step}\n" for step in steps)


def load(text: str, catalogue: Catalogue) -> Loaded:
    """Load a scenario's text."""
    return load_document(parse(FILE, text), catalogue)


def problems(text: str, catalogue: Catalogue) -> Sequence[str]:
    """What is wrong with a scenario's text, as ``line:column: message``."""
    prefix = f"{FILE}:"
    return [str(problem).removeprefix(prefix) for problem in load(text, catalogue).problems]
