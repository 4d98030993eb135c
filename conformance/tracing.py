"""`msgcheck run --trace DIR`: everything that was on the wire, as NDJSON, a file for each play.

The record of a run holds excerpts, and only of what failed. A trace holds all of it, what passed and the
harness's own traffic (barriers, hidden users; marked `hidden`) included, for whoever wants to search or
count in it with tools of their own. One line is one event, in the order in which this program saw them.
Tokens and passwords are masked, as in the record: traces are passed on, too.
"""

from __future__ import annotations

import re
import zlib
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from .engine import Played
from .history import Wire
from .problems import BadInput
from .trace import masked

Json = Any

_ODD = re.compile(r"[^\w.=,\[\]-]", re.ASCII)
_LONGEST_NAME = 150


class Line(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event: `t` in seconds since the play began, the device (`lane`), and what it carried."""

    n: int
    t: float
    lane: str
    direction: Literal["out", "in"]
    kind: str
    label: str
    conn: int | None = None
    content: Json = None
    hidden: bool = False


class TraceFolder:
    """Where the traces of a run go. A folder that takes no more is written to no more; `trouble` says why."""

    def __init__(self, folder: Path) -> None:
        """Raises `BadInput` if there can be no such folder."""
        self.trouble: str | None = None
        self._folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput(
                f"traces cannot be written to {folder}: {error.strerror}. Choose another folder "
                "with --trace."
            ) from None

    def keep(self, played: Played) -> None:
        """Write the trace of a play that is over."""
        if self.trouble is not None:
            return
        lines = [_line(event) for event in played.history if isinstance(event, Wire)]
        file = self._folder / file_name(played.variant.name, played.attempt)
        try:
            file.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
        except OSError as error:
            self.trouble = f"the traces are not whole: {file}: {error.strerror}"


def file_name(variant: str, attempt: int) -> str:
    """``status.read[how=http].1.ndjson``; a name that no file can have is told apart by a checksum."""
    plain = _ODD.sub("_", variant)[:_LONGEST_NAME]
    if plain != variant:
        plain += f"-{zlib.crc32(variant.encode()):08x}"
    return f"{plain}.{attempt}.ndjson"


def _line(wire: Wire) -> Line:
    return Line(
        n=wire.n,
        t=round(wire.t, 6),
        lane=wire.lane,
        direction=wire.direction,
        kind=wire.kind,
        label=masked(wire.label),
        conn=wire.conn,
        content=masked(wire.content),
        hidden=wire.hidden,
    )
