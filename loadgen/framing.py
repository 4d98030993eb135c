"""A stream of WebSocket bytes cut into frames (RFC 6455, section 5.2).

Nearly everything that comes to a load generator are whole, unmasked text frames. Cutting them out takes a
few comparisons, a fraction of what the library's parser takes, which must be ready for everything. What
is something else is handed on as it is, for the library to understand or to refuse.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

FINAL_TEXT: Final = 0x81
"""The first byte of a text frame that is a whole message."""
MASKED: Final = 0x80
"""The bit of the second byte that says that a mask follows; no server may set it."""
LENGTHS: Final = {126: 2, 127: 8}
"""Where the second byte is one of these, so many bytes with the length follow."""


class Framing:
    """One connection's incoming frames, from the end of the handshake on."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Each whole frame: its first byte, and its payload if that is `FINAL_TEXT`, else all of it.

        A frame that is masked or too long is given as 0, with everything behind it; the library will end
        the connection for it.
        """
        if self._rest:
            data, self._rest = self._rest + data, b""
        at, end = 0, len(data)
        while end - at >= 2:
            length = data[at + 1]
            begin = at + 2 + LENGTHS.get(length, 0)
            if begin > end:
                break
            if length in LENGTHS:
                length = int.from_bytes(data[at + 2 : begin])
            elif length & MASKED:
                length = self._max_bytes + 1
            if length > self._max_bytes:
                yield 0, data[at:]
                return
            if begin + length > end:
                break
            first = data[at]
            yield first, data[begin if first == FINAL_TEXT else at : begin + length]
            at = begin + length
        self._rest = data[at:]
