"""The same values in other words: JSON (RFC 8259) and MessagePack, as few encoders would write them."""

from __future__ import annotations

import json
import struct
from random import Random
from typing import Any

import msgspec

Json = Any

_SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_SPACES = ("", "", "", " ", "\n", "\r\n\t")


def as_json(text: bytes, rng: Random) -> bytes:
    """A JSON text that means the same: other order, other white space, other escapes."""

    def spaced(part: str) -> str:
        return rng.choice(_SPACES) + part + rng.choice(_SPACES)

    def written(value: Json) -> str:
        if isinstance(value, dict):
            members = (
                f"{spaced(_quoted(name, rng))}:{written(each)}"
                for name, each in reversed(value.items())
            )
            return spaced(f"{{{','.join(members) or rng.choice(_SPACES)}}}")
        if isinstance(value, list):
            return spaced(f"[{','.join(map(written, value)) or rng.choice(_SPACES)}]")
        return spaced(_quoted(value, rng) if isinstance(value, str) else json.dumps(value))

    return written(json.loads(text)).encode()


def _quoted(text: str, rng: Random) -> str:
    """A string with some of its characters escaped that need not be."""
    return f'"{"".join(_character(each, rng) for each in text)}"'


def _character(each: str, rng: Random) -> str:
    if each in _SHORT or each < " ":
        return _SHORT.get(each) or f"\\u{ord(each):04X}"
    if each == "/" and rng.random() < 0.5:
        return "\\/"
    if rng.random() < 0.1:
        units = each.encode("utf-16-be")
        return "".join(
            f"\\u{high:02x}{low:02X}" for high, low in zip(*[iter(units)] * 2, strict=True)
        )
    return each


def as_msgpack(data: bytes) -> bytes:
    """A MessagePack value that means the same, everything in its widest form, members in another order."""
    return _packed(msgspec.msgpack.decode(data))


def _packed(value: Json) -> bytes:
    if value is None or isinstance(value, bool):
        return msgspec.msgpack.encode(value)
    if isinstance(value, str):
        data = value.encode()
        return struct.pack(">BI", 0xDB, len(data)) + data
    if isinstance(value, int):
        return struct.pack(">BQ", 0xCF, value) if value >= 0 else struct.pack(">Bq", 0xD3, value)
    if isinstance(value, float):
        return struct.pack(">Bd", 0xCB, value)
    if isinstance(value, list):
        return struct.pack(">BI", 0xDD, len(value)) + b"".join(map(_packed, value))
    members = [_packed(each) for member in reversed(value.items()) for each in member]
    return struct.pack(">BI", 0xDF, len(value)) + b"".join(members)
