"""What the writer changes with every message, kept back to be written once for the whole batch.

A message that is sent and delivered changes rows of five tables. Each statement by itself costs more around
it (looking it up, handing the interpreter over and back) than in it. So these rows wait until the batch
commits, or until something else is asked or changed, which then finds them written. A row that changes
several times is written as it last was, and all rows of a table with one call (docs/decisions/0039).

    _put ──> waiting rows ──(commit, or any other statement)──> executemany, statement by statement
"""

from __future__ import annotations

import sqlite3
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

from .sqlite_connection import Connected, trouble


class WriteBehind(Connected):
    """A connection on which some changes wait for company. What waits is bounded by the batch."""

    unaffected: frozenset[str] = frozenset()
    """Statements whose askers look among what waits themselves."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(connection)
        self._behind: dict[str, dict[Hashable, Sequence[Any]]] = {}

    def _put(self, statement: str, key: Hashable, *values: Any) -> None:
        """Execute `statement` later; whatever waits for the same row, its `key`, is superseded."""
        self._behind.setdefault(statement, {})[key] = values

    def _waiting(self, statement: str, key: Hashable) -> Sequence[Any] | None:
        """The values with which `statement` waits for the row `key`."""
        rows = self._behind.get(statement)
        return None if rows is None else rows.get(key)

    def catch_up(self) -> None:
        """Write all that waits. Raises `StoreTrouble`."""
        behind, self._behind = self._behind, {}
        with trouble:
            for statement, rows in behind.items():
                self._connection.executemany(statement, rows.values())

    def forget(self) -> None:
        """Drop what waits, after a rollback."""
        self._behind.clear()

    def _one(self, statement: str, *values: Any) -> Sequence[Any] | None:
        if self._behind and statement not in self.unaffected:
            self.catch_up()
        return super()._one(statement, *values)

    def _all(self, statement: str, *values: Any) -> Iterable[Sequence[Any]]:
        if self._behind:
            self.catch_up()
        return super()._all(statement, *values)

    def _do(self, statement: str, *values: Any) -> None:
        if self._behind:
            self.catch_up()
        super()._do(statement, *values)
