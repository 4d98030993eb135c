"""A stream of WebSocket bytes cut into frames (RFC 6455, section 5.2).

Nearly everything that comes to a load generator are whole, unmasked text frames. Cutting them out takes a
few comparisons, a fraction of what the library's parser takes, which must be ready for everything. What
is something else is handed on as it is, for the library to understand or to refuse.
"""

from __future__ import annotations

from typing import Final

FINAL_TEXT: Final = 0x81
"""The first byte of a text frame that is a whole message."""
MASKED: Final = 0x80
"""The bit of the second byte that says that a mask follows; no server may set it."""
SHORT: Final = 126
"""A second byte below this is the length itself."""
LENGTHS: Final = {126: 2, 127: 8}
"""Where the second byte is one of these, so many bytes with the length follow."""


class Framing:
    """One connection's incoming frames, from the end of the handshake on."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._rest = b""

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """Each whole frame: its first byte, and its payload if that is `FINAL_TEXT`, else all of it.

        A frame that is masked or too long is given as 0, with everything behind it; the library will end
        the connection for it.
        """
        if self._rest:
            data, self._rest = self._rest + data, b""
        frames: list[tuple[int, bytes]] = []
        at, end = 0, len(data)
        while end - at >= 2:
            length = data[at + 1]
            begin = at + 2
            if length >= SHORT:
                begin += LENGTHS.get(length, 0)
                if begin > end:
                    break
                masked = length & MASKED
                length = int.from_bytes(data[at + 2 : begin])
                if masked or length > self._max_bytes:
                    frames.append((0, data[at:]))
                    return frames
            if begin + length > end:
                break
            first = data[at]
            frames.append((first, data[begin if first == FINAL_TEXT else at : begin + length]))
            at = begin + length
        if at < end:
            self._rest = data[at:]
        return frames
