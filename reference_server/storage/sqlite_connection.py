"""Asking and telling SQLite. What it cannot do at the moment (disk full, file gone) is `StoreTrouble`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, cast

from .base import StoreTrouble


class Connected:
    """Something on one connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def _one(self, statement: str, *values: Any) -> Sequence[Any] | None:
        try:
            row = self._connection.execute(statement, values).fetchone()
        except sqlite3.OperationalError as error:
            raise StoreTrouble(str(error)) from error
        return cast("Sequence[Any] | None", row)

    def _all(self, statement: str, *values: Any) -> Iterable[Sequence[Any]]:
        try:
            return self._connection.execute(statement, values).fetchall()
        except sqlite3.OperationalError as error:
            raise StoreTrouble(str(error)) from error

    def _do(self, statement: str, *values: Any) -> None:
        try:
            self._connection.execute(statement, values)
        except sqlite3.OperationalError as error:
            raise StoreTrouble(str(error)) from error
