"""Messages out of a client's bytes, held against the library that wrote them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from reference_server.transport.cutting import BINARY, OTHER, TEXT, Cutter

MAX = 1 << 17
PAYLOADS = st.one_of(
    st.binary(max_size=130), st.sampled_from([0, 125, 126, 65_535, 65_536, MAX]).map(bytes)
)
WHOLE = st.one_of(
    st.builds(Frame, opcode=st.sampled_from([Opcode.TEXT, Opcode.BINARY]), data=PAYLOADS),
    st.builds(
        Frame, opcode=st.sampled_from([Opcode.PING, Opcode.PONG]), data=st.binary(max_size=125)
    ),
)
FRAGMENTS = st.builds(
    Frame,
    opcode=st.sampled_from([Opcode.TEXT, Opcode.BINARY, Opcode.CONT]),
    data=PAYLOADS,
    fin=st.just(False),
)
CUTS = st.lists(st.integers(0, 300_000), max_size=6)


def written(frame: Frame) -> bytes:
    """A frame as a client sends it."""
    return frame.serialize(mask=True)


def fed(stream: bytes, at: list[int]) -> list[tuple[int, bytes]]:
    """What is cut out of `stream` when it arrives in the pieces that end `at`."""
    cuts = [0, *sorted(min(each, len(stream)) for each in at), len(stream)]
    cutter, found = Cutter(MAX), list[tuple[int, bytes]]()
    for begin, end in pairwise(cuts):
        found += [(kind, bytes(piece)) for kind, piece in cutter.feed(stream[begin:end])]
    return found


@given(st.lists(WHOLE, max_size=6), CUTS)
def test_messages_are_cut_out_wherever_the_stream_was_cut(
    frames: list[Frame], at: list[int]
) -> None:
    """Unmasked and in order; a ping or a pong between them goes to the library as it came."""
    stream, expected = b"", []
    for frame in frames:
        raw = written(frame)
        stream += raw
        kind = raw[0] if raw[0] in (TEXT, BINARY) else OTHER
        expected.append((kind, raw if kind == OTHER else bytes(frame.data)))
    assert fed(stream, at) == expected


@given(FRAGMENTS, st.lists(WHOLE, max_size=3), CUTS)
def test_from_a_fragment_on_all_is_the_librarys(
    fragment: Frame, behind: list[Frame], at: list[int]
) -> None:
    """Nothing of it is kept back or lost."""
    stream = b"".join(map(written, (fragment, *behind)))
    found = fed(stream, at)
    assert {kind for kind, _ in found} == {OTHER}
    assert b"".join(piece for _, piece in found) == stream


@pytest.mark.parametrize(
    "bad",
    [
        Frame(Opcode.TEXT, b"unmasked").serialize(mask=False),
        bytes((TEXT, 0xFF)) + (1 << 62).to_bytes(8) + b"mask",
        bytes((TEXT, 0xFF)) + (MAX + 1).to_bytes(8) + b"mask, and a beginning",
        bytes((0x80 | Opcode.PING, 0xFE)),
        bytes((0x83, 0x80)),
        bytes((0xC1, 0x80)),
    ],
    ids=["unmasked", "endless", "too long", "long ping", "unknown opcode", "compressed"],
)
def test_what_no_client_may_send_is_handed_on_and_not_waited_for(bad: bytes) -> None:
    """With everything behind it; nothing is kept that could grow."""
    cutter = Cutter(MAX)
    good = written(Frame(Opcode.TEXT, b"good"))
    assert list(cutter.feed(good + bad)) == [(TEXT, b"good"), (OTHER, bad)]
    assert list(cutter.feed(good)) == [(OTHER, good)]
    assert list(cutter.feed(b"")) == []
