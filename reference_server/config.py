"""The configuration file of `msgcheck serve`, and the limits that an operator may set.

The file is TOML: the command's options under their names (`log_level = "info"`), the rate limits under
`[rates]`, the limits of discovery under `[limits]`. It only gives defaults: an environment variable
(``MSGCHECK_SERVE_LOG_LEVEL``) wins over it, and a flag over both. A key that nobody knows is an error
with its line and the closest one, because a setting that is silently ignored is found out too late.
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


class ConfigError(Exception):
    """A setting is wrong. The text says which, where, and what would be right."""


class Config(Struct, frozen=True):
    """What a file says: defaults for the command's options, and limits by name."""

    options: dict[str, Any]
    limits: dict[str, int]


def read(path: Path, options: Collection[str]) -> Config:
    """The file at `path`; `options` are the names that its top level may have.

    Raises `ConfigError`.
    """
    try:
        text = path.read_text("utf-8")
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
    for name, value in found.items():
        if isinstance(value, dict | list):
            line = _line_of(text, "", name)
            raise ConfigError(f"{path}:{line}: `{name}` is one value, and this is several")
    for name, value in limits.items():
        if type(value) is not int:
            line = _line_of(text, "limits", name)
            raise ConfigError(f"{path}:{line}: `{name}` is a whole number, not {value!r}")
    return Config(found | {f"rate_{name}": rate for name, rate in rates.items()}, limits)


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
    return limits


def limits_of(settings: Mapping[str, int]) -> Limits:
    """The limits with these changed. Raises `ConfigError` for one that is not positive."""
    for name, value in settings.items():
        if value < 1:
            raise ConfigError(f"`{name}` must be at least 1, not {value}")
    return msgspec.convert(settings, Limits)


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
