"""The files that the suite uploads are what they claim, and as large as they are asked to be."""

from __future__ import annotations

import io
import random
import struct
import wave
import zlib

import pytest

from conformance.naming import Seeds
from conformance.samples import FORMATS, TooSmall, sample


def stream(seed: int) -> random.Random:
    """A scenario's randomness."""
    return Seeds(seed, "samples").stream("file")


@pytest.mark.parametrize("media_type", FORMATS)
@pytest.mark.parametrize("more", [0, 1, 1000, 200_001])
def test_a_file_has_the_size_asked_for(media_type: str, more: int) -> None:
    """From the smallest on, and the same for the same seed."""
    size = FORMATS[media_type].frame + more
    made = sample(media_type, size, stream(1))
    assert len(made) == size
    assert made == sample(media_type, size, stream(1))
    assert more < 1000 or made != sample(media_type, size, stream(2))


def test_a_file_cannot_be_smaller_than_its_frame() -> None:
    """And says how small it can be."""
    with pytest.raises(TooSmall, match="at least"):
        sample("image/png", 3, stream(1))


def test_a_picture_has_sound_chunks() -> None:
    """Lengths and checksums, to the end."""
    rest = sample("image/png", 5000, stream(1))[8:]
    names = []
    while rest:
        (length,) = struct.unpack(">I", rest[:4])
        (checksum,) = struct.unpack(">I", rest[8 + length : 12 + length])
        assert zlib.crc32(rest[4 : 8 + length]) == checksum
        names.append(rest[4:8])
        rest = rest[12 + length :]
    assert names == [b"IHDR", b"IDAT", b"ruNd", b"IEND"]


def test_a_sound_can_be_played() -> None:
    """By the standard library's own reader."""
    with wave.open(io.BytesIO(sample("audio/wav", 5000, stream(1)))) as sound:
        assert sound.getnchannels() == 1
        assert len(sound.readframes(10_000)) == 5000 - FORMATS["audio/wav"].frame
