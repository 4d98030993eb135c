"""What blobs and partial uploads need of the file system."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .base import StoreTrouble


@contextmanager
def trouble() -> Iterator[None]:
    """Within it, what the file system cannot do is `StoreTrouble`."""
    try:
        yield
    except OSError as error:
        raise StoreTrouble(str(error)) from error


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable. Raises `OSError`."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
