"""Opaque, signed page cursors.

A cursor says where a walk goes on and nothing about a session or a process, so it stays valid for
the life of a conversation and across restarts (PAG-5). What it is bound to (list, conversation,
direction) is in the signature, not in the text: used elsewhere it fails like a forged one (PAG-4).

    text = base64url(position as 8 bytes ‖ first 10 bytes of HMAC-SHA-256(secret, scope ‖ position))
"""

from __future__ import annotations

import base64
import binascii
import hmac
from hashlib import sha256

from .errors import InvalidCursor

_POSITION_BYTES = 8
_MAC_BYTES = 10


def issue(secret: bytes, scope: str, position: int) -> str:
    """A cursor for `position` that is valid within `scope` only."""
    packed = position.to_bytes(_POSITION_BYTES)
    return base64.urlsafe_b64encode(packed + _mac(secret, scope, packed)).decode()


def redeem(secret: bytes, scope: str, cursor: str) -> int:
    """The position behind a cursor. Raises `InvalidCursor` for one we did not issue for `scope`."""
    try:
        raw = base64.urlsafe_b64decode(cursor.encode("ascii"))
    except (UnicodeEncodeError, binascii.Error):
        raise InvalidCursor from None
    position = int.from_bytes(raw[:_POSITION_BYTES])
    # Whole texts are compared, because base64 can spell the same bytes in more than one way.
    if not hmac.compare_digest(cursor, issue(secret, scope, position)):
        raise InvalidCursor
    return position


def _mac(secret: bytes, scope: str, packed: bytes) -> bytes:
    return hmac.new(secret, scope.encode() + b"\0" + packed, sha256).digest()[:_MAC_BYTES]
