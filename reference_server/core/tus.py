"""What tus 1.0.0 says in headers, read and checked (https://tus.io/protocols/resumable-upload).

Only reading is done here; what a resumable upload *is*, is `model.Upload` and `service.uploads`.
"""

from __future__ import annotations

import hashlib
import re

from msgspec import Struct

from . import errors
from .inputs import from_base64
from .media import OPAQUE, check_media_type

VERSION = "1.0.0"
EXTENSIONS = "creation,termination,checksum,expiration"
ALGORITHMS = ("sha1", "sha256", "md5")
"""Of checksums; the first is the one that every server has."""
OFFSET_TYPE = "application/offset+octet-stream"
METADATA_BYTES = 4_096
TTL_MS = 24 * 3600 * 1000
"""How long an upload may take; afterwards it is told as expired for as long again."""

_NUMBER = re.compile(r"[0-9]{1,15}")


class Checksum(Struct, frozen=True):
    """What the bytes of one request must hash to."""

    algorithm: str
    digest: bytes


def check_version(value: str | None) -> None:
    """The `Tus-Resumable` of a request. Raises `UnsupportedTusVersion`."""
    if value != VERSION:
        raise errors.UnsupportedTusVersion(f"This server speaks tus {VERSION}: say Tus-Resumable.")


def check_length(value: str | None, limit: int) -> int:
    """`Upload-Length` in bytes. Raises `LengthRequired`, `InvalidRequest`, `AssetTooLarge`."""
    if value is None:
        raise errors.LengthRequired
    length = _number("Upload-Length", value)
    if length > limit:
        raise errors.AssetTooLarge(f"An asset has at most {limit} bytes.")
    return length


def check_offset(value: str | None) -> int:
    """`Upload-Offset` in bytes. Raises `InvalidRequest`."""
    return _number("Upload-Offset", value or "")


def _number(name: str, value: str) -> int:
    if _NUMBER.fullmatch(value) is None:
        raise errors.InvalidRequest(f"{name} is a number of bytes.")
    return int(value)


def check_metadata(value: str | None) -> str:
    """The media type in `Upload-Metadata`: its `filetype`, if it has one.

    Raises `InvalidRequest` for malformed metadata and `UnsupportedMediaType`.
    """
    if len(value or "") > METADATA_BYTES:
        raise errors.InvalidRequest(f"Upload-Metadata has at most {METADATA_BYTES} characters.")
    media_type = OPAQUE
    for pair in (value or "").split(",") if value else ():
        key, _, encoded = pair.strip().partition(" ")
        text = _text_in(encoded.strip())
        if text is None or not key or not key.isascii():
            raise errors.InvalidRequest("Upload-Metadata is pairs of an ASCII key and base64.")
        if key == "filetype":
            media_type = text
    return check_media_type(media_type)


def _text_in(encoded: str) -> str | None:
    data = from_base64(encoded)
    try:
        return None if data is None else data.decode()
    except UnicodeDecodeError:
        return None


def check_checksum(value: str | None) -> Checksum | None:
    """`Upload-Checksum`; None if there is none. Raises `Malformed` (400, as tus wants it)."""
    if value is None:
        return None
    algorithm, _, encoded = value.strip().partition(" ")
    if algorithm not in ALGORITHMS:
        raise errors.Malformed(f"Checksums are one of {', '.join(ALGORITHMS)}.")
    digest = from_base64(encoded.strip())
    size = hashlib.new(algorithm, usedforsecurity=False).digest_size
    if digest is None or len(digest) != size:
        raise errors.Malformed(f"This is no {algorithm} in base64.")
    return Checksum(algorithm, digest)
