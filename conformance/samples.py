"""Files that are what they claim to be, of any size, from the seed: what ``upload`` sends.

A server looks at the beginning of a file to see whether it is what its type says, so these begin as
real ones do, and most of them are real ones: a picture of one pixel with a private chunk of random
bytes, a few samples of noise, a film without a track. Large ones repeat a random block.
"""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable
from typing import Final

from msgspec import Struct

OPAQUE: Final = "application/octet-stream"
_BLOCK: Final = 65_536


class Format(Struct, frozen=True):
    """How a file of a type is made around `filler`; `frame` is how many bytes that adds."""

    wrap: Callable[[bytes], bytes]
    frame: int


class TooSmall(ValueError):
    """No file of this type is as small as that. The text says how small it can be."""


def sample(media_type: str, size: int, stream: random.Random) -> bytes:
    """A file of this type (a key of `FORMATS`) of exactly `size` bytes; the same for the same stream.

    Raises `TooSmall`.
    """
    made = FORMATS[media_type]
    if size < made.frame:
        raise TooSmall(f"a file of type {media_type} has at least {made.frame} bytes")
    length = size - made.frame
    block = stream.randbytes(min(length, _BLOCK))
    filler = block if length <= _BLOCK else (block * (length // _BLOCK + 1))[:length]
    return made.wrap(filler)


def _png(filler: bytes) -> bytes:
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"\0\0")),
        (b"ruNd", filler),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


def _wav(filler: bytes) -> bytes:
    samples = len(filler) & ~1  # a chunk of odd length would want padding; the rest trails behind
    form = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 8000, 1, 8)
    return (
        b"RIFF" + struct.pack("<I", 4 + len(form) + 8 + samples) + b"WAVE" + form
        + b"data" + struct.pack("<I", samples) + filler
    )  # fmt: skip


def _mp4(filler: bytes) -> bytes:
    brands = b"isom" + struct.pack(">I", 512) + b"isomiso2mp41"
    return _box(b"ftyp", brands) + _box(b"mdat", filler)


def _box(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", 8 + len(data)) + name + data


def _pdf(filler: bytes) -> bytes:
    catalog = b"1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n"
    pages = b"2 0 obj\n<< /Type /Pages /Kids [] /Count 0 >>\nendobj\n"
    data = b"3 0 obj\n<< >>\nstream\n" + filler + b"\nendstream\nendobj\n"
    return b"%PDF-1.7\n" + catalog + pages + data + b"trailer\n<< /Root 1 0 R >>\n%%EOF\n"


def _plain(filler: bytes) -> bytes:
    return filler


FORMATS: Final[dict[str, Format]] = {
    media_type: Format(wrap, len(wrap(b"")))
    for media_type, wrap in {
        "image/png": _png,
        "audio/wav": _wav,
        "video/mp4": _mp4,
        "application/pdf": _pdf,
        OPAQUE: _plain,
    }.items()
}
"""What can be made, by media type."""
