"""Files that only the members can open, however large (ENC-1).

A file is encrypted with a key of its own, piece by piece, by libsodium's secretstream
(XChaCha20-Poly1305): pieces cannot be changed, left out, doubled, swapped or cut off behind one of them.
The server gets ``application/octet-stream``; its true type, its name and the key travel inside an
encrypted message, as a :class:`FileKey`.

    asset = header (24 bytes), then pieces of at most 64 KiB + 17 bytes, the last one tagged final
"""

from __future__ import annotations

from hashlib import sha256

from msgspec import Struct
from nacl import bindings, utils

from .encoding import decode_bytes, encode_bytes
from .errors import Tampered

PIECE = 65_536
"""Bytes of plaintext in a piece; only the last one may be shorter."""

_HEADER = bindings.crypto_secretstream_xchacha20poly1305_HEADERBYTES
_KEY = bindings.crypto_secretstream_xchacha20poly1305_KEYBYTES
_MORE = bindings.crypto_secretstream_xchacha20poly1305_TAG_MESSAGE
_FINAL = bindings.crypto_secretstream_xchacha20poly1305_TAG_FINAL
_SEALED_PIECE = PIECE + bindings.crypto_secretstream_xchacha20poly1305_ABYTES


class FileKey(Struct, frozen=True, kw_only=True):
    """What a message tells of a file: how to open it and what it must be; `sha256` is hexadecimal."""

    key: str
    media_type: str
    name: str
    size: int
    sha256: str


def seal_file(content: bytes, *, media_type: str, name: str) -> tuple[bytes, FileKey]:
    """The bytes to upload, and what to say inside the message that carries them."""
    key = utils.random(_KEY)
    state = bindings.crypto_secretstream_xchacha20poly1305_state()
    sealed = [bindings.crypto_secretstream_xchacha20poly1305_init_push(state, key)]
    last = max(len(content) - 1, 0) // PIECE
    for number in range(last + 1):
        piece = content[number * PIECE : (number + 1) * PIECE]
        tag = _FINAL if number == last else _MORE
        sealed.append(bindings.crypto_secretstream_xchacha20poly1305_push(state, piece, tag=tag))
    told = FileKey(
        key=encode_bytes(key),
        media_type=media_type,
        name=name,
        size=len(content),
        sha256=sha256(content).hexdigest(),
    )
    return b"".join(sealed), told


def open_file(sealed: bytes, told: FileKey) -> bytes:
    """The file. Raises `Tampered` unless it is, whole, what the message said."""
    try:
        key = decode_bytes(told.key)
        state = bindings.crypto_secretstream_xchacha20poly1305_state()
        bindings.crypto_secretstream_xchacha20poly1305_init_pull(state, sealed[:_HEADER], key)
        content, ended = _pulled(state, sealed)
    except (ValueError, TypeError, RuntimeError) as error:
        # PyNaCl's errors for a failed check, and for a key or header that is none, derive from these.
        raise Tampered(f"the file {told.name} does not open: {error}") from None
    if not ended:
        raise Tampered(f"the file {told.name} is cut off")
    if len(content) != told.size or sha256(content).hexdigest() != told.sha256:
        raise Tampered(f"the file {told.name} is not the one that the message speaks of")
    return content


def _pulled(
    state: bindings.crypto_secretstream_xchacha20poly1305_state, sealed: bytes
) -> tuple[bytes, bool]:
    """All pieces, and whether the last one was tagged as such and nothing follows it."""
    pieces: list[bytes] = []
    tag = _MORE
    for start in range(_HEADER, len(sealed), _SEALED_PIECE):
        if tag == _FINAL:
            return b"", False
        piece, tag = bindings.crypto_secretstream_xchacha20poly1305_pull(
            state, sealed[start : start + _SEALED_PIECE]
        )
        pieces.append(piece)
    return b"".join(pieces), tag == _FINAL
