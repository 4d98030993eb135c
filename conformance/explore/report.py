"""What was found, as a scenario file, and as a few lines for whoever ran the command."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from reports.text import count

from ..catalogue import Catalogue
from ..findings import Finding
from ..problems import shown
from .search import Shrunk
from .writing import as_yaml, write

_LONG = 400


def write_down(
    shrunk: Shrunk, capabilities: frozenset[str], seed: int, catalogue: Catalogue, folder: Path
) -> Path:
    """Write what was found as a scenario file in `folder`. Raises `OSError`."""
    caught = shrunk.caught
    requirement = caught.blamed[0]
    name = f"{requirement.lower()}-seed-{seed}-plan-{caught.number}"
    written = write(
        caught.plan,
        capabilities,
        identity=f"explore.{name}",
        title=catalogue.requirements[requirement].text.strip(),
        proves=caught.blamed,
    )
    file = folder / f"{name}.yaml"
    file.write_text(as_yaml(written.tree, "\n".join(_comment(shrunk, seed))), "utf-8")
    return file


def _comment(shrunk: Shrunk, seed: int) -> Iterator[str]:
    caught = shrunk.caught
    yield f"Found by `msgcheck explore --seed {seed}` (plan {caught.number})."
    yield f"{_shrinking(shrunk)} {_how_often(shrunk)}"
    yield "What was seen:"
    for finding in caught.findings[:3]:
        yield from (f"  {line}" for line in _told(finding))


def _shrinking(shrunk: Shrunk) -> str:
    moves = len(shrunk.caught.plan.moves)
    if moves == shrunk.moves_before:
        return f"It has {count(moves, 'move')}."
    return f"It had {count(shrunk.moves_before, 'move')}, and {moves} are enough."


def _how_often(shrunk: Shrunk) -> str:
    if not shrunk.replays:
        return "It was not played again."
    if shrunk.failed == shrunk.replays:
        return "It failed in every replay."
    if not shrunk.failed:
        return f"It was seen once, and did not come back in {count(shrunk.replays, 'replay')}."
    return f"It comes and goes: it failed in {shrunk.failed} of {shrunk.replays} replays."


def _told(finding: Finding) -> Iterator[str]:
    yield f"{', '.join(finding.requirements)}: {finding.message}"[:_LONG]
    for name, value in (("expected", finding.expected), ("got", finding.got)):
        if value is not None:
            yield f"  {name} {value}"[:_LONG]


def told_at_the_end(
    shrunk: Shrunk, catalogue: Catalogue, file: Path, again: Sequence[str]
) -> Iterator[str]:
    """The lines that tell what was found, where it is written, and how to repeat it."""
    for identity in shrunk.caught.blamed:
        requirement = catalogue.requirements[identity]
        yield f"FAIL {identity} ({requirement.level}) {requirement.text.strip()}"
    for finding in shrunk.caught.findings[:3]:
        yield from (f"  {line}" for line in _told(finding))
    yield f"{_shrinking(shrunk)} {_how_often(shrunk)}"
    yield f"scenario  {shown(file)}"
    yield f"repeat    {shlex.join(['msgcheck', 'run', shown(file), *again])}"
