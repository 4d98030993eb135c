"""Users that exist on the target already: a CSV file of ``user_id,password`` (`--accounts`)."""

from __future__ import annotations

import csv
from pathlib import Path

from conformance.problems import BadInput, shown

from .plan import Account

HEADER = ["user_id", "password"]


def load_accounts(file: Path, needed: int) -> tuple[Account, ...]:
    """The first `needed` accounts of a file, with or without a header. Raises `BadInput`."""
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            rows = csv.reader(lines)
            accounts = [_account(row, f"{shown(file)}:{rows.line_num}") for row in rows if row]
    except OSError as error:
        raise BadInput(f"--accounts {file}: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"--accounts {file}: this is no CSV in UTF-8: {error}") from None
    found = [account for account in accounts if account is not None]
    twice = {account.user_id for account in found}
    if len(twice) < len(found):
        raise BadInput(f"--accounts {shown(file)}: a user is in it twice")
    if len(found) < needed:
        raise BadInput(
            f"--accounts {shown(file)}: it has {len(found)} users, and {needed} are needed: add "
            "more, or lower --users"
        )
    return tuple(found[:needed])


def _account(row: list[str], where: str) -> Account | None:
    fields = [field.strip() for field in row]
    if fields == HEADER:
        return None
    if len(fields) != len(HEADER) or not all(fields):
        raise BadInput(f"{where}: a line is `user_id,password`")
    return Account(*fields)
