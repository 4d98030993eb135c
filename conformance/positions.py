"""YAML with its places: a file becomes a plain tree, and every key and value keeps its line.

PyYAML parses (libyaml where it is built in) and this module decides what the scalars mean, by the
core schema of YAML 1.2 and not by PyYAML's YAML 1.1: ``no``, ``on`` and ``2026-11-22`` are strings,
``0o17`` is fifteen, ``12:30`` is no number. What has no meaning in JSON is a problem: an unknown tag,
a key that is no text or comes twice, an infinity, an alias that contains itself.

Everything that is wrong is collected as a `Problem`; only text that is no YAML, or without bound, ends
the reading.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from math import isfinite
from pathlib import Path
from typing import Any, Final

import yaml
from msgspec import Struct

from .problems import Place, Problem, shown
from .values import Json
from .values import Path as TreePath

MAX_VALUES: Final = 100_000
"""A file with more values than this is refused: aliases could otherwise make it grow without bound."""

MAX_DEPTH: Final = 64
"""Deeper nesting than this is refused; the Messenger API itself ends at 32."""

_TAG: Final = "tag:yaml.org,2002:"
_Loader: Final[Any] = getattr(yaml, "CBaseLoader", yaml.BaseLoader)

_PLAIN: Final = tuple(
    (_TAG + name, re.compile(pattern))
    for name, pattern in (
        ("null", r"~|null|Null|NULL|"),
        ("bool", r"true|True|TRUE|false|False|FALSE"),
        ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+"),
        (
            "float",
            r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
            r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        ),
    )
)
"""What plain scalars are, by the first pattern that fits (YAML 1.2, section 10.3.2); else strings."""


def _int(text: str) -> int:
    base = {"0o": 8, "0x": 16}.get(text[:2], 10)
    return int(text if base == 10 else text[2:], base)


def _float(text: str) -> float:
    number = float(text.replace(".inf", "inf").replace(".nan", "nan"))
    if not isfinite(number):
        raise ValueError("JSON has no such number")
    return number


_SCALARS: Final[dict[str, Callable[[str], Json]]] = {
    _TAG + "str": str,
    _TAG + "null": lambda _: None,
    _TAG + "bool": lambda text: text.lower() == "true",
    _TAG + "int": _int,
    _TAG + "float": lambda text: _float(text.lower()),
}


class Document(Struct, frozen=True):
    """One file: its plain tree, where each part of it is, and what is wrong with it as YAML."""

    file: Path
    value: Json
    values: dict[TreePath, Place]
    """Where each value begins, by its path."""
    keys: dict[TreePath, Place]
    """Where each member's name is, by the member's path."""
    problems: tuple[Problem, ...] = ()

    def place(self, path: TreePath) -> Place:
        """Where the value at `path` begins; the nearest thing around it if there is no such value."""
        return self._nearest(self.values, path)

    def key_place(self, path: TreePath) -> Place:
        """Where the name of the member at `path` is written, or its value if it has no name."""
        return self.keys.get(path) or self.place(path)

    def problem(self, path: TreePath, message: str) -> Problem:
        """A complaint about the value at `path`."""
        return Problem(shown(self.file), self.place(path), message)

    def key_problem(self, path: TreePath, message: str) -> Problem:
        """A complaint about the name of the member at `path`."""
        return Problem(shown(self.file), self.key_place(path), message)

    @staticmethod
    def _nearest(places: dict[TreePath, Place], path: TreePath) -> Place:
        for length in range(len(path), -1, -1):
            found = places.get(path[:length])
            if found is not None:
                return found
        return Place(1, 1)


def read(file: Path) -> Document:
    """Read a file. What cannot be read or is no YAML gives a document without value and a problem."""
    try:
        return parse(file, file.read_bytes())
    except OSError as error:
        return _unreadable(file, Place(1, 1), f"the file cannot be read: {error.strerror}")


def parse(file: Path, text: bytes | str) -> Document:
    """Parse `text`, the content of `file`."""
    reading = _Reading(file, text)
    try:
        value = reading.document()
    except yaml.MarkedYAMLError as error:
        context = f" ({error.context})" if error.context else ""
        place = _place(error.problem_mark or error.context_mark)
        if _is_tab(text, error.problem_mark):
            message = "this is no YAML: a tab, and YAML is indented with spaces"
            return _unreadable(file, place, message)
        return _unreadable(file, place, f"this is no YAML: {error.problem}{context}")
    except yaml.reader.ReaderError as error:
        message = f"this is no YAML: {error.reason} at byte {error.position}"
        return _unreadable(file, Place(1, 1), message)
    except _Unusable as error:
        return _unreadable(file, error.place, error.message)
    return Document(file, value, reading.values, reading.keys, tuple(reading.problems))


def _is_tab(text: bytes | str, mark: Any) -> bool:
    """Whether the character at a mark is a tab, whose mention YAML's own complaint leaves out."""
    if mark is None:
        return False
    lines = (text.decode("utf-8", "replace") if isinstance(text, bytes) else text).split("\n")
    return any(line[mark.column :].startswith("\t") for line in lines[mark.line : mark.line + 1])


def _unreadable(file: Path, place: Place, message: str) -> Document:
    return Document(file, None, {}, {}, (Problem(shown(file), place, message),))


def _place(mark: Any) -> Place:
    return Place(mark.line + 1, mark.column + 1) if mark is not None else Place(1, 1)


class _Unusable(Exception):
    """The text is YAML, but nothing that can be worked with."""

    def __init__(self, place: Place, message: str) -> None:
        super().__init__(message)
        self.place = place
        self.message = message


class _Reading:
    """One pass over the parser's events. An aliased value is copied to each of its places."""

    def __init__(self, file: Path, text: bytes | str) -> None:
        self.values: dict[TreePath, Place] = {}
        self.keys: dict[TreePath, Place] = {}
        self.problems: list[Problem] = []
        self._file = shown(file)
        self._anchors: dict[str, TreePath | None] = {}
        self._anchored: dict[str, Json] = {}
        self._events: Iterator[yaml.Event] = yaml.parse(text, Loader=_Loader)

    def document(self) -> Json:
        """The only document of the text."""
        next(self._events)  # the stream's start
        if isinstance(next(self._events), yaml.StreamEndEvent):
            raise _Unusable(Place(1, 1), "the file is empty")
        value = self._value(next(self._events), ())
        next(self._events)  # the document's end
        further = next(self._events)
        if not isinstance(further, yaml.StreamEndEvent):
            raise _Unusable(
                _place(further.start_mark), "a second document begins: one file, one only"
            )
        return value

    def _value(self, event: yaml.Event, path: TreePath) -> Json:
        place = _place(event.start_mark)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event.anchor, path, place)
        if len(path) > MAX_DEPTH:
            raise _Unusable(place, f"this is nested deeper than {MAX_DEPTH} levels")
        self._keep(path, place)
        anchor = event.anchor if isinstance(event, yaml.NodeEvent) else None
        if anchor is not None:
            self._anchors[anchor] = None
        value = self._node(event, path, place)
        if anchor is not None:
            self._anchors[anchor] = path
            self._anchored[anchor] = value
        return value

    def _node(self, event: yaml.Event, path: TreePath, place: Place) -> Json:
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, place)
        if isinstance(event, yaml.SequenceStartEvent):
            self._check_tag(event.tag, "seq", place)
            return self._sequence(path)
        if isinstance(event, yaml.MappingStartEvent):
            self._check_tag(event.tag, "map", place)
            return self._mapping(path)
        raise _Unusable(place, "a value is missing here")

    def _sequence(self, path: TreePath) -> list[Json]:
        elements: list[Json] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            elements.append(self._value(event, (*path, len(elements))))
        return elements

    def _mapping(self, path: TreePath) -> dict[str, Json]:
        members: dict[str, Json] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            place = _place(event.start_mark)
            key = self._key(event, place)
            at = (*path, key)
            if key in members:
                first = self.keys[at].line
                self._complain(place, f"the key `{key}` is here twice, first in line {first}")
            self.keys.setdefault(at, place)
            value = self._value(next(self._events), at)
            members.setdefault(key, value)
        return members

    def _key(self, event: yaml.Event, place: Place) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            raise _Unusable(place, "a key must be plain text here")
        if _tag_of(event) != _TAG + "str":
            self._complain(place, f"a key must be text here: put `{event.value}` in quotes")
        return str(event.value)

    def _scalar(self, event: yaml.ScalarEvent, place: Place) -> Json:
        tag = _tag_of(event)
        if tag not in _SCALARS:
            self._complain(place, _unknown_tag(tag))
            return event.value
        try:
            return _SCALARS[tag](event.value)
        except ValueError:
            self._complain(place, f"`{event.value[:40]}` is no number that JSON can carry")
            return 0

    def _alias(self, anchor: str | None, path: TreePath, place: Place) -> Json:
        origin = self._anchors.get(anchor) if anchor is not None else None
        if anchor is None or origin is None:
            inside = anchor in self._anchors
            why = "may not contain itself" if inside else "names an anchor that is not there"
            raise _Unusable(place, f"the alias `*{anchor}` {why}")
        return self._copy(self._anchored[anchor], origin, path)

    def _copy(self, value: Json, origin: TreePath, path: TreePath) -> Json:
        """A copy of an anchored value at `path`, with the places of the original."""
        self._keep(path, self.values[origin])
        if isinstance(value, list):
            return [self._copy(v, (*origin, i), (*path, i)) for i, v in enumerate(value)]
        if isinstance(value, dict):
            self.keys.update({(*path, key): self.keys[(*origin, key)] for key in value})
            return {key: self._copy(v, (*origin, key), (*path, key)) for key, v in value.items()}
        return value

    def _keep(self, path: TreePath, place: Place) -> None:
        if len(self.values) >= MAX_VALUES:
            raise _Unusable(place, f"the file is too large: it has more than {MAX_VALUES} values")
        self.values[path] = place

    def _check_tag(self, tag: str | None, kind: str, place: Place) -> None:
        if tag not in (None, "!", _TAG + kind):
            self._complain(place, _unknown_tag(str(tag)))

    def _complain(self, place: Place, message: str) -> None:
        self.problems.append(Problem(self._file, place, message))


def _tag_of(event: yaml.ScalarEvent) -> str:
    if event.tag not in (None, "!"):
        return str(event.tag)
    if event.tag is None and event.implicit[0]:
        for tag, pattern in _PLAIN:
            if pattern.fullmatch(event.value):
                return tag
    return _TAG + "str"


def _unknown_tag(tag: str) -> str:
    return f"unknown tag `{tag.replace(_TAG, '!!')}`: leave it out"
