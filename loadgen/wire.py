"""What a generator's process tells the command that started it, over a pipe.

Each message is MessagePack behind its length, four bytes in network order. Processes of one run tell
the same messages to Locust's master, which passes them on; so a run on one process and a run on many
machines look alike to the reader.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec import Struct

from .hops import Counts
from .host import TroubleKind

REPORTS: Final = "MSGCHECK_LOAD_REPORTS"
"""The environment variable that names the file descriptor to report on."""
MAX_MESSAGE: Final = 1 << 26
"""Bytes; an interval at 100,000 messages a second stays below it."""
_LENGTH: Final = 4


class Preparing(Struct, frozen=True, tag="preparing"):
    """How many devices are connected, of how many."""

    connected: int
    devices: int


class Started(Struct, frozen=True, tag="started"):
    """Everybody is connected; the warm-up begins."""


class Interval(Struct, frozen=True, tag="interval", kw_only=True):
    """What one process measured in about a second."""

    second: int
    """The second of the plan that it ends in, from 0 at the beginning of the warm-up."""
    counts: Counts
    samples: dict[str, bytes]
    in_flight: int
    """Messages on their way at its end."""
    cpu: float
    """Seconds of processor time that the process used in it."""
    causes: dict[str, int] = {}
    """Of the errors in it."""


class Reconciling(Struct, frozen=True, tag="reconciling"):
    """Nothing more is sent; the history is read back."""


class Cleaned(Struct, frozen=True, tag="cleaned"):
    """What one process took back on the target."""

    messages: int
    groups: int
    devices: int
    refused: dict[str, int]
    """What could not be, by cause."""


class Finished(Struct, frozen=True, tag="finished"):
    """The last word of a run that came to its end."""

    entries: int
    """Entries that were read back and compared."""
    cpu: float
    """Seconds of processor time that this took."""


class Trouble(Struct, frozen=True, tag="trouble"):
    """The last word of a run that did not."""

    kind: TroubleKind
    text: str


Report = Preparing | Started | Interval | Reconciling | Cleaned | Finished | Trouble

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Report).decode


def packed(report: Report) -> bytes:
    """The message as it goes through the pipe."""
    body = _encode(report)
    return len(body).to_bytes(_LENGTH) + body


def unpacked(message: bytes) -> Report:
    """One whole message, as :func:`packed` made it. Raises `ValueError` for what is none."""
    (report,) = Unpacker().feed(message)
    return report


class Unpacker:
    """Messages out of a stream of bytes."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Report]:
        """Take some bytes; give the messages that are whole. Raises `ValueError` for what is none."""
        self._buffer += data
        while len(self._buffer) >= _LENGTH:
            length = int.from_bytes(self._buffer[:_LENGTH])
            if length > MAX_MESSAGE:
                raise ValueError(f"a message of {length} bytes")
            if len(self._buffer) < _LENGTH + length:
                return
            body = bytes(self._buffer[_LENGTH : _LENGTH + length])
            del self._buffer[: _LENGTH + length]
            yield _decode(body)
