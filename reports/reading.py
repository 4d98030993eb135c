"""Reading a record that somebody hands over: whole, of this kind, of a known version, or not at all.

Whatever is wrong with it is the user's to mend, so each refusal says what the file is instead of a
record, and what to do.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from . import load_model, model, mutants_model
from .load_model import LoadResults
from .model import Results
from .mutants_model import Matrix

FILE: Final = "results.json"
MATRIX: Final = "mutants.json"

Record = Results | LoadResults | Matrix


class _Form(Struct, frozen=True):
    """One kind of record."""

    type: type[Record]
    version: int
    command: str
    schema: str


_FORMS: Final = {
    "run": _Form(Results, model.SCHEMA_VERSION, "msgcheck run", "results.schema.json"),
    "load": _Form(
        LoadResults, load_model.SCHEMA_VERSION, "msgcheck load", "load-results.schema.json"
    ),
    "mutants": _Form(
        Matrix, mutants_model.SCHEMA_VERSION, "msgcheck mutants", "mutants.schema.json"
    ),
}


class Unreadable(Exception):
    """There is no record to be had from this file; the text says why, and what to do."""


def read(path: Path) -> Record:
    """The record in a file, or in the `results.json` or `mutants.json` of a folder. Raises `Unreadable`."""
    file = _file(path)
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        raise Unreadable(
            f"{file}: there is no such file. `msgcheck run` and `msgcheck load` write one."
        ) from None
    except OSError as error:
        raise Unreadable(f"{file} cannot be read: {error.strerror}") from None
    document = _json(file, content)
    kind = document.get("kind") if isinstance(document, dict) else None
    form = _FORMS.get(kind if isinstance(kind, str) else "", _FORMS["run"])
    _check_version(file, document, form.version)
    try:
        record: Record = msgspec.json.decode(content, type=form.type)
    except msgspec.ValidationError as error:
        raise Unreadable(
            f"{file} is not as `{form.command}` writes it: {error}. Its form is published in "
            f"specs/{form.schema}."
        ) from None
    return record


def _file(path: Path) -> Path:
    if not path.is_dir():
        return path
    matrix = path / MATRIX
    return matrix if matrix.exists() else path / FILE


def _json(file: Path, content: bytes) -> Any:
    try:
        return msgspec.json.decode(content)
    except RecursionError:
        raise Unreadable(f"{file} is no record of a run: it is nested too deep") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unreadable(
            f"{file} is no whole JSON document: {error}. If the run that wrote it was cut off, or the "
            "file was copied in part, run or copy it again."
        ) from None


def _check_version(file: Path, document: Any, known: int) -> None:
    version = document.get("schema_version") if isinstance(document, dict) else None
    if not isinstance(version, int) or isinstance(version, bool):
        raise Unreadable(
            f"{file} is JSON, but no record of a run: it has no `schema_version`. Give the {FILE} "
            "from a report folder."
        )
    if version > known:
        raise Unreadable(
            f"{file} has schema version {version}, and this msgcheck knows {known}: it was "
            "written by a newer one. Update msgcheck, or make the report where the run was."
        )
