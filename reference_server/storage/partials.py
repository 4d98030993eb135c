"""The bytes of resumable uploads so far: one growing file for each.

How much of an upload has arrived is the length of its file, so nothing else has to be kept in step
with it, and a killed server goes on where it was. Whose a file is and whether it is still wanted is in
the database; a file without a row is nobody's. Everything here blocks.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from .blobs import Arrived
from .files import trouble

_PIECE = 1_048_576


class Partials:
    """The files in a folder, which is made when missing. Raises `OSError` if it cannot be."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, name: str) -> Path:
        """Where it is, or would be."""
        return self._folder / name

    def names(self) -> list[str]:
        """All that are there. Raises `StoreTrouble`."""
        with trouble():
            return [file.name for file in self._folder.iterdir()]

    def size(self, name: str) -> int:
        """How much has arrived; nothing is nothing. Raises `StoreTrouble`."""
        with trouble():
            try:
                return self.path(name).stat().st_size
            except FileNotFoundError:
                return 0

    def open(self, name: str) -> BinaryIO:
        """Open it for appending, unbuffered. Raises `StoreTrouble`."""
        with trouble():
            return self.path(name).open("ab", buffering=0)

    def write(self, file: BinaryIO, data: bytes) -> None:
        """Append all of `data`. Raises `StoreTrouble`."""
        with trouble():
            rest = memoryview(data)
            while rest:
                rest = rest[file.write(rest) :]

    def cut(self, name: str, size: int) -> None:
        """Drop what lies beyond `size`. Raises `StoreTrouble`."""
        with trouble(), self.path(name).open("ab") as file:
            file.truncate(size)

    def append(self, name: str, other: str) -> None:
        """Append the file `other`, which is gone then. Raises `StoreTrouble`."""
        with trouble():
            with self.path(name).open("ab") as file, self.path(other).open("rb") as source:
                shutil.copyfileobj(source, file, _PIECE)
            self.path(other).unlink()

    def discard(self, name: str) -> None:
        """Remove it, if it is there."""
        with suppress(OSError):
            self.path(name).unlink()

    def arrived(self, name: str, head_bytes: int) -> Arrived:
        """What it is, read through from the beginning. Raises `StoreTrouble`."""
        digest, size, head = sha256(), 0, b""
        with trouble():
            if not self.path(name).exists():
                self.path(name).touch()
            with self.path(name).open("rb") as file:
                while data := file.read(_PIECE):
                    digest.update(data)
                    head = head or data[:head_bytes]
                    size += len(data)
        return Arrived(head, size, digest.digest())
