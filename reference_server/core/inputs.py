"""What clients send, checked: ids, message bodies, and when two sends are the same send.

Types come from msgspec; here are the rules that a type cannot say. Pointers are RFC 6901, relative to
the request (`/body/text`).
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import msgspec

from . import errors
from .limits import Limits
from .model import MediaBody, TextBody

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_USER_ID = re.compile(r"[a-z0-9][a-z0-9._-]{2,63}", re.ASCII)
_NAME_LENGTH = range(1, 129)
_CAPTION_LENGTH = 1_024
_LIFETIME_S = range(1, 2_592_001)


def is_id(value: object) -> bool:
    """Whether `value` is an opaque id: 1 to 64 of ``A-Z a-z 0-9 . _ -``, not ``.`` or ``..`` (§1)."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None and value not in (".", "..")


def check_id(value: object, pointer: str) -> str:
    """`value` if it is an id, else `InvalidRequest` at `pointer`."""
    if isinstance(value, str) and is_id(value):
        return value
    raise errors.pointed(
        errors.InvalidRequest,
        pointer,
        "Expected an id: 1 to 64 characters of A-Z a-z 0-9 . _ - (not '.' or '..').",
    )


def check_user_id(value: str, pointer: str) -> str:
    """`value` if it can be a user id (§1), else `InvalidRequest` at `pointer`."""
    if _USER_ID.fullmatch(value):
        return value
    raise errors.pointed(
        errors.InvalidRequest,
        pointer,
        "Expected a user id: 3 to 64 of a-z 0-9 . _ -, beginning with a letter or digit.",
    )


def check_name(value: str, pointer: str) -> str:
    """A title, display or device name: 1 to 128 characters (§1)."""
    if len(value) in _NAME_LENGTH:
        return value
    raise errors.pointed(errors.InvalidRequest, pointer, "Expected 1 to 128 characters.")


def check_password(value: str) -> str:
    """A password of 8 to 128 characters; shorter is `WeakPassword` (§2)."""
    if len(value) < 8:
        raise errors.WeakPassword("A password has at least 8 characters.")
    if len(value) > 128:
        raise errors.pointed(
            errors.InvalidRequest, "/password", "A password has at most 128 characters."
        )
    return value


def from_base64(value: str) -> bytes | None:
    """The bytes that `value` is the padded standard base64 of (RFC 4648 §4); None if it is that of none."""
    try:
        return b64decode(value, validate=True)
    except ValueError:  # also what `binascii.Error` is
        return None


def check_page_limit(value: str | None, default: int, limits: Limits) -> int:
    """A page limit from a query: a decimal integer from 1 to `max_page_limit` (PAG-4)."""
    if value is None:
        return default
    if value.isascii() and value.isdigit() and len(value) <= 9:
        number = int(value)
        if 1 <= number <= limits.max_page_limit:
            return number
    raise errors.InvalidLimit(f"A page limit is an integer from 1 to {limits.max_page_limit}.")


def message_body(value: Any, limits: Limits) -> TextBody | MediaBody:
    """The body of a send, or `InvalidBody` with the place."""
    kind = value.get("kind") if isinstance(value, dict) else None
    read = _BODIES.get(kind) if isinstance(kind, str) else None
    if read is None:
        kinds = " or ".join(f"'{each}'" for each in _BODIES)
        raise errors.pointed(
            errors.InvalidBody, "/body", f"Expected an object whose kind is {kinds}."
        )
    return read(value, limits)


def _text_body(value: dict[str, Any], limits: Limits) -> TextBody:
    text = value.get("text")
    if not isinstance(text, str):
        raise errors.pointed(errors.InvalidBody, "/body/text", "Expected a string.")
    if len(text) > limits.max_text_length:
        raise errors.pointed(
            errors.InvalidBody,
            "/body/text",
            f"A text has at most {limits.max_text_length} code points, this one {len(text)}.",
        )
    return TextBody(text)


def _media_body(value: dict[str, Any], _limits: Limits) -> MediaBody:
    asset_id, caption = value.get("asset_id"), value.get("caption")
    if not isinstance(asset_id, str) or not is_id(asset_id):
        raise errors.pointed(errors.InvalidBody, "/body/asset_id", "Expected the id of an asset.")
    if caption is not None and not (isinstance(caption, str) and len(caption) <= _CAPTION_LENGTH):
        raise errors.pointed(
            errors.InvalidBody,
            "/body/caption",
            f"Expected a string of at most {_CAPTION_LENGTH} characters.",
        )
    return MediaBody(asset_id, caption)


_BODIES: dict[str, Callable[[dict[str, Any], Limits], TextBody | MediaBody]] = {
    "text": _text_body,
    "media": _media_body,
}


def check_lifetime(value: Any) -> int | None:
    """`expires_in_s` of a send: 1 second to 30 days, or None (§5)."""
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # JSON knows one kind of number
    if isinstance(value, int) and not isinstance(value, bool) and value in _LIFETIME_S:
        return value
    raise errors.pointed(
        errors.InvalidRequest,
        "/expires_in_s",
        f"Expected a whole number of seconds from 1 to {_LIFETIME_S[-1]}.",
    )


def fingerprint(**parts: Any) -> bytes:
    """16 bytes, equal for equal JSON values: absent equals null, 1 equals 1.0, key order is nothing.

    It decides whether a repeated `client_message_id` or `Idempotency-Key` is the same request
    (DLV-4, DLV-5).
    """
    canonical = msgspec.json.encode(_normal(parts), order="sorted")
    return blake2b(canonical, digest_size=16).digest()


def _normal(value: Any) -> Any:
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return {key: _normal(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_normal(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return {"": str(value)}  # the encoder has 64 bits; no JSON object of ours has this shape
    return value
