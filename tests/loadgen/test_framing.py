"""Frames out of a stream of bytes, held against the library that wrote them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from loadgen.framing import FINAL_TEXT, Framing

MAX = 1 << 20
SIZES = st.one_of(
    st.binary(max_size=130), st.sampled_from([0, 125, 126, 65_535, 65_536]).map(bytes)
)
FRAMES = st.one_of(
    st.builds(
        Frame,
        opcode=st.sampled_from([Opcode.TEXT, Opcode.CONT, Opcode.BINARY]),
        data=SIZES,
        fin=st.booleans(),
    ),
    st.builds(
        Frame, opcode=st.sampled_from([Opcode.PING, Opcode.PONG]), data=st.binary(max_size=125)
    ),
)


def written(frame: Frame) -> bytes:
    """A frame as a server sends it."""
    return frame.serialize(mask=False)


@given(st.lists(FRAMES, max_size=6), st.lists(st.integers(0, 200_000), max_size=6))
def test_frames_are_cut_out_wherever_the_stream_was_cut(frames: list[Frame], at: list[int]) -> None:
    """Whole texts as their payload, all others as they are, in order, whatever is read at once."""
    stream = b"".join(map(written, frames))
    cuts = [0, *sorted(min(each, len(stream)) for each in at), len(stream)]
    framing, found = Framing(MAX), list[tuple[int, bytes]]()
    for begin, end in pairwise(cuts):
        found += framing.feed(stream[begin:end])
    expected = []
    for frame in frames:
        first = written(frame)[0]
        expected.append((first, bytes(frame.data) if first == FINAL_TEXT else written(frame)))
    assert found == expected


@pytest.mark.parametrize(
    "bad",
    [
        Frame(Opcode.TEXT, b"masked").serialize(mask=True),
        bytes((FINAL_TEXT, 127)) + (1 << 62).to_bytes(8),
        bytes((FINAL_TEXT, 127)) + (MAX + 1).to_bytes(8) + b"beginning",
    ],
    ids=["masked", "endless", "too long"],
)
def test_what_no_server_may_send_is_handed_on_and_not_waited_for(bad: bytes) -> None:
    """With everything behind it; nothing is kept that could grow."""
    good = written(Frame(Opcode.TEXT, b"good"))
    framing = Framing(MAX)
    assert list(framing.feed(good + bad)) == [(FINAL_TEXT, b"good"), (0, bad)]
    assert list(framing.feed(b"")) == []
