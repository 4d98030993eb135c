"""Blobs: whole or not at all, kept once, and never removed under somebody who needs them."""

from __future__ import annotations

from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import pytest

from reference_server.storage.base import StoreTrouble
from reference_server.storage.blobs import Arrived, Blobs


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where they lie."""
    return tmp_path / "blobs"


def files(folder: Path) -> list[str]:
    """Every file, incoming ones included."""
    return sorted(file.name for file in folder.rglob("*") if file.is_file())


def keep(blobs: Blobs, content: bytes) -> bytes:
    """Store one; its digest."""
    with blobs.receive(4) as incoming:
        incoming.write(content)
        blobs.keep(incoming)
        return incoming.arrived.sha256


def unknown(_digest: bytes) -> bool:
    """No asset has it."""
    return False


def test_a_blob_is_named_by_what_it_holds(folder: Path) -> None:
    """And the same bytes lie there once."""
    blobs = Blobs(folder)
    digests = {keep(blobs, b"content") for _ in range(2)}
    assert digests == {sha256(b"content").digest()}
    (digest,) = digests
    assert blobs.path(digest).read_bytes() == b"content"
    assert files(folder) == [digest.hex()]


def test_the_beginning_size_and_hash_gather_on_the_way(folder: Path) -> None:
    """However the bytes are cut."""
    with Blobs(folder).receive(5) as incoming:
        for piece in (b"ab", b"", b"cde", b"fgh"):
            incoming.write(piece)
        digest = sha256(b"abcdefgh").digest()
        assert incoming.arrived == Arrived(b"abcde", 8, digest)


def test_what_is_not_kept_is_gone(folder: Path) -> None:
    """Also when something went wrong on the way."""
    blobs = Blobs(folder)
    with suppress(RuntimeError), blobs.receive(4) as incoming:
        incoming.write(b"half")
        assert len(files(folder)) == 1
        raise RuntimeError
    assert files(folder) == []


def test_opening_removes_what_was_arriving(folder: Path) -> None:
    """A killed process leaves it; blobs stay."""
    digest = keep(Blobs(folder), b"whole")
    (folder / "incoming" / "half").write_bytes(b"half")
    Blobs(folder)
    assert files(folder) == [digest.hex()]


def test_all_blobs_are_found(folder: Path) -> None:
    """A shelf at a time."""
    blobs = Blobs(folder)
    digests = {keep(blobs, bytes([number])) for number in range(20)}
    assert {digest for shelf in blobs.shelves() for digest in shelf} == digests


def test_what_is_no_blob_is_left_alone(folder: Path) -> None:
    """A file manager's notes, the `lost+found` of a file system: neither found nor an error."""
    blobs = Blobs(folder)
    digest = keep(blobs, b"content")
    strangers = [
        folder / ".DS_Store",
        blobs.path(digest).with_name(".nfs0001"),
        folder / "zz" / "x",
    ]
    (folder / "lost+found").mkdir()
    (folder / "zz").mkdir()
    for stranger in strangers:
        stranger.write_bytes(b"")
    assert [found for shelf in blobs.shelves() for found in shelf] == [digest]
    assert all(stranger.exists() for stranger in strangers)


def test_only_what_nobody_needs_is_removed(folder: Path) -> None:
    """Neither what an asset has, nor what one is about to have."""
    blobs = Blobs(folder)
    digest = keep(blobs, b"content")
    assert not blobs.remove_unless(digest, lambda _: True)
    with blobs.holding(digest):
        with blobs.holding(digest):
            assert not blobs.remove_unless(digest, unknown)
        assert not blobs.remove_unless(digest, unknown)
    assert files(folder) == [digest.hex()]
    assert blobs.remove_unless(digest, unknown)
    assert files(folder) == []


def test_a_disk_in_trouble_is_the_stores_trouble(folder: Path) -> None:
    """So that the answer is `unavailable`."""
    blobs = Blobs(folder)
    (folder / "incoming").rmdir()
    with pytest.raises(StoreTrouble):
        blobs.receive(4)
