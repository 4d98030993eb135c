"""Decoding what clients send, as strictly as §1 wants: JSON (RFC 8259) in UTF-8, at most 32 deep.

Values are decoded whole before any of them is looked at, so that junk in an ignored member is junk.
MessagePack may say what JSON cannot (bytes, extensions, keys that are no strings, NaN): that is refused
too, so whatever gets past here is the same in both encodings (RT-7).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import msgspec

from ..core import errors
from ..core.limits import MAX_DEPTH
from ..hub import Encoding

T = TypeVar("T")

_decode = msgspec.json.Decoder().decode
_unpack = msgspec.msgpack.Decoder().decode
_SIMPLE = frozenset((str, int, bool, type(None)))
_PLACE = re.compile(r" - at `(?:key in )?\$(?P<path>[^`]*)`$")
# A string that does not end takes the rest, at once: nothing is tried again (linear time).
_STRUCTURE = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)


def decode_json(data: bytes | str) -> Any:
    """The JSON value of a body or frame. Raises `Malformed`; `UnicodeDecodeError` passes through."""
    text = data if isinstance(data, str) else data.decode("utf-8")
    if text.count("[") + text.count("{") > MAX_DEPTH and _depth(text) > MAX_DEPTH:
        raise errors.Malformed(f"The JSON is nested more than {MAX_DEPTH} deep.")
    try:
        return _decode(text)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise errors.Malformed(f"Not valid JSON: {error}.") from None


def decode_msgpack(data: bytes) -> Any:
    """The value of a MessagePack message, of JSON's types only. Raises `Malformed`."""
    try:
        value = _unpack(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, TypeError) as error:
        raise errors.Malformed(f"Not valid MessagePack: {error}.") from None
    _check_types(value, 1)
    return value


def _message_as_json(message: str | bytes) -> Any:
    if isinstance(message, bytes):
        raise errors.Malformed("A binary message on a text channel.")
    return decode_json(message)


def _message_as_msgpack(message: str | bytes) -> Any:
    if isinstance(message, str):
        raise errors.Malformed("A text message on a binary channel.")
    return decode_msgpack(message)


DECODERS: Final[Mapping[Encoding, Callable[[str | bytes], Any]]] = {
    "text": _message_as_json,
    "msgpack": _message_as_msgpack,
}
"""The value of a WebSocket message, by its channel's encoding. They raise `Malformed`."""


def _check_types(value: Any, depth: int) -> None:
    """Refuse what JSON has no word for, and what is nested too deep."""
    kind = type(value)
    if kind is dict or kind is list:
        if depth > MAX_DEPTH:
            raise errors.Malformed(f"The MessagePack is nested more than {MAX_DEPTH} deep.")
        if kind is dict and not all(type(key) is str for key in value):
            raise errors.Malformed("A key in the MessagePack is no string.")
        for part in value.values() if kind is dict else value:
            if type(part) not in _SIMPLE:
                _check_types(part, depth + 1)
    elif kind is float:
        if not math.isfinite(value):
            raise errors.Malformed("A number in the MessagePack is not finite.")
    elif kind not in _SIMPLE:
        raise errors.Malformed("The MessagePack holds a type that JSON does not have.")


def convert(value: Any, shape: type[T]) -> T:
    """`value` as a struct of `shape`. Raises `InvalidRequest` with a pointer to the wrong place."""
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        message = str(error)
        place = _PLACE.search(message)
        pointer = "" if place is None else _pointer(place["path"])
        detail = _PLACE.sub("", message)
        missing = re.search(r"missing required field `([^`]+)`", detail)
        if missing:
            pointer += "/" + missing[1]
        raise errors.pointed(errors.InvalidRequest, pointer, f"{detail}.") from None


def _pointer(path: str) -> str:
    """`.a[0].b`, as msgspec writes a path, as an RFC 6901 pointer."""
    return re.sub(r"\.|\[", "/", path).replace("]", "")


def _depth(text: str) -> int:
    deepest = depth = 0
    for token in _STRUCTURE.finditer(text):
        if token[0] in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif token[0] in "]}":
            depth -= 1
    return deepest
