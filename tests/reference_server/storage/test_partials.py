"""Files that grow: their length is the offset, whatever happens."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from reference_server.storage.base import StoreTrouble
from reference_server.storage.blobs import Arrived, Blobs
from reference_server.storage.partials import Partials


@pytest.fixture
def partials(tmp_path: Path) -> Partials:
    """In a folder of their own."""
    return Partials(tmp_path / "uploads")


def grow(partials: Partials, name: str, data: bytes) -> None:
    """Append."""
    with partials.open(name) as file:
        partials.write(file, data)


def test_what_has_not_begun_has_no_bytes(partials: Partials) -> None:
    """No file is needed for that."""
    assert partials.size("u1") == 0
    assert partials.names() == []
    assert partials.arrived("u1", 4) == Arrived(b"", 0, sha256(b"").digest())


def test_every_byte_counts_at_once(partials: Partials) -> None:
    """Also before the file is closed, for a server that is killed."""
    with partials.open("u1") as file:
        partials.write(file, b"abc")
        assert partials.size("u1") == 3
    grow(partials, "u1", b"defg")
    assert partials.arrived("u1", 4) == Arrived(b"abcd", 7, sha256(b"abcdefg").digest())


def test_a_file_can_be_cut_back(partials: Partials) -> None:
    """To what was there before."""
    grow(partials, "u1", b"abcdefg")
    partials.cut("u1", 3)
    assert partials.path("u1").read_bytes() == b"abc"


def test_one_file_follows_another(partials: Partials) -> None:
    """And is gone then."""
    grow(partials, "u1", b"abc")
    grow(partials, "u1.piece", b"def")
    partials.append("u1", "u1.piece")
    assert partials.path("u1").read_bytes() == b"abcdef"
    assert partials.names() == ["u1"]


def test_discarding_what_is_not_there_is_nothing(partials: Partials) -> None:
    """As often as one likes."""
    grow(partials, "u1", b"abc")
    for _ in range(2):
        partials.discard("u1")
    assert partials.names() == []


def test_a_whole_file_becomes_a_blob_and_stays(partials: Partials, tmp_path: Path) -> None:
    """Until its row says that it is one; adopting it twice is adopting it once."""
    blobs = Blobs(tmp_path / "blobs")
    grow(partials, "u1", b"abc")
    digest = partials.arrived("u1", 4).sha256
    for _ in range(2):
        blobs.adopt(partials.path("u1"), digest)
    partials.discard("u1")
    assert blobs.path(digest).read_bytes() == b"abc"


def test_a_disk_in_trouble_is_the_stores_trouble(partials: Partials, tmp_path: Path) -> None:
    """So that the answer is `unavailable`."""
    (tmp_path / "uploads").rmdir()
    with pytest.raises(StoreTrouble):
        partials.open("u1")
    with pytest.raises(StoreTrouble):
        partials.names()
