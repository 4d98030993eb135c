"""Media types, what bytes are, and digests: decisions about uploads, without any upload."""

from __future__ import annotations

import base64
from hashlib import sha256

import pytest

from reference_server.core import errors, media

PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(40)
MP4 = b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + bytes(40)
M4A = b"\0\0\0\x18ftypM4A \0\0\0\0M4A mp42" + bytes(40)
AVIF = b"\0\0\0\x20ftypavif\0\0\0\0avifmif1miaf" + bytes(40)
RARE_MP4 = b"\0\0\0\x14ftyp3gp4\0\0\2\0" + bytes(40)
WAV = b"RIFF\x40\1\0\0WAVEfmt \x10\0\0\0" + bytes(40)
OGG = b"OggS\0\x02" + bytes(22) + b"\x01\x13OpusHead\1\1" + bytes(40)
WEBM = bytes.fromhex("1a45dfa39f4286810142f7810142f2810442f381084282847765626d42878104") + bytes(40)
PDF = b"%PDF-1.7\n" + bytes(40)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"></svg>'


@pytest.mark.parametrize(
    ("field", "media_type"),
    [
        ("image/png", "image/png"),
        ("Image/PNG", "image/png"),
        ("audio/ogg; codecs=opus", "audio/ogg"),
        (" video/mp4 ;x=1", "video/mp4"),
        ("application/pdf", "application/pdf"),
        ("application/octet-stream", "application/octet-stream"),
    ],
)
def test_a_type_is_taken_without_its_parameters(field: str, media_type: str) -> None:
    """In lower case, as it is told again later."""
    assert media.check_media_type(field) == media_type


@pytest.mark.parametrize(
    "field",
    [
        None, "", "image", "image/", "/png", "image/svg+xml", "IMAGE/SVG+XML; charset=utf-8", "text/html",
        "application/json", "multipart/form-data", "image/png, text/html", "image/p ng", "imäge/png",
    ],
)  # fmt: skip
def test_other_types_are_refused(field: str | None) -> None:
    """A missing one, malformed ones, and whatever a browser might run."""
    with pytest.raises(errors.UnsupportedMediaType):
        media.check_media_type(field)


@pytest.mark.parametrize(
    ("media_type", "head"),
    [
        ("image/png", PNG),
        ("image/jpeg", JPEG),
        ("image/jpg", JPEG),
        ("image/avif", AVIF),
        ("image/heif", AVIF),
        ("audio/wav", WAV),
        ("audio/x-wav", WAV),
        ("audio/ogg", OGG),
        ("video/mp4", MP4),
        ("audio/mp4", M4A),
        ("audio/mp4", MP4),
        ("video/3gpp", RARE_MP4),
        ("video/webm", WEBM),
        ("audio/webm", WEBM),
        ("application/pdf", PDF),
        ("application/octet-stream", b""),
        ("application/octet-stream", SVG),
        ("audio/l16", b"nobody can tell"),
        ("image/x-portable-pixmap", b"P6 1 1 255 abc"),
    ],
)
def test_bytes_that_may_be_of_the_type(media_type: str, head: bytes) -> None:
    """The type itself, its other names, its container's other content, and what nobody can tell."""
    assert media.agrees(media_type, head)


@pytest.mark.parametrize(
    ("media_type", "head"),
    [
        ("image/png", JPEG),
        ("image/png", b""),
        ("image/png", PNG[:3]),
        ("image/png", SVG),
        ("image/avif", MP4),
        ("video/mp4", AVIF),
        ("audio/ogg", WAV),
        ("video/webm", MP4),
        ("application/pdf", b"%!PS-Adobe"),
        ("audio/l16", PNG),
    ],
)
def test_bytes_that_are_something_else(media_type: str, head: bytes) -> None:
    """Recognised as another type, or not recognised where the type has a mark of its own."""
    assert not media.agrees(media_type, head)


DIGEST = sha256(b"x").digest()
TEXT = base64.b64encode(DIGEST).decode()


@pytest.mark.parametrize(
    ("field", "promised"),
    [
        (None, None),
        ("", None),
        (f"sha-256=:{TEXT}:", DIGEST),
        (f"  sha-256=:{TEXT}:  ", DIGEST),
        (f"md5=:AAAA:, sha-256=:{TEXT}:;x=1", DIGEST),
        (f"sha-256=:{base64.b64encode(bytes(32)).decode()}:, sha-256=:{TEXT}:", DIGEST),
        ("sha-512=:AAAA:", None),
    ],
)
def test_what_a_digest_field_promises(field: str | None, promised: bytes | None) -> None:
    """Only SHA-256 counts, and of several the last."""
    assert media.check_digest(field) == promised


@pytest.mark.parametrize(
    "field",
    ["sha-256", "sha-256=abc", "sha-256=::", "sha-256=:AAAA:", f"sha-256=:{TEXT}", "SHA-256=:AA==:", "=", ","],
)  # fmt: skip
def test_a_malformed_digest_is_a_mismatch(field: str) -> None:
    """Nothing can match it."""
    with pytest.raises(errors.DigestMismatch):
        media.check_digest(field)
