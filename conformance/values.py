"""References: how a scenario's values speak of what is known only when it runs.

A reference is a name and a path, ``$chat.conversation_id`` or ``$walk.items.-1.seq``: members of
objects, positions of lists (negative ones count from the end). Three spellings, and no more:

* a whole string ``$name.path`` stands for the value itself, with its type;
* ``${name.path}`` anywhere in a string, or in a member's name, stands for its text;
* ``$$`` is one dollar sign. A ``$`` before anything but a letter, ``{`` or ``$`` is itself, so that
  the regular expression ``^ab$`` needs no care.

The only arithmetic is a whole number behind a reference to one, ``$m.seq+1``, because a watermark
above the head of a log cannot be written otherwise. A member's name may hold a hyphen before a
letter (``$answer.headers.content-type``), so ``$m.seq-1`` is always a subtraction.

Names of members that begin with ``$`` and a letter are the matchers' operators, and left alone.
What a reference brings in is data: it is never searched for references again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

Json = Any
Path = tuple[str | int, ...]
"""Where something is in a JSON tree: member names and list positions from the root."""

_SEGMENT = r"(?:-?[0-9]+|[A-Za-z_][A-Za-z0-9_]*(?:-[A-Za-z][A-Za-z0-9_]*)*)"
_REFERENCE = re.compile(
    rf"(?P<name>[a-z][a-z0-9_]*)(?P<path>(?:\.{_SEGMENT})*)(?P<offset>[+-][0-9]{{1,9}})?"
)
_TOKEN = re.compile(r"\$\$|\$\{(?P<braced>[^}]*)\}|\$(?P<loose>[A-Za-z][A-Za-z0-9_.-]*|\{)")
_INDEX = re.compile(r"-?[0-9]+")


class BadReference(ValueError):
    """Something is spelled like a reference but is none. The text says what to write."""


class UnknownReference(LookupError):
    """A reference leads nowhere. The text names it and what is there instead."""


class Reference(Struct, frozen=True):
    """One reference: ``$name.path`` with an `offset` for its number (0: none)."""

    name: str
    path: tuple[str, ...] = ()
    offset: int = 0

    def __str__(self) -> str:
        offset = f"{self.offset:+d}" if self.offset else ""
        return "$" + ".".join((self.name, *self.path)) + offset


class Located(Struct, frozen=True):
    """A reference in a tree, or the complaint about what should have been one."""

    path: Path
    found: Reference | BadReference


def resolve(value: Json, scope: Mapping[str, Json]) -> Json:
    """`value` with every reference replaced by what `scope` holds.

    Raises `UnknownReference` for one that leads nowhere and `BadReference` for a misspelt one.
    """

    def whole(reference: Reference, _spelled: str) -> Json:
        return look_up(reference, scope)

    def part(token: re.Match[str]) -> str:
        if token[0] == "$$":
            return "$"
        reference = _braced(token)
        return _as_text(reference, look_up(reference, scope))

    return _rewrite(value, whole, part)


def substitute(value: Json, scope: Mapping[str, Json]) -> Json:
    """`value` with the references to `scope`'s names replaced, and everything else as written.

    This is how matrix parameters get into a scenario's text. What they hold is text of the scenario
    too, references included. Raises `UnknownReference` for a path that leads nowhere.
    """

    def whole(reference: Reference, spelled: str) -> Json:
        return look_up(reference, scope) if reference.name in scope else spelled

    def part(token: re.Match[str]) -> str:
        reference = _parse(token["braced"]) if token["braced"] is not None else None
        if reference is None or reference.name not in scope:
            return token[0]
        return _as_text(reference, look_up(reference, scope))

    return _rewrite(value, whole, part)


def references(value: Json) -> Iterator[Located]:
    """Every reference in a tree with its place, misspelt ones as `BadReference`."""
    return _references(value, ())


def is_reference(value: Json) -> bool:
    """Whether the whole value is one reference, so that its type is not known yet."""
    return isinstance(value, str) and _whole(value) is not None


def look_up(reference: Reference, scope: Mapping[str, Json]) -> Json:
    """What a reference stands for. Raises `UnknownReference`."""
    if reference.name not in scope:
        raise UnknownReference(f"{reference}: nothing is known as `{reference.name}` here")
    value = scope[reference.name]
    walked = "$" + reference.name
    for segment in reference.path:
        value = _follow(value, segment, walked, reference)
        walked += "." + segment
    if not reference.offset:
        return value
    if not isinstance(value, int) or isinstance(value, bool):
        raise UnknownReference(f"{reference}: {walked} is {describe(value)}, not a whole number")
    return value + reference.offset


def describe(value: Json) -> str:
    """What a JSON value is, in words: ``the number 3``, or an object with the names in it."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {value}"
        case str():
            return f"the text {json.dumps(value[:60], ensure_ascii=False)}"
        case Mapping():
            if not value:
                return "an empty object"
            shown = ", ".join(f"`{key}`" for key in list(value)[:12])
            return f"an object with {shown}{', …' if len(value) > 12 else ''}"
        case list() | tuple():
            return f"a list of {len(value)}"
        case _:
            return f"a {type(value).__name__}"


def pointer(path: Sequence[str | int]) -> str:
    """The RFC 6901 JSON pointer of a path."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def _rewrite(
    node: Json, whole: Callable[[Reference, str], Json], part: Callable[[re.Match[str]], str]
) -> Json:
    """A copy of a tree: `whole` replaces strings that are a reference, `part` tokens in others."""
    if isinstance(node, str):
        if "$" not in node:
            return node
        reference = _whole(node)
        return _TOKEN.sub(part, node) if reference is None else whole(reference, node)
    if isinstance(node, Mapping):
        return {
            _TOKEN.sub(part, key) if "${" in key else key: _rewrite(member, whole, part)
            for key, member in node.items()
        }
    if isinstance(node, list | tuple):
        return [_rewrite(element, whole, part) for element in node]
    return node


def _references(value: Json, path: Path) -> Iterator[Located]:
    if isinstance(value, str):
        if "$" in value:
            whole = _whole(value)
            yield from _in_text(value, path) if whole is None else (Located(path, whole),)
    elif isinstance(value, Mapping):
        for key, member in value.items():
            if "${" in key:
                yield from _in_text(key, (*path, key))
            yield from _references(member, (*path, key))
    elif isinstance(value, list | tuple):
        for index, element in enumerate(value):
            yield from _references(element, (*path, index))


def _in_text(text: str, path: Path) -> Iterator[Located]:
    for token in _TOKEN.finditer(text):
        if token[0] == "$$":
            continue
        try:
            yield Located(path, _braced(token))
        except BadReference as complaint:
            yield Located(path, complaint)


def _whole(text: str) -> Reference | None:
    """The reference that the whole of `text` is, None if it is something else."""
    return _parse(text[1:]) if text.startswith("$") else None


def _braced(token: re.Match[str]) -> Reference:
    """The reference of a ``${…}`` token; anything else that `_TOKEN` finds is a mistake."""
    if token["braced"] is None:
        if token["loose"] == "{":
            raise BadReference(
                "`${` is never closed: write `${name.path}`, or `$$` for a dollar sign"
            )
        name = token["loose"].rstrip(".-")
        raise BadReference(
            f"`${name}` is not the whole text: write `${{{name}}}` inside a longer one, "
            "or `$$` for a dollar sign"
        )
    reference = _parse(token["braced"])
    if reference is None:
        raise BadReference(
            f"`{token[0]}` is no reference: write `${{name.path}}`, or `$$` for a dollar sign"
        )
    return reference


def _parse(spelled: str) -> Reference | None:
    found = _REFERENCE.fullmatch(spelled)
    if found is None:
        return None
    path = tuple(found["path"].split(".")[1:])
    return Reference(found["name"], path, int(found["offset"] or 0))


def _follow(value: Json, segment: str, walked: str, reference: Reference) -> Json:
    """One segment further. `walked` is the way so far, for the complaint."""
    if isinstance(value, Mapping):
        if segment in value:
            return value[segment]
    elif isinstance(value, list | tuple) and _INDEX.fullmatch(segment):
        index = int(segment)
        if -len(value) <= index < len(value):
            return value[index]
    raise UnknownReference(
        f"{reference}: there is no `{segment}` in {walked}, which is {describe(value)}"
    )


def _as_text(reference: Reference, value: Json) -> str:
    match value:
        case str():
            return value
        case None | bool() | int() | float():
            return json.dumps(value)
        case _:
            raise UnknownReference(
                f"${{{str(reference)[1:]}}}: {describe(value)} has no place inside a text: "
                "name one of its members"
            )
