"""The configuration file of `msgcheck serve`, and the limits that an operator may set.

The file is TOML: the command's options under their names (`log_level = "info"`), the rate limits under
`[rates]`, the limits of discovery under `[limits]`. It only gives defaults: an environment variable
(``MSGCHECK_SERVE_LOG_LEVEL``) wins over it, and a flag over both. A key that nobody knows is an error
with its line and the closest one, because a setting that is silently ignored is found out too late;
`environment` does the same for variables.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import fields

from .core.limits import Limits

RATES = ("sends", "requests", "logins")
LIMITS = tuple(field.name for field in fields(Limits))
HIGHEST = 2**53 - 1
"""The highest limit: discovery tells it in JSON, and this is what every reader of JSON has exactly."""
HIGHEST_OF = {"token_ttl_s": 100 * 365 * 24 * 3600}
"""A token's end is a date, whose year has four digits."""


class ConfigError(Exception):
    """A setting is wrong. The text says which, where, and what would be right."""


class Kind(Struct, frozen=True):
    """What a setting's value is: what to call it, and its types in TOML."""

    name: str
    types: tuple[type, ...]


TEXT = Kind("a text", (str,))
WHOLE = Kind("a whole number", (int,))
NUMBER = Kind("a number", (int, float))
TRUTH = Kind("true or false", (bool,))


class Config(Struct, frozen=True):
    """What a file says: defaults for the command's options, limits by name."""

    options: dict[str, Any]
    limits: dict[str, int]
    places: dict[str, str]
    """Where each of the options stands, as ``file:line``."""


def read(path: Path, options: Mapping[str, Kind]) -> Config:
    """The file at `path`; `options` are those that its top level may have.

    Raises `ConfigError`.
    """
    try:
        text = path.read_text("utf-8-sig")
        tree = tomllib.loads(text)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except tomllib.TOMLDecodeError as error:
        # It says the place at its end, where it has one: ``Invalid value (at line 3, column 8)``.
        reason, *place = _TOML_PLACE.split(str(error))
        raise ConfigError(f"{':'.join([str(path), *place[:2]])}: {reason}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: {error}") from None
    found = dict(tree)
    rates = _table(path, text, found, "rates", RATES)
    limits = _table(path, text, found, "limits", LIMITS)
    _check_names(path, text, "", found, (*options, "rates", "limits"))
    for table, values, kinds in (
        ("", found, options),
        ("rates", rates, dict.fromkeys(RATES, TEXT)),
        ("limits", limits, dict.fromkeys(LIMITS, WHOLE)),
    ):
        for name, value in values.items():
            if (wrong := _mistaken(name, value, kinds[name])) is not None:
                raise ConfigError(f"{path}:{_line_of(text, table, name)}: {wrong}")
    for name, value in limits.items():
        if (wrong := _out_of_bounds(name, value)) is not None:
            raise ConfigError(f"{path}:{_line_of(text, 'limits', name)}: {wrong}")
    places = {name: f"{path}:{_line_of(text, '', name)}" for name in found}
    for name in rates:
        places[f"rate_{name}"] = f"{path}:{_line_of(text, 'rates', name)}"
    return Config(found | {f"rate_{name}": rate for name, rate in rates.items()}, limits, places)


def parse_limits(settings: Iterable[str]) -> dict[str, int]:
    """``name=value`` settings as limits by name. Raises `ConfigError`."""
    limits: dict[str, int] = {}
    for setting in settings:
        name, _, value = setting.partition("=")
        if name not in LIMITS:
            raise ConfigError(f"there is no limit `{name}`{_closest(name, LIMITS)}")
        if not value.isdecimal():
            raise ConfigError(f"`{name}` is a whole number, not {value!r}")
        limits[name] = int(value)
        if (wrong := _out_of_bounds(name, limits[name])) is not None:
            raise ConfigError(wrong)
    return limits


def limits_of(settings: Mapping[str, int]) -> Limits:
    """The limits with these, which are within bounds, changed."""
    return msgspec.convert(settings, Limits)


def _mistaken(name: str, value: object, kind: Kind) -> str | None:
    """What is wrong with the type of a value; None if nothing is. ``true`` is no number."""
    if isinstance(value, dict | list):
        return f"`{name}` is one value, and this is several"
    return None if type(value) in kind.types else f"`{name}` is {kind.name}, not {value!r}"


def _out_of_bounds(name: str, value: int) -> str | None:
    highest = HIGHEST_OF.get(name, HIGHEST)
    if value < 1:
        return f"`{name}` must be at least 1, not {value}"
    return f"`{name}` must be at most {highest}, not {value}" if value > highest else None


def _table(
    path: Path, text: str, tree: dict[str, Any], name: str, known: Collection[str]
) -> dict[str, Any]:
    """Take the table `name` out of the tree; empty if it is not there."""
    table = tree.pop(name, {})
    if not isinstance(table, dict):
        raise ConfigError(f"{path}:{_line_of(text, '', name)}: `{name}` is a table: [{name}]")
    _check_names(path, text, name, table, known)
    return table


def _check_names(
    path: Path, text: str, table: str, found: Iterable[str], known: Collection[str]
) -> None:
    for name in found:
        if name not in known:
            line = _line_of(text, table, name)
            where = f"[{table}]" if table else "the file"
            hint = _closest(name, known)
            raise ConfigError(f"{path}:{line}: there is no setting `{name}` in {where}{hint}")


def _closest(name: str, known: Collection[str]) -> str:
    close = get_close_matches(name, known, n=1)
    return f"; did you mean `{close[0]}`?" if close else f"; known are {', '.join(sorted(known))}"


_TOML_PLACE = re.compile(r" \(at line (\d+), column (\d+)\)$")
_HEADER = re.compile(r"\s*\[+\s*([\w\"'.-]+)\s*\]")
_KEY = re.compile(r"\s*[\"']?([\w-]+)[\"']?\s*[.=]")


def _line_of(text: str, table: str, name: str) -> int:
    """The line on which `table` sets `name`: the TOML parser of the standard library tells none."""
    current = ""
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            current = header[1].strip("\"'")
            if not table and current.partition(".")[0] == name:
                return number
        elif current == table and (key := _KEY.match(line)) and key[1] == name:
            return number
    return 1
