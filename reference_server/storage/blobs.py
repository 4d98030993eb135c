"""The bytes of assets: content-addressed files, each written once and whole.

    <folder>/ab/abcdef…        a blob, named by its SHA-256
    <folder>/incoming/…        what is still arriving

An upload is written beside the blobs, hashed on its way, and renamed when it is complete and on the
disk; so there is never a blob in part, and the same bytes are kept once. What a killed process left
in `incoming` is removed when the folder is opened.

Whether a blob is still needed is known by the database, which is committed apart from the files. So a
blob is *held* from before it is placed until its row is committed, and only one that is neither held
nor known may be removed. Everything here blocks, and may be called from any thread.
"""

from __future__ import annotations

import os
import re
import secrets
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from types import TracebackType

from msgspec import Struct

from .files import sync_folder, trouble

_INCOMING = "incoming"
_SHELF = re.compile("[0-9a-f]{2}")
_BLOB = re.compile("[0-9a-f]{64}")


class Arrived(Struct, frozen=True):
    """A whole file: how it begins, how large it is, and its SHA-256."""

    head: bytes
    size: int
    sha256: bytes


class Incoming:
    """A file that is arriving. Leaving its context removes what was not placed."""

    def __init__(self, path: Path, head_bytes: int) -> None:
        self.size = 0
        self.head = b""
        self._path = path
        self._head_bytes = head_bytes
        self._hash = sha256()
        with trouble():
            self._file = path.open("xb")

    def __enter__(self) -> Incoming:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self._path.unlink(missing_ok=True)

    @property
    def arrived(self) -> Arrived:
        """What there is so far."""
        return Arrived(self.head, self.size, self._hash.digest())

    def write(self, data: bytes) -> None:
        """Append. Raises `StoreTrouble`."""
        with trouble():
            self._file.write(data)
        self._hash.update(data)
        self.size += len(data)
        if len(self.head) < self._head_bytes:
            self.head += data[: self._head_bytes - len(self.head)]

    def place(self, at: Path) -> None:
        """Make it durable under its final name. Raises `StoreTrouble`."""
        with trouble():
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            at.parent.mkdir(exist_ok=True)
            self._path.replace(at)
            for folder in (at.parent, at.parent.parent):
                sync_folder(folder)


class Blobs:
    """The blobs in a folder, which is made when missing. Raises `OSError` if it cannot be."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._incoming = folder / _INCOMING
        self._incoming.mkdir(parents=True, exist_ok=True)
        for abandoned in self._incoming.iterdir():
            abandoned.unlink(missing_ok=True)
        self._held: Counter[bytes] = Counter()
        self._lock = threading.Lock()

    def path(self, digest: bytes) -> Path:
        """Where the blob is, or would be."""
        name = digest.hex()
        return self._folder / name[:2] / name

    def receive(self, head_bytes: int) -> Incoming:
        """A file to write to; the first `head_bytes` are remembered. Raises `StoreTrouble`."""
        return Incoming(self._incoming / secrets.token_hex(16), head_bytes)

    @contextmanager
    def holding(self, digest: bytes) -> Iterator[None]:
        """While this lasts, the blob is not removed."""
        with self._lock:
            self._held[digest] += 1
        try:
            yield
        finally:
            with self._lock:
                self._held[digest] -= 1
                if not self._held[digest]:
                    del self._held[digest]

    def keep(self, incoming: Incoming) -> None:
        """Place what has arrived; it must be held. Raises `StoreTrouble`."""
        incoming.place(self.path(incoming.arrived.sha256))

    def adopt(self, file: Path, digest: bytes) -> None:
        """Make a whole file that lies elsewhere a blob; it stays there. Raises `StoreTrouble`."""
        at = self.path(digest)
        with trouble():
            descriptor = os.open(file, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            at.parent.mkdir(exist_ok=True)
            with suppress(FileExistsError):
                at.hardlink_to(file)
            for folder in (at.parent, at.parent.parent):
                sync_folder(folder)

    def shelves(self) -> list[list[bytes]]:
        """The digests of all blobs, a folder at a time; what else lies there is not ours.

        Raises `StoreTrouble`.
        """
        with trouble():
            return [
                [bytes.fromhex(file.name) for file in shelf.iterdir() if _BLOB.fullmatch(file.name)]
                for shelf in sorted(self._folder.iterdir())
                if _SHELF.fullmatch(shelf.name)
            ]

    def remove_unless(self, digest: bytes, known: Callable[[bytes], bool]) -> bool:
        """Remove a blob that is not held and not `known`; whether it was. Raises `StoreTrouble`."""
        with self._lock, trouble():
            if digest in self._held or known(digest):
                return False
            self.path(digest).unlink(missing_ok=True)
            return True
