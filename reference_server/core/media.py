"""Media: which types are taken, whether bytes are what their type claims, what a digest says (§7).

What a file is, is told by its first bytes; `agrees` compares that with the claim. Types that share a
container cannot be told apart by them (an audio in MP4 begins like a video), so they count as kin.
A type that nobody can recognise is believed, unless the bytes are recognised as something else.
`application/octet-stream` claims nothing: it is what encrypted media travel as.
"""

from __future__ import annotations

import re

import filetype  # type: ignore[import-untyped]  # it ships no types

from . import errors
from .inputs import from_base64

HEAD_BYTES = 8_192
"""How much of a file's beginning `agrees` wants; a shorter file is given whole."""
OPAQUE = "application/octet-stream"
ORPHAN_MS = 24 * 3600 * 1000
"""How long an asset may wait for the first message that carries it."""

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,127}"  # noqa: S105  RFC 9110's word for it
_MEDIA_TYPE = re.compile(rf"[ \t]*({_TOKEN}/{_TOKEN})[ \t]*(?:;.*)?", re.DOTALL)
_ALLOWED_FAMILIES = ("image/", "audio/", "video/")
_ALLOWED = frozenset({"application/pdf", OPAQUE})
_SVG = frozenset({"image/svg+xml", "image/svg"})

_KIN = (
    "audio/aac audio/aacp audio/x-aac",
    "audio/aiff audio/x-aiff",
    "audio/flac audio/x-flac",
    "audio/midi audio/mid audio/x-midi",
    "audio/mpeg audio/mp3 audio/mpeg3 audio/x-mp3",
    "audio/ogg video/ogg audio/opus audio/vorbis",
    "audio/wav audio/wave audio/x-wav audio/vnd.wave",
    "audio/amr audio/amr-wb",
    "image/avif image/heic image/heif image/heic-sequence image/heif-sequence image/avif-sequence",
    "image/bmp image/x-bmp image/x-ms-bmp",
    "image/jpeg image/jpg image/pjpeg",
    "image/png image/apng image/x-png",
    "image/x-icon image/vnd.microsoft.icon",
    "video/mp4 audio/mp4 audio/m4a audio/x-m4a video/x-m4v video/quicktime"
    " video/3gpp video/3gpp2 audio/3gpp audio/3gpp2",
    "video/webm audio/webm video/x-matroska audio/x-matroska video/matroska audio/matroska",
    "video/x-msvideo video/avi video/msvideo video/vnd.avi",
)
_FAMILY = {name: kin.split()[0] for kin in _KIN for name in kin.split()}
_RECOGNISABLE = frozenset(_FAMILY) | {kind.mime for kind in filetype.TYPES}

_DIGEST_MEMBER = re.compile(
    r"[ \t]*(?P<name>[a-z*][a-z0-9_.*-]*)(?:=(?P<value>:[A-Za-z0-9+/]*={0,2}:))?(?:;[^,]*)?[ \t]*"
)


def check_media_type(value: str | None) -> str:
    """The media type of a `Content-Type`, lower case, without parameters. Raises `UnsupportedMediaType`."""
    found = _MEDIA_TYPE.fullmatch(value or "")
    media_type = found[1].lower() if found else ""
    allowed = media_type in _ALLOWED or media_type.startswith(_ALLOWED_FAMILIES)
    if not allowed or media_type in _SVG:
        raise errors.UnsupportedMediaType(
            f"Allowed are image/* (but SVG), audio/*, video/*, application/pdf and {OPAQUE}."
        )
    return media_type


def agrees(media_type: str, head: bytes) -> bool:
    """Whether bytes that begin with `head` may be of the (allowed) `media_type`."""
    if media_type == OPAQUE:
        return True
    found = _recognised(head)
    if found is None:
        return media_type not in _RECOGNISABLE
    return _FAMILY.get(found, found) == _FAMILY.get(media_type, media_type)


def _recognised(head: bytes) -> str | None:
    found: str | None = filetype.guess_mime(head) if head else None
    if found is None and head[4:8] == b"ftyp":
        return "video/mp4"  # an ISO base media file of a brand that the library does not list
    return found


def check_digest(field: str | None) -> bytes | None:
    """The SHA-256 that a `Content-Digest` field (RFC 9530) promises; None if it promises none.

    Raises `DigestMismatch` for a malformed field. Other algorithms are ignored, of several values of
    one the last counts (RFC 8941 §3.2).
    """
    promised: bytes | None = None
    for member in (field or "").split(",") if field else ():
        found = _DIGEST_MEMBER.fullmatch(member)
        if found is None:
            raise errors.DigestMismatch("The Content-Digest is malformed (RFC 9530).")
        if found["name"] == "sha-256":
            promised = _sha256_in(found["value"])
    return promised


def _sha256_in(value: str | None) -> bytes:
    digest = from_base64((value or "").strip(":"))
    if digest is None or len(digest) != 32:
        raise errors.DigestMismatch("Expected sha-256=:<base64 of 32 bytes>: (RFC 9530).")
    return digest
