"""Looking for secrets in whatever somebody wrote, also in a plain encoding of them.

There may be thousands of secrets and megabytes to search, so secrets are gathered by how they begin, in
each encoding: canaries all begin alike, and so do session keys. Each beginning is looked for once, at the
speed of a substring search, and what stands there is looked up among the whole ones.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from urllib.parse import quote

from msgspec import Struct

from ..history import Planted

BEGINNING = 5
"""Bytes by which spellings are gathered."""


class Find(Struct, frozen=True):
    """A secret where it does not belong: at which byte, and how it is encoded there."""

    secret: Planted
    encoding: str
    place: int


Known = dict[int, dict[bytes, tuple[Planted, str]]]
"""Spellings of one beginning, by their length."""


class Needles:
    """Secrets, ready to be looked for."""

    def __init__(self, planted: Iterable[Planted]) -> None:
        self._known: dict[bytes, Known] = {}
        for secret in planted:
            for encoding, spelled in _spellings(secret.secret):
                known = self._known.setdefault(spelled[:BEGINNING], {})
                known.setdefault(len(spelled), {}).setdefault(spelled, (secret, encoding))

    def found(self, data: bytes) -> Iterator[Find]:
        """Every secret that `data` holds, wherever it holds it."""
        for beginning, known in self._known.items():
            place = data.find(beginning)
            while place >= 0:
                for length, spellings in known.items():
                    hit = spellings.get(data[place : place + length])
                    if hit is not None:
                        yield Find(*hit, place)
                place = data.find(beginning, place + 1)


def _spellings(text: str) -> Iterator[tuple[str, bytes]]:
    """What encodings are called, and how a text, or the part of it that is always the same, looks there."""
    data = text.encode()
    yield "as it is", data
    escaped = {quote(text, safe=""), text.translate(str.maketrans("+/", "-_"))} - {text}
    yield from (("in an URL's spelling", each.encode()) for each in sorted(escaped))
    yield "in hexadecimal", data.hex().encode()
    yield "in hexadecimal", data.hex().upper().encode()
    yield from (("in base64", part) for part in _in_base64(data))


def _in_base64(data: bytes) -> Iterator[bytes]:
    """What base64 makes of `data` whatever stands around it: one text for each place modulo three."""
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + data)
        first = -(-before * 8 // 6)
        last = (before + len(data)) * 8 // 6
        yield encoded[first:last]
