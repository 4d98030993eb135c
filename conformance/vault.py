"""A look into the server's own files, where it is one of ours, for what it must not know.

What a server writes to its disk is not on the wire, so no checker sees it, and no other server's is
anybody's business. The secrets of all scenarios are gathered, and the files are read once, when everything
has been played: a database is searched as the bytes that it is, its write-ahead log and blobs too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from .checkers.needles import Needles
from .findings import Finding
from .history import History, Planted


class Vault:
    """The files below one folder, and the secrets that they must not hold."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._planted: list[Planted] = []
        self._whose: dict[str, str] = {}

    def remember(self, name: str, history: History) -> None:
        """Look for the secrets of the scenario `name` later on."""
        for event in history:
            if isinstance(event, Planted):
                self._planted.append(event)
                self._whose[event.secret] = name

    def search(self) -> Iterator[tuple[str, Finding]]:
        """What was found, once for each secret and file, with the scenario whose secret it is."""
        if not self._planted:
            return
        needles = Needles(self._planted)
        for file in sorted(path for path in self._folder.rglob("*") if path.is_file()):
            told: set[str] = set()
            for find in needles.found(_read(file)):
                if find.secret.secret not in told:
                    told.add(find.secret.secret)
                    yield (
                        self._whose[find.secret.secret],
                        _finding(file.name, find.secret, find.encoding),
                    )


def _finding(file: str, secret: Planted, encoding: str) -> Finding:
    return Finding(
        kind="checker",
        checker="secrecy",
        requirements=("ENC-9",),
        message=f"The server's file {file} holds {secret.what}, {encoding}.",
    )


def _read(file: Path) -> bytes:
    """What a file holds; nothing if the server has just removed it."""
    with suppress(FileNotFoundError):
        return file.read_bytes()
    return b""
