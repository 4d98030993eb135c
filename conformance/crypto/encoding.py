"""Bytes as text and values as bytes, each in the one form that the API knows.

A second spelling of the same bytes would be a second signature, a second ciphertext, a way around a
comparison. So decoding is strict: standard alphabet, no padding, no stray bits behind the last byte.
"""

from __future__ import annotations

import base64
from typing import Any

import rfc8785

Json = Any


def encode_bytes(data: bytes) -> str:
    """`data` as unpadded standard base64 (RFC 4648 §4 without ``=``)."""
    return base64.b64encode(data).decode().rstrip("=")


def decode_bytes(text: Json) -> bytes:
    """The bytes of unpadded standard base64. Raises `ValueError` for any other value or spelling."""
    if not isinstance(text, str):
        raise ValueError("this is no text, so no base64")
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError as error:
        raise ValueError(f"this is no base64: {error}") from None
    if encode_bytes(data) != text:
        raise ValueError(
            "this is base64 of another spelling: padded, or with stray bits at its end"
        )
    return data


def canonical(value: Json) -> bytes:
    """The RFC 8785 canonical form of a JSON value, in UTF-8: what signatures are made over.

    Raises `ValueError` for what it has none of (NaN, whole numbers from 2^53 on, lone surrogates).
    """
    try:
        return rfc8785.dumps(value)
    except ValueError as error:
        raise ValueError(f"this value has no canonical form: {error}") from None
