"""The second kind of judging: checkers over a whole history, and a look into the server's own files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from .adapters.base import Adapter
from .checkers import CHECKERS
from .checkers.base import Violation
from .checkers.needles import Needles
from .findings import Finding
from .history import History, Planted
from .model import Scenario


def judge(scenario: Scenario, history: History, adapter: Adapter) -> Iterator[Finding]:
    """What the scenario's checkers, and its protocol's manners, find broken; each thing once."""
    seen: set[tuple[str, str]] = set()
    for violation in _violations(scenario, history, adapter):
        key = (violation.requirement, violation.message)
        if key not in seen:
            seen.add(key)
            yield Finding(
                kind="checker",
                requirements=(violation.requirement,),
                message=violation.message,
                events=violation.events,
                since=violation.events[0] if violation.events else 0,
                until=len(history),
            )


def judge_files(scenario: Scenario, history: History, folder: Path) -> Iterator[Finding]:
    """What the server at hand keeps of this run's secrets in its files, database and blobs alike."""
    if "secrecy" not in scenario.check:
        return
    needles = Needles(event for event in history if isinstance(event, Planted))
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        for secret, encoding in needles.found(_read(file)):
            yield Finding(
                kind="checker",
                requirements=("ENC-9",),
                message=f"The server's file {file.name} holds {secret.what}, {encoding}.",
                events=(secret.n,),
                since=secret.n,
                until=len(history),
            )


def _read(file: Path) -> bytes:
    """What a file holds; nothing if the server has just removed it."""
    with suppress(FileNotFoundError):
        return file.read_bytes()
    return b""


def _violations(scenario: Scenario, history: History, adapter: Adapter) -> Iterable[Violation]:
    yield from adapter.manners(history)
    for name in scenario.check:
        yield from CHECKERS[name](history)
