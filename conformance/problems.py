"""What is wrong with something a user wrote, and where: one currency for loader and commands.

A :class:`Problem` is one complaint with its place in a file; :class:`BadInput` ends a command that
cannot go on with what it was given. Both are texts for the person who wrote the input: they say
what to do, and no traceback ever accompanies them.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct


class Place(Struct, frozen=True, order=True):
    """A place in a text; both count from 1, columns in characters."""

    line: int
    column: int


class Problem(Struct, frozen=True, order=True):
    """One complaint about a file: ``file:line:column: message``."""

    file: str
    place: Place
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.place.line}:{self.place.column}: {self.message}"


class BadInput(Exception):
    """What the user gave cannot be used; the text tells why and what to do. Exit status 2."""


def shown(file: Path) -> str:
    """A file's name as a user of this folder would write it: relative where it lies below."""
    try:
        return str(file.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(file)


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` is most likely a misspelling of, if there is one."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    found = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[found[0]] if found else None


def unknown(what: str, word: str, known: Iterable[str]) -> str:
    """``unknown key `expcet`: did you mean `expect`?``, or what is known where nothing is near."""
    candidates = list(known)
    near = closest(word, candidates)
    if near is not None:
        return f"unknown {what} `{word}`: did you mean `{near}`?"
    if not candidates:
        return f"unknown {what} `{word}`: there are none here"
    listed = ", ".join(f"`{candidate}`" for candidate in candidates[:24])
    more = ", …" if len(candidates) > 24 else ""
    return f"unknown {what} `{word}`: known are {listed}{more}"
