"""The log: a line is a JSON object, with what the event carries and nothing secret."""

from __future__ import annotations

import json
import logging

from reference_server.logs import JsonLines, note

LOG = logging.getLogger("tests.logs")


class Lines(logging.Handler):
    """The lines that would be written."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonLines())
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the line."""
        self.lines.append(self.format(record))


def lines_of(level: int, event: str, **fields: object) -> list[dict[str, object]]:
    """What one event becomes in a log that shows info and above."""
    lines = Lines()
    LOG.addHandler(lines)
    LOG.setLevel(logging.INFO)
    try:
        note(LOG, level, event, **fields)
    finally:
        LOG.removeHandler(lines)
    return [json.loads(line) for line in lines.lines]


def test_an_event_is_one_object_with_its_fields() -> None:
    """Fields that are None are left out; times are RFC 3339 with milliseconds."""
    (line,) = lines_of(logging.INFO, "request", user="alice", code=None, status=200)
    time = str(line.pop("time"))
    assert time.endswith("Z")
    assert len(time) == len("2026-11-22T10:00:00.123Z")
    assert line == {
        "level": "info",
        "logger": "tests.logs",
        "event": "request",
        "user": "alice",
        "status": 200,
    }


def test_line_breaks_in_a_field_make_no_second_line() -> None:
    """Nobody writes lines of their own into the log."""
    handler = Lines()
    record = LOG.makeRecord("l", logging.INFO, "f", 1, "a\n{}", (), None)
    assert "\n" not in handler.format(record)


def test_below_the_level_nothing_is_written() -> None:
    """Debug is not shown at info."""
    assert lines_of(logging.DEBUG, "request") == []


def test_a_failure_brings_its_traceback_along() -> None:
    """In the same line."""
    try:
        raise ValueError("what happened")
    except ValueError as error:
        info = (type(error), error, error.__traceback__)
    record = LOG.makeRecord("l", logging.ERROR, "f", 1, "a request failed", (), info)
    assert "ValueError: what happened" in json.loads(JsonLines().format(record))["traceback"]
