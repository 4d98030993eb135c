"""What travels: strict JSON, refusals under their codes, checks of what came, members nobody knows.

A check answers what is wrong with a value as pairs of a pointer (below the value) and a sentence.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import Any

Json = Any
Check = Callable[[Json], Iterator[tuple[str, str]]]

DEEPEST = 32
STATUS = {
    400: "malformed invalid_limit invalid_cursor invalid_encoding",
    401: "unauthorized bad_credentials",
    403: "not_permitted not_sender not_a_member blocked",
    404: "not_found unknown_user unknown_device unknown_conversation unknown_message unknown_asset",
    405: "method_not_allowed",
    409: "user_exists idempotency_conflict encryption_mismatch",
    413: "message_too_large asset_too_large",
    415: "unsupported_media_type",
    416: "range_not_satisfiable",
    422: "invalid_request invalid_body weak_password digest_mismatch media_type_mismatch out_of_range"
    " unknown_target too_many_members too_many_devices",
    426: "upgrade_required",
}
STATUS_OF = {code: status for status, codes in STATUS.items() for code in codes.split()}


class Refused(Exception):
    """What was asked is refused, with a code of the contract."""

    def __init__(
        self,
        code: str,
        detail: str = "This cannot be done.",
        *,
        wrong: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.wrong = dict(wrong or {})
        self.headers = dict(headers or {})

    def problem(self) -> dict[str, Json]:
        """The body of an HTTP answer (RFC 9457)."""
        return {
            "type": f"https://other.example/problems#{self.code}",
            "title": self.code.replace("_", " ").capitalize(),
            "status": STATUS_OF[self.code],
            "detail": self.detail,
            "code": self.code,
            "errors": [{"pointer": at, "detail": text} for at, text in self.wrong.items()],
        }


class Undecodable(Exception):
    """Bytes that are no JSON (or MessagePack) as the contract wants it."""


def decode(text: str | bytes) -> Json:
    """A JSON value without NaN, infinities, lone surrogates, and not too deep. Raises `Undecodable`."""
    try:
        value = json.loads(text)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError) as error:
        raise Undecodable(str(error)) from None
    return shallow(value)


def shallow(value: Json) -> Json:
    """The value, if it is not nested too deep. Raises `Undecodable`."""
    level = [value]
    for _ in range(DEEPEST):
        level = [
            child
            for each in level
            if isinstance(each, dict | list)
            for child in (each.values() if isinstance(each, dict) else each)
        ]
        if not any(isinstance(each, dict | list) for each in level):
            return value
    raise Undecodable("nested too deep")


def same(one: Json, other: Json) -> bool:
    """Whether two JSON values are equal (to Python, `true` is 1)."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


class Decorator:
    """Puts members that nobody knows into objects, and leaves empty ones out."""

    def __init__(self, rng: Random, *, always_lean: bool) -> None:
        self._rng = rng
        self._always_lean = always_lean
        self._count = 0

    def __call__(self, **members: Json) -> dict[str, Json]:
        """An object as it goes out."""
        self._count += 1
        lean = self._always_lean or self._rng.random() < 0.5
        kept = {
            name: value
            for name, value in members.items()
            if not lean or value not in (None, [], {})
        }
        names = list(kept)
        self._rng.shuffle(names)
        return {
            "x-nobody.knows": {"n": self._count, "list": [None, {}]},
            **{name: kept[name] for name in names},
        }


# ── checks ────────────────────────────────────────────────────────────────────────────────────────


def text(shortest: int, longest: int) -> Check:
    """A string of so many characters."""

    def check(value: Json) -> Iterator[tuple[str, str]]:
        if not isinstance(value, str) or not shortest <= len(value) <= longest:
            yield "", f"is to be a text of {shortest} to {longest} characters"

    return check


def pattern(expression: str) -> Check:
    """A string of this form."""

    def check(value: Json) -> Iterator[tuple[str, str]]:
        if not isinstance(value, str) or not re.fullmatch(expression, value):
            yield "", f"is to match {expression}"

    return check


def whole(least: int, most: int = 2**53) -> Check:
    """A whole number in a range."""

    def check(value: Json) -> Iterator[tuple[str, str]]:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            yield "", f"is to be a whole number from {least} to {most}"

    return check


def boolean(value: Json) -> Iterator[tuple[str, str]]:
    """True or false."""
    if not isinstance(value, bool):
        yield "", "is to be true or false"


def anything(value: Json) -> Iterator[tuple[str, str]]:
    """Whatever it is, somebody else looks at it."""
    yield from ()


def one_of(*words: str) -> Check:
    """One of these words."""

    def check(value: Json) -> Iterator[tuple[str, str]]:
        if value not in words or not isinstance(value, str):
            yield "", f"is to be one of {', '.join(words)}"

    return check


def list_of(check: Check) -> Check:
    """A list whose elements all pass a check."""

    def check_all(value: Json) -> Iterator[tuple[str, str]]:
        if not isinstance(value, list):
            yield "", "is to be a list"
            return
        for number, each in enumerate(value):
            for at, sentence in check(each):
                yield f"/{number}{at}", sentence

    return check_all


def members(value: Json, /, *optional: str, **checks: Check) -> dict[str, Json]:
    """The known members of an object, None for what is not there. Raises `Refused`."""
    if not isinstance(value, dict):
        raise Refused("invalid_request", "An object is needed.", wrong={"": "is to be an object"})
    wrong: dict[str, str] = {}
    found: dict[str, Json] = {}
    for name, check in checks.items():
        found[name] = value.get(name)
        if found[name] is not None:
            wrong.update({f"/{name}{at}": sentence for at, sentence in check(found[name])})
        elif name not in optional:
            wrong[f"/{name}"] = "is missing"
    if wrong:
        raise Refused("invalid_request", "Some members are wrong.", wrong=wrong)
    return found


def parts(*optional: str, **checks: Check) -> Check:
    """An object whose members pass their checks."""

    def check(value: Json) -> Iterator[tuple[str, str]]:
        try:
            members(value, *optional, **checks)
        except Refused as refused:
            yield from refused.wrong.items()

    return check


IDENTIFIER = pattern(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,64}")
USER_ID = pattern(r"[a-z0-9][a-z0-9._-]{2,63}")
NAME = text(1, 128)
