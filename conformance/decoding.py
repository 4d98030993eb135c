"""A plain tree into typed structs, with *every* complaint and its place, not the first only.

`msgspec.convert` decides what a value is; it stops at the first mistake and knows no places. So this
module first walks the tree beside the type (by `msgspec.inspect`) and collects what is wrong: unknown
members with the nearest one that exists, missing members, wrong types, values outside their bounds.
Only a tree without complaints is converted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct
from msgspec import inspect as types

from .positions import Document
from .problems import Problem, closest, unknown
from .values import Json, Path, describe

T = TypeVar("T")


class Complaint(Struct, frozen=True):
    """One mistake at a path of the tree; `about` says whether the member's name or its value is it."""

    path: Path
    message: str
    about: str = "value"

    def problem(self, document: Document) -> Problem:
        """The complaint with its place in the file."""
        if self.about == "key":
            return document.key_problem(self.path, self.message)
        return document.problem(self.path, self.message)


def decode(document: Document, kind: type[T]) -> tuple[T | None, list[Problem]]:
    """A whole document as a `kind`, or None with what is wrong."""
    problems = list(document.problems)
    if document.values:
        problems += [complaint.problem(document) for complaint in complaints(kind, document.value)]
    return (None, problems) if problems else (convert(document.value, kind), [])


def convert(value: Json, kind: type[T]) -> T:
    """A tree that :func:`complaints` finds nothing in, as a `kind`."""
    return msgspec.convert(value, kind)


def complaints(kind: type[Any], value: Json) -> Iterator[Complaint]:
    """Everything that keeps `value` from being a `kind`."""
    return _check(_type_info(kind), value, ())


_TYPE_INFO: Final[dict[type[Any], types.Type]] = {}


def _type_info(kind: type[Any]) -> types.Type:
    if kind not in _TYPE_INFO:
        _TYPE_INFO[kind] = types.type_info(kind)
    return _TYPE_INFO[kind]


def _check(kind: types.Type, value: Json, path: Path) -> Iterator[Complaint]:
    words = ""
    if isinstance(kind, types.Metadata):
        words = str((kind.extra_json_schema or {}).get("description", ""))
        kind = kind.type
    match kind:
        case types.AnyType():
            return
        case types.UnionType():
            yield from _check_union(kind, value, path)
        case types.StructType() if isinstance(value, Mapping):
            yield from _check_struct(kind, value, path)
        case types.ListType() | types.VarTupleType() if isinstance(value, list):
            yield from _check_length(kind, value, path)
            for index, element in enumerate(value):
                yield from _check(kind.item_type, element, (*path, index))
        case types.DictType() if isinstance(value, Mapping):
            yield from _check_length(kind, value, path)
            for key, member in value.items():
                for complaint in _check(kind.key_type, key, (*path, key)):
                    yield Complaint(complaint.path, complaint.message, "key")
                yield from _check(kind.value_type, member, (*path, key))
        case types.LiteralType():
            if isinstance(value, bool) or value not in kind.values:
                yield _wrong(path, _literal(kind, value))
        case types.StrType() if isinstance(value, str):
            yield from _check_text(kind, value, path, words)
        case types.IntType() if isinstance(value, int) and not isinstance(value, bool):
            yield from _check_number(kind, value, path)
        case types.FloatType() if isinstance(value, int | float) and not isinstance(value, bool):
            yield from _check_number(kind, value, path)
        case types.BoolType() if isinstance(value, bool):
            return
        case types.NoneType() if value is None:
            return
        case types.StructType() | types.DictType() if value is None:
            yield _wrong(path, "must be an object, not null: `{}` is the empty one")
        case _:
            yield _wrong(path, f"must be {_words(kind)}, not {describe(value)}")


def _check_struct(
    kind: types.StructType, value: Mapping[str, Json], path: Path
) -> Iterator[Complaint]:
    fields = {field.encode_name: field for field in kind.fields}
    meant = set()
    for name, member in value.items():
        if name in fields:
            yield from _check(fields[name].type, member, (*path, name))
        elif kind.forbid_unknown_fields:
            meant.add(closest(name, fields))
            yield Complaint((*path, name), _unknown_member(name, fields, path), "key")
    for name, field in fields.items():
        if field.required and name not in value and name not in meant:
            yield Complaint(path, f"{_label(path)} needs `{name}`")


def _unknown_member(name: str, fields: Mapping[str, Any], path: Path) -> str:
    if not fields:
        return f"unknown key `{name}`: {_label(path)} takes none, write `{{}}`"
    if closest(name, fields) is not None or len(fields) <= 12:
        return unknown("key", name, fields)
    return f"unknown key `{name}`: {_label(path)} has no such member"


def _check_union(kind: types.UnionType, value: Json, path: Path) -> Iterator[Complaint]:
    """Look at the member of the union that is of the value's own JSON kind; there is at most one."""
    wanted = _JSON_KINDS.get(type(value), ())
    members = kind.types
    for member in members:
        bare = member.type if isinstance(member, types.Metadata) else member
        if len(members) == 1 or isinstance(bare, (types.AnyType, *wanted)):
            yield from _check(member, value, path)
            return
    choices = " or ".join(_words(member) for member in members)
    yield _wrong(path, f"must be {choices}, not {describe(value)}")


_JSON_KINDS: Final[dict[type, tuple[type[types.Type], ...]]] = {
    dict: (types.StructType, types.DictType),
    list: (types.ListType, types.VarTupleType),
    str: (types.StrType, types.LiteralType),
    int: (types.IntType, types.FloatType),
    float: (types.FloatType,),
    bool: (types.BoolType,),
    type(None): (types.NoneType,),
}


def _check_text(kind: types.StrType, value: str, path: Path, words: str) -> Iterator[Complaint]:
    if kind.pattern is not None and not re.search(kind.pattern, value):
        wanted = words or f"of the form {kind.pattern}"
        yield _wrong(path, f"must be {wanted}, not {describe(value)}")
    elif kind.max_length is not None and len(value) > kind.max_length:
        yield _wrong(path, f"may have {kind.max_length} characters, not {len(value)}")
    elif kind.min_length is not None and len(value) < kind.min_length:
        yield _wrong(path, f"must have at least {kind.min_length} characters")


def _check_number(
    kind: types.IntType | types.FloatType, value: float, path: Path
) -> Iterator[Complaint]:
    if kind.gt is not None and value <= kind.gt:
        yield _wrong(path, f"must be more than {kind.gt:g}, not {value}")
    elif kind.ge is not None and value < kind.ge:
        yield _wrong(path, f"must be at least {kind.ge}, not {value}")
    elif kind.le is not None and value > kind.le:
        yield _wrong(path, f"must be at most {kind.le}, not {value}")


def _check_length(
    kind: types.ListType | types.VarTupleType | types.DictType,
    value: list[Json] | Mapping[str, Json],
    path: Path,
) -> Iterator[Complaint]:
    low, high = kind.min_length, kind.max_length
    if (low is not None and len(value) < low) or (high is not None and len(value) > high):
        count = (
            f"{low}" if low == high else f"at least {low}" if high is None else f"at most {high}"
        )
        yield _wrong(path, f"must have {count}, not {len(value)}")


def _wrong(path: Path, what: str) -> Complaint:
    return Complaint(path, f"{_label(path)} {what}")


def _label(path: Path) -> str:
    """What a reader calls the thing at this path: ``send``, ``devices[1]``, ``step 4``."""
    if not path:
        return "the file"
    last = path[-1]
    if isinstance(last, str):
        return f"`{last}`"
    if "steps" in path[-2:] or "together" in path[-3:]:
        return "a step"
    return f"`{path[-2]}[{last}]`" if len(path) > 1 else f"element {last}"


def _literal(kind: types.LiteralType, value: Json) -> str:
    choices = [str(choice) for choice in kind.values]
    if isinstance(value, str) and (near := closest(value, choices)):
        return f"cannot be `{value}`: did you mean `{near}`?"
    listed = ", ".join(f"`{choice}`" for choice in choices)
    return f"must be one of {listed}, not {describe(value)}"


def _words(kind: types.Type) -> str:
    bare = kind.type if isinstance(kind, types.Metadata) else kind
    match bare:
        case types.StructType() | types.DictType():
            return "an object"
        case types.LiteralType():
            return "one of " + ", ".join(f"`{choice}`" for choice in bare.values)
        case _:
            return _WORDS.get(type(bare), "something else")


_WORDS: Final[dict[type[types.Type], str]] = {
    types.ListType: "a list",
    types.VarTupleType: "a list",
    types.StrType: "text",
    types.IntType: "a whole number",
    types.FloatType: "a number",
    types.BoolType: "true or false",
    types.NoneType: "null",
}
