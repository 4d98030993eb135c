"""Asking and telling SQLite, and what it means when it cannot answer.

The store is at fault (disk full, file gone or damaged): `StoreTrouble`, which a client may try again and
an operator has to look into. The statement is at fault: the error as it is, which is a bug.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Any, TypeVar, cast

import msgspec

from .base import StoreTrouble

T = TypeVar("T")

_OUR_BUGS = (
    sqlite3.DataError,
    sqlite3.IntegrityError,
    sqlite3.NotSupportedError,
    sqlite3.ProgrammingError,
)


class _Trouble:
    """Within it, what SQLite cannot do is `StoreTrouble`. Entered for every statement, so no generator."""

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _at: TracebackType | None,
    ) -> None:
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, _OUR_BUGS):
            raise StoreTrouble(str(error)) from error


trouble = _Trouble()


class Connected:
    """Something on one connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def _one(self, statement: str, *values: Any) -> Sequence[Any] | None:
        with trouble:
            row = self._connection.execute(statement, values).fetchone()
        return cast("Sequence[Any] | None", row)

    def _all(self, statement: str, *values: Any) -> Iterable[Sequence[Any]]:
        with trouble:
            return self._connection.execute(statement, values).fetchall()

    def _do(self, statement: str, *values: Any) -> None:
        with trouble:
            self._connection.execute(statement, values)


def stored(decode: Callable[[bytes], T]) -> Callable[[bytes], T]:
    """`decode`, for values that we have written: what it cannot read is damage, so `StoreTrouble`."""

    def decoded(value: bytes) -> T:
        try:
            return decode(value)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise StoreTrouble(f"a stored value is damaged: {error}") from error

    return decoded
