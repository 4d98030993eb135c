"""Expected against got, as the lines of a diff.

Where a finding tells its mismatches place by place and what came is JSON, each mismatch stands at its
place in what came. Where not, mismatches are listed by pointer, and failing those the two texts stand
one below the other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal

from msgspec import Struct

from ..model import Finding, Mismatch

Mark = Literal[" ", "-", "+", "@"]
WIDTH: Final = 88
"""Characters of a part that is shown on one line."""


class Line(Struct, frozen=True):
    """One line: unchanged, expected (``-``), got (``+``), or a place (``@``)."""

    mark: Mark
    text: str


def difference(finding: Finding) -> list[Line]:
    """The diff of a finding; empty if it has nothing to compare."""
    if not finding.mismatches:
        return [*_texts("-", finding.expected), *_texts("+", finding.got)]
    wrong = {each.pointer: each for each in finding.mismatches}
    try:
        return list(_value("", json.loads(finding.got or ""), wrong, 0, "", ""))
    except (ValueError, RecursionError):
        return [line for each in finding.mismatches for line in _listed(each)]


def _texts(mark: Mark, text: str | None) -> Iterator[Line]:
    for line in (text or "").splitlines():
        yield Line(mark, line)


def _listed(mismatch: Mismatch) -> Iterator[Line]:
    if mismatch.pointer:
        yield Line("@", mismatch.pointer)
    yield Line("-", mismatch.expected)
    yield Line("+", mismatch.got)


def _value(
    pointer: str, value: Any, wrong: Mapping[str, Mismatch], depth: int, name: str, end: str
) -> Iterator[Line]:
    """The lines of a value; `name` goes before it and `end` behind."""
    indent = "  " * depth
    here = wrong.get(pointer)
    if here is not None:
        yield Line("-", f"{indent}{name}{here.expected}")
        yield Line("+", f"{indent}{name}{here.got}{end}")
    elif not isinstance(value, dict | list) or not any(map(_below(pointer), wrong)):
        yield Line(" ", f"{indent}{name}{_clipped(value)}{end}")
    else:
        opening, closing = "{}" if isinstance(value, dict) else "[]"
        yield Line(" ", f"{indent}{name}{opening}")
        yield from _members(pointer, value, wrong, depth + 1)
        yield Line(" ", f"{indent}{closing}{end}")


def _members(
    pointer: str, value: dict[str, Any] | list[Any], wrong: Mapping[str, Mismatch], depth: int
) -> Iterator[Line]:
    named: Sequence[tuple[str, str, Any]]
    if isinstance(value, dict):
        named = [(_token(key), f"{json.dumps(key)}: ", each) for key, each in value.items()]
    else:
        named = [(str(number), "", each) for number, each in enumerate(value)]
    for number, (token, name, each) in enumerate(named, 1):
        end = "," if number < len(named) else ""
        yield from _value(f"{pointer}/{token}", each, wrong, depth, name, end)
    there = {f"{pointer}/{token}" for token, _, _ in named}
    for other, mismatch in wrong.items():
        parent, _, token = other.rpartition("/")
        if parent == pointer and other not in there:
            yield Line("-", f"{'  ' * depth}{_name(token)}: {mismatch.expected}")


def _below(pointer: str) -> Any:
    return lambda other: other.startswith(f"{pointer}/")


def _token(key: str) -> str:
    """A member's name in a pointer (RFC 6901, section 3)."""
    return key.replace("~", "~0").replace("/", "~1")


def _name(token: str) -> str:
    return json.dumps(token.replace("~1", "/").replace("~0", "~"), ensure_ascii=False)


def _clipped(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"
