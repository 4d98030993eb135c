"""What an SQLite file of ours looks like: how to tell it, and how one comes to this version."""

from __future__ import annotations

import secrets
import sqlite3
from pathlib import Path

from .base import StoreUnusable

APPLICATION_ID = 0x6D736763  # "msgc"

_SCHEMA = Path(__file__).parent / "schema"
_STEPS = {2: "sqlite.sql", 3: "sqlite_3_keys.sql", 4: "sqlite_4_order.sql"}
"""What makes a file of this version out of one of the version before; the first step makes a new one."""
SCHEMA_VERSION = max(_STEPS)


def prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Make the schema in a new file, bring an older one up to it; `StoreUnusable` for any other file."""
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if tables and application_id != APPLICATION_ID:
        raise StoreUnusable(f"{path} is a database of something else; it was left as it is.")
    if tables and version not in _STEPS:
        raise StoreUnusable(
            f"{path} has schema version {version}, this program knows {SCHEMA_VERSION}; "
            "it was left as it is. Use the program that wrote it, or another --data folder."
        )
    connection.execute("PRAGMA journal_mode = WAL")  # it is written into the file, so only now
    steps = [file for step, file in _STEPS.items() if not tables or step > version]
    if not steps:
        return
    connection.executescript(
        f"BEGIN; PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION};"
        + "".join((_SCHEMA / file).read_text(encoding="utf-8") for file in steps)
    )
    connection.execute(
        "INSERT OR IGNORE INTO meta VALUES ('cursor_secret', ?)", (secrets.token_bytes(32),)
    )
    connection.execute("COMMIT")
