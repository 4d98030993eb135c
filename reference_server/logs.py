"""What the server writes to its log: one JSON object a line, through the standard library's `logging`.

Everything that logs (this package, Hypercorn, Trio's own warnings) comes out in the one form, so a log
can be searched by field (``jq 'select(.scenario == "order.one-sequence")'``). An event carries its
facts as fields; they are put together only when its level is logged. No field holds a token or a text.
"""

from __future__ import annotations

import logging
import math
from datetime import UTC, datetime
from typing import Any

import msgspec
import trio

_encode = msgspec.json.Encoder(enc_hook=str).encode


class JsonLines(logging.Formatter):
    """A record as one line: `time`, `level`, `logger`, `event`, then the fields of the event."""

    def format(self, record: logging.LogRecord) -> str:
        """As `logging.Formatter.format`; a traceback is a field."""
        moment = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, Any] = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return _encode(line).decode()


def set_up(level: str) -> None:
    """Log everything of `level` and above to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


def note(log: logging.Logger, level: int, event: str, **fields: Any) -> None:
    """Log an event with its fields; those that are None are left out."""
    if log.isEnabledFor(level):
        known = {name: value for name, value in fields.items() if value is not None}
        log.log(level, event, extra={"fields": known})


class Seldom:
    """Lets a thing that can happen very often be logged once in a while (seconds of Trio's clock)."""

    def __init__(self, every_s: float = 60.0) -> None:
        self._every_s = every_s
        self._next = -math.inf

    def is_due(self) -> bool:
        """Whether to log it this time."""
        now = trio.current_time()
        if now < self._next:
            return False
        self._next = now + self._every_s
        return True
