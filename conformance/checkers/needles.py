"""Looking for secrets in whatever somebody wrote, also in a plain encoding of them.

There may be thousands of canaries and megabytes to search, so all canaries begin alike: the beginning is
looked for first, in each encoding, and only where it is found the single canaries are. Other secrets
(keys) are few and looked for one by one.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from urllib.parse import quote

from ..history import CANARY, Planted

Spelling = tuple[str, bytes]
"""What an encoding is called, and how a text, or the part of it that is always the same, looks in it."""


class Needles:
    """Secrets, ready to be looked for."""

    def __init__(self, planted: Iterable[Planted]) -> None:
        self._canaries: list[Planted] = []
        self._others: list[tuple[Planted, str, bytes]] = []
        for secret in planted:
            if secret.secret.startswith(CANARY):
                self._canaries.append(secret)
            else:
                self._others += [(secret, *each) for each in _spellings(secret.secret)]
        self._beginnings = list(_spellings(CANARY)) if self._canaries else []

    def places(self, data: bytes) -> list[int]:
        """Where in `data` a secret, or what looks like a canary, begins; in no order."""
        looked_for = [mark for _, mark in self._beginnings]
        looked_for += [mark for _, _, mark in self._others]
        return [place for mark in looked_for for place in _all(mark, data)]

    def found(self, data: bytes) -> Iterator[tuple[Planted, str]]:
        """The secrets that `data` holds, each with the encoding that it is in."""
        if any(mark in data for _, mark in self._beginnings):
            for canary in self._canaries:
                for encoding, mark in _spellings(canary.secret):
                    if mark in data:
                        yield canary, encoding
        for secret, encoding, mark in self._others:
            if mark in data:
                yield secret, encoding


def _all(mark: bytes, data: bytes) -> Iterator[int]:
    place = data.find(mark)
    while place >= 0:
        yield place
        place = data.find(mark, place + 1)


def _spellings(text: str) -> Iterator[Spelling]:
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
