"""One server for one data folder: the folder is locked for as long as it is in use.

Two servers on one database would each believe to be its only writer, and give the same seqs twice. The
lock is the kernel's (flock(2)), on the folder itself: it leaves no file behind, and it is gone with the
process that held it, however that ended.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from .base import StoreUnusable


class Possession:
    """Holds `folder` until `close`.

    Raises `StoreUnusable` if somebody else has it, and `OSError` if there is none to be had.
    """

    def __init__(self, folder: Path) -> None:
        self._descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.close()
            raise StoreUnusable(
                f"{folder} is in use by another server, and was left to it. "
                "Stop that one, or give this one another --data folder."
            ) from None
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Let others have it."""
        os.close(self._descriptor)
