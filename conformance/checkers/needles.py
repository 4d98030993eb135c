"""Looking for secrets in whatever somebody wrote, also in a plain encoding of them.

There may be thousands of secrets and many megabytes to search, nearly always in vain. So the data is sampled
first: of every `STRIDE` bytes a window of `WINDOW` is compared with all windows that secrets have. Wherever a
secret of at least `STRIDE + WINDOW - 1` bytes stands, one of these lies within it. So whatever has no window
there need not be looked for, and how many secrets there are hardly matters.

Secrets are gathered by how they begin, in each encoding: canaries all begin alike, and so do session keys.
Each beginning is looked for once, at the speed of a substring search, and what stands there is looked up
among the whole ones.
"""

from __future__ import annotations

import base64
import sys
from collections.abc import Iterable, Iterator
from urllib.parse import quote

from msgspec import Struct

from ..history import Planted

BEGINNING = 5
"""Bytes by which spellings are gathered."""

STRIDE = 16
WINDOW = 8
"""Bytes: of data that is sampled, a window at each multiple of `STRIDE` is looked at."""


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
        self._begun_by: dict[int, set[bytes]] = {}
        """The beginnings of what has a window."""
        self._shortest = STRIDE + WINDOW - 1
        for secret in planted:
            for encoding, spelled in _spellings(secret.secret):
                self._shortest = min(self._shortest, len(spelled))
                beginning = spelled[:BEGINNING]
                for window in _windows(spelled):
                    self._begun_by.setdefault(window, set()).add(beginning)
                known = self._known.setdefault(beginning, {})
                known.setdefault(len(spelled), {}).setdefault(spelled, (secret, encoding))

    def found(self, data: bytes) -> Iterator[Find]:
        """Every secret that `data` holds, wherever it holds it."""
        for beginning in self._possible(data):
            place = data.find(beginning)
            while place >= 0:
                for length, spellings in self._known[beginning].items():
                    hit = spellings.get(data[place : place + length])
                    if hit is not None:
                        yield Find(*hit, place)
                place = data.find(beginning, place + 1)

    def _possible(self, data: bytes) -> Iterable[bytes]:
        """The beginnings that are worth a search; all, if a secret may fall between the windows."""
        if self._shortest < STRIDE + WINDOW - 1:
            return self._known
        whole = memoryview(data)[: len(data) // WINDOW * WINDOW].cast("Q")
        met = self._begun_by.keys() & whole[:: STRIDE // WINDOW]
        begun = {beginning for window in met for beginning in self._begun_by[window]}
        return [beginning for beginning in self._known if beginning in begun]


def _windows(spelled: bytes) -> Iterator[int]:
    """The windows of which one is met, wherever a text begins."""
    for begin in range(STRIDE):
        yield int.from_bytes(spelled[begin : begin + WINDOW], sys.byteorder)


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
