"""The two encodings of the realtime channel: JSON in text messages, MessagePack in binary ones (§6).

Whatever the encoding, a frame is the same value of JSON's types, so nothing above this module knows
which one a connection speaks. MessagePack can say more than JSON (bytes, extensions, keys that are no
strings, NaN); a server that does so has sent no frame.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Protocol

import msgspec

from ..base import Json
from .jsontext import NotJson, parse

_encode_json = msgspec.json.Encoder().encode
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder().decode


class NotAFrame(ValueError):
    """A message that is of the wrong kind, cannot be decoded, or holds more than JSON can say."""


class Encoding(Protocol):
    """How values become WebSocket messages, and back."""

    def encode(self, value: Json) -> str | bytes:
        """A value as the payload of a text (str) or binary (bytes) message."""

    def decode(self, message: str | bytes) -> Json:
        """The value of a message. Raises `NotAFrame`."""


class Text:
    """``encoding=text``: JSON."""

    def encode(self, value: Json) -> str:
        """A text message."""
        return _encode_json(value).decode()

    def decode(self, message: str | bytes) -> Json:
        """The value of a text message."""
        if isinstance(message, bytes):
            raise NotAFrame("a binary message on a text channel")
        try:
            return parse(message)
        except NotJson as error:
            raise NotAFrame(str(error)) from None


class MessagePack:
    """``encoding=msgpack``."""

    def encode(self, value: Json) -> bytes:
        """A binary message."""
        return _pack(value)

    def decode(self, message: str | bytes) -> Json:
        """The value of a binary message."""
        if isinstance(message, str):
            raise NotAFrame("a text message on a binary channel")
        try:
            value = _unpack(message)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, TypeError) as error:
            raise NotAFrame(str(error)) from None
        if not _is_json(value):
            raise NotAFrame("a value that JSON has no word for")
        return value


def _is_json(value: Json) -> bool:
    match value:
        case dict():
            return all(isinstance(key, str) and _is_json(each) for key, each in value.items())
        case list():
            return all(map(_is_json, value))
        case float():
            return math.isfinite(value)
        case _:
            return value is None or isinstance(value, str | int)


ENCODINGS: Mapping[str, Encoding] = {"text": Text(), "msgpack": MessagePack()}
"""Every encoding by its name in the handshake."""
