"""Patterns: what a scenario expects of a value, and how exactly a value differs.

One vocabulary everywhere. A pattern is a JSON value with these rules:

* an **object** is open: it names the members that matter, others are welcome;
* a **list** is exact: the same length, element by element;
* anything else is equal or not; ``1`` equals ``1.0``, and ``true`` is no number;
* an object whose members all begin with ``$`` is a set of **operators** (:data:`OPERATORS`) that
  must all agree.

The Messenger API lets a server leave out members that are null, ``[]`` or ``{}`` (section 1), so a
member that is absent counts as each of these: it matches ``null``, ``[]``, ``{$length: 0}`` …
A pattern must be free of references (`values.resolve` comes first), except for :func:`complaints`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from msgspec import Struct

from .assignment import assign
from .problems import unknown
from .values import Json, Path, is_reference, pointer


class Absent:
    """The type of :data:`ABSENT`, which stands where an object has no such member."""

    def __repr__(self) -> str:
        return "nothing"


ABSENT: Final = Absent()


class BadPattern(ValueError):
    """A pattern that means nothing, for example an unknown operator. The scenario's fault."""


class Mismatch(Struct, frozen=True):
    """One difference: where (an RFC 6901 pointer into the value), what was expected, what came."""

    pointer: str
    expected: str
    got: str

    def __str__(self) -> str:
        at = f"{self.pointer}: " if self.pointer else ""
        return f"{at}expected {self.expected}, got {self.got}"


def match(pattern: Json, value: Json) -> list[Mismatch]:
    """Every difference between `value` and what `pattern` asks for; none: it matches.

    Raises `BadPattern` when the pattern itself is at fault.
    """
    return list(_compare(pattern, value, ()))


def matches(pattern: Json, value: Json) -> bool:
    """Whether `value` is what `pattern` asks for. Raises `BadPattern`."""
    return next(_compare(pattern, value, ()), None) is None


def complaints(pattern: Json) -> Iterator[tuple[Path, str]]:
    """What is wrong with a pattern that may still hold references, with places, for a linter."""
    return _complaints(pattern, ())


def _complaints(pattern: Json, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(pattern, list):
        for index, element in enumerate(pattern):
            yield from _complaints(element, (*path, index))
        return
    if not isinstance(pattern, Mapping):
        return
    try:
        operators = _is_operators(pattern)
    except BadPattern as error:
        yield path, str(error)
        return
    for name, operand in pattern.items():
        at = (*path, name)
        try:
            inner = _operator(name).check(name, operand) if operators else _a_pattern(name, operand)
        except BadPattern as error:
            if not is_reference(operand) or name not in OPERATORS:
                yield at, str(error)
        else:
            yield from _complaints(inner, at)


def show(value: Any, limit: int = 200) -> str:
    """A value in one line of JSON, shortened to `limit` characters."""
    if value is ABSENT:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


# ── comparing ─────────────────────────────────────────────────────────────────────────────────


def _compare(pattern: Json, value: Any, path: Path) -> Iterator[Mismatch]:
    match pattern:
        case Mapping():
            if _is_operators(pattern):
                for name, operand in pattern.items():
                    operator = _operator(name)
                    operator.check(name, operand)
                    yield from operator.compare(operand, value, path)
            else:
                yield from _compare_object(pattern, value, path)
        case list():
            yield from _compare_list(pattern, value, path)
        case _:
            if not _equal(pattern, value):
                yield _mismatch(path, show(pattern), value)


def _compare_object(pattern: Mapping[str, Json], value: Any, path: Path) -> Iterator[Mismatch]:
    members = {} if value is ABSENT else value
    if not isinstance(members, Mapping):
        yield _mismatch(path, f"an object {show(pattern)}", value)
        return
    for name, expected in pattern.items():
        yield from _compare(expected, members.get(name, ABSENT), (*path, name))


def _compare_list(pattern: list[Json], value: Any, path: Path) -> Iterator[Mismatch]:
    elements = [] if value is ABSENT else value
    if not isinstance(elements, list):
        yield _mismatch(path, f"a list {show(pattern)}", value)
        return
    if len(elements) != len(pattern):
        yield _mismatch(path, f"{len(pattern)} elements, {show(pattern)}", value)
    for index, (expected, element) in enumerate(zip(pattern, elements, strict=False)):
        yield from _compare(expected, element, (*path, index))


def _equal(expected: Json, value: Any) -> bool:
    if value is ABSENT:
        return expected is None
    if isinstance(expected, bool) or isinstance(value, bool):
        return expected is value
    return bool(expected == value)


def _mismatch(path: Path, expected: str, value: Any) -> Mismatch:
    return Mismatch(pointer(path), expected, show(value))


def _is_operators(pattern: Mapping[str, Json]) -> bool:
    # `${…}` is a reference, to be the name of a member.
    names = [name for name in pattern if name.startswith("$") and not name.startswith("${")]
    if names and len(names) < len(pattern):
        shown = ", ".join(f"`{name}`" for name in names)
        raise BadPattern(f"{shown} beside members: an object is a set of operators or of members")
    return bool(names)


# ── what operators take ───────────────────────────────────────────────────────────────────────
#
# Each of these raises `BadPattern` or gives what is to be looked into as a pattern.


def _a_pattern(_name: str, operand: Json) -> Json:
    return operand


def _patterns(name: str, operand: Json) -> Json:
    if not isinstance(operand, list):
        raise BadPattern(f"{name} takes a list of patterns, not {show(operand)}")
    return operand


def _a_flag(name: str, operand: Json) -> Json:
    if not isinstance(operand, bool):
        raise BadPattern(f"{name} takes true or false, not {show(operand)}")


def _a_bound(name: str, operand: Json) -> Json:
    if not _is_number(operand) and not isinstance(operand, str):
        raise BadPattern(f"{name} takes a number or a text, not {show(operand)}")


def _an_expression(name: str, operand: Json) -> Json:
    if not isinstance(operand, str):
        raise BadPattern(f"{name} takes a regular expression, not {show(operand)}")
    _compiled(operand)


def _a_type(_name: str, operand: Json) -> Json:
    if operand not in TYPES:
        raise BadPattern(unknown("type", str(operand), TYPES))


# ── the operators ─────────────────────────────────────────────────────────────────────────────

_TIMESTAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")
_ID = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,64}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_integer(value: Any) -> bool:
    return _is_number(value) and (isinstance(value, int) or value.is_integer())


def _is_timestamp(value: Any) -> bool:
    if not isinstance(value, str) or not _TIMESTAMP.fullmatch(value):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


TYPES: Final[dict[str, Callable[[Any], bool]]] = {
    "string": lambda value: isinstance(value, str),
    "integer": _is_integer,
    "number": _is_number,
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None or value is ABSENT,
    "array": lambda value: isinstance(value, list) or value is ABSENT,
    "object": lambda value: isinstance(value, Mapping) or value is ABSENT,
    "timestamp": _is_timestamp,
    "id": lambda value: isinstance(value, str) and _ID.fullmatch(value) is not None,
}
"""What ``$type`` knows; ``timestamp`` (RFC 3339 in UTC with milliseconds, and a moment that exists)
and ``id`` are as section 1 of the Messenger API has them."""


def _type(operand: str, value: Any, path: Path) -> Iterator[Mismatch]:
    if not TYPES[operand](value):
        yield _mismatch(path, f"a value of type {operand}", value)


@lru_cache(maxsize=512)
def _compiled(expression: str) -> re.Pattern[str]:
    try:
        return re.compile(expression)
    except re.error as error:
        raise BadPattern(f"`{expression}` is no regular expression: {error}") from None


def _regex(operand: str, value: Any, path: Path) -> Iterator[Mismatch]:
    if not isinstance(value, str) or not _compiled(operand).fullmatch(value):
        yield _mismatch(path, f"a text that is, as a whole, /{operand}/", value)


def _unordered(operand: list[Json], value: Any, path: Path) -> Iterator[Mismatch]:
    elements = [] if value is ABSENT else value
    if not isinstance(elements, list):
        yield _mismatch(path, f"a list, in any order, of {show(operand)}", value)
    elif len(elements) != len(operand):
        yield _mismatch(path, f"{len(operand)} elements in any order, {show(operand)}", value)
    else:
        taken = assign(
            [
                [index for index, element in enumerate(elements) if matches(pattern, element)]
                for pattern in operand
            ]
        )
        free = [element for index, element in enumerate(elements) if index not in taken]
        for index in sorted(set(range(len(operand))) - set(taken.values())):
            yield _mismatch(path, f"an element like {show(operand[index])}", free)


def _contains(operand: Json, value: Any, path: Path) -> Iterator[Mismatch]:
    if isinstance(value, str):
        found = isinstance(operand, str) and operand in value
    else:
        found = isinstance(value, list) and any(matches(operand, element) for element in value)
    if not found:
        yield _mismatch(path, f"something that contains {show(operand)}", value)


def _each(operand: Json, value: Any, path: Path) -> Iterator[Mismatch]:
    elements = [] if value is ABSENT else value
    if not isinstance(elements, list):
        yield _mismatch(path, f"a list whose elements are all like {show(operand)}", value)
        return
    for index, element in enumerate(elements):
        yield from _compare(operand, element, (*path, index))


def _length(operand: Json, value: Any, path: Path) -> Iterator[Mismatch]:
    sized = [] if value is ABSENT else value
    if not isinstance(sized, str | list | Mapping):
        yield _mismatch(path, f"something of length {show(operand)}", value)
    elif not matches(operand, len(sized)):
        yield Mismatch(pointer(path), f"length {show(operand)}", f"{len(sized)}: {show(value)}")


def _absent(operand: bool, value: Any, path: Path) -> Iterator[Mismatch]:
    if (value is ABSENT or value in (None, [], {})) is not operand:
        yield _mismatch(path, "nothing" if operand else "something", value)


def _present(operand: bool, value: Any, path: Path) -> Iterator[Mismatch]:
    yield from _absent(not operand, value, path)


def _bound(words: str, holds: Callable[[Any, Any], bool]) -> Compare:
    def compare(operand: Json, value: Any, path: Path) -> Iterator[Mismatch]:
        comparable = _is_number(value) if _is_number(operand) else isinstance(value, str)
        if not comparable or not holds(value, operand):
            yield _mismatch(path, f"{words} {show(operand)}", value)

    return compare


def _not(operand: Json, value: Any, path: Path) -> Iterator[Mismatch]:
    if next(_compare(operand, value, path), None) is None:
        yield _mismatch(path, f"anything but {show(operand)}", value)


def _any_of(operand: list[Json], value: Any, path: Path) -> Iterator[Mismatch]:
    if all(next(_compare(pattern, value, path), None) is not None for pattern in operand):
        yield _mismatch(path, " or ".join(show(pattern, 80) for pattern in operand), value)


def _all_of(operand: list[Json], value: Any, path: Path) -> Iterator[Mismatch]:
    for pattern in operand:
        yield from _compare(pattern, value, path)


Compare = Callable[[Any, Any, Path], Iterator[Mismatch]]


class Operator(Struct, frozen=True):
    """How an operator compares, and what it takes: `check` raises `BadPattern` for the rest."""

    compare: Compare
    check: Callable[[str, Json], Json]


OPERATORS: Final[dict[str, Operator]] = {
    "$type": Operator(_type, _a_type),
    "$regex": Operator(_regex, _an_expression),
    "$unordered": Operator(_unordered, _patterns),
    "$contains": Operator(_contains, _a_pattern),
    "$each": Operator(_each, _a_pattern),
    "$length": Operator(_length, _a_pattern),
    "$absent": Operator(_absent, _a_flag),
    "$present": Operator(_present, _a_flag),
    "$gt": Operator(_bound("more than", lambda value, limit: value > limit), _a_bound),
    "$gte": Operator(_bound("at least", lambda value, limit: value >= limit), _a_bound),
    "$lt": Operator(_bound("less than", lambda value, limit: value < limit), _a_bound),
    "$lte": Operator(_bound("at most", lambda value, limit: value <= limit), _a_bound),
    "$not": Operator(_not, _a_pattern),
    "$any_of": Operator(_any_of, _patterns),
    "$all_of": Operator(_all_of, _patterns),
}
"""The operators by name; `docs/writing-a-scenario.md` explains each."""


def _operator(name: str) -> Operator:
    if name not in OPERATORS:
        raise BadPattern(unknown("operator", name, OPERATORS))
    return OPERATORS[name]
