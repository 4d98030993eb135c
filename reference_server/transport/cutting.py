"""A client's bytes cut into whole WebSocket messages (RFC 6455, section 5.2).

Nearly everything that clients send are messages in one frame each, now and then a ping or a pong between them.
Cutting those out takes a few comparisons, a third of what the library's parser takes, which must be ready for
everything (docs/decisions/0039). What is no message is handed on as it came, for the library to answer. From
the first frame on that is anything else (a fragment, a frame too long, a broken one) all is the library's:
it knows how to put together what is in order, and how to refuse what is not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from websockets.frames import Opcode

try:
    from websockets.speedups import apply_mask
except ImportError:  # installed where it could not be compiled
    from websockets.utils import apply_mask

TEXT: Final = 0x80 | Opcode.TEXT
BINARY: Final = 0x80 | Opcode.BINARY
"""The first byte of a message that is one frame, and its name here."""
OTHER: Final = 0
"""The name of what the library is to see."""

_CONTROL: Final = (0x80 | Opcode.CLOSE, 0x80 | Opcode.PING, 0x80 | Opcode.PONG)
_WHOLE: Final = (TEXT, BINARY, *_CONTROL)
_MASKED: Final = 0x80
_MASK_BYTES: Final = 4
_LENGTH_BYTES: Final = {126: 2, 127: 8}
"""Where the second byte has one of these, so many bytes with the length follow."""


class Cutter:
    """One connection's incoming bytes, from the end of the handshake on.

    Keeps no more than one unfinished message, of at most `max_bytes`.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._rest: bytes | bytearray = b""
        self._handed_over = False

    def feed(self, data: bytes | bytearray) -> Iterator[tuple[int, bytes | bytearray]]:
        """What is whole by now: `TEXT` or `BINARY` with the payload, `OTHER` with the bytes as they came."""
        if self._rest:
            data, self._rest = self._rest + data, b""
        at, end = 0, len(data)
        while end - at >= 2 and not self._handed_over:
            first, length = data[at], data[at + 1] ^ _MASKED
            begin = at + 2 + _LENGTH_BYTES.get(length, 0) + _MASK_BYTES
            if first not in _WHOLE or length >= _MASKED or (length > 125 and first in _CONTROL):
                self._handed_over = True
                break
            if begin > end:
                break
            if length > 125:
                length = int.from_bytes(data[at + 2 : begin - _MASK_BYTES])
                if length > self._max_bytes:
                    self._handed_over = True
                    break
            if begin + length > end:
                break
            if first in _CONTROL:
                yield OTHER, data[at : begin + length]
            else:
                mask = data[begin - _MASK_BYTES : begin]
                yield first, apply_mask(data[begin : begin + length], mask)
            at = begin + length
        if not self._handed_over:
            self._rest = data[at:]
        elif at < end:
            yield OTHER, data[at:]
