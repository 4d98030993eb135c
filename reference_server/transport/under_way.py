"""How much of one connection waits for its answers, bounded.

One sender in full flow must not fill the outbox of a receiver that reads as fast as it can. So whoever
reads a connection's frames waits here when enough of them are under way; then the connection is not read
any further, and TCP tells the client.
"""

from __future__ import annotations

import trio

MAX_FRAMES = 256
MAX_CHARACTERS = 1_048_576
"""Of those frames together."""


class UnderWay:
    """The frames of one connection between their reading and their answers. One task reads."""

    def __init__(self) -> None:
        self._frames = 0
        self._characters = 0
        self._room = trio.Event()

    async def depart(self, size: int) -> None:
        """Count a frame of `size` characters, once there is room for one more of any size."""
        while self._frames >= MAX_FRAMES or self._characters >= MAX_CHARACTERS:
            self._room = trio.Event()
            await self._room.wait()
        self._frames += 1
        self._characters += size

    def arrive(self, size: int) -> None:
        """The answer to one of `size` is there."""
        self._frames -= 1
        self._characters -= size
        self._room.set()
