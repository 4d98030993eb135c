"""JSON from the wire, which may be anything."""

from __future__ import annotations

import msgspec

from ..base import Json

_decode = msgspec.json.Decoder().decode


class NotJson(ValueError):
    """These bytes are no JSON, or nested deeper than this program can follow."""


def parse(data: bytes | str) -> Json:
    """The JSON value that `data` is. Raises `NotJson`."""
    try:
        return _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotJson(str(error)) from None
