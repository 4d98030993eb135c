"""What a conditional or range request for bytes that never change gets (RFC 9110 §13, §14).

In the RFC's order: `If-None-Match` first; then `Range`, for a GET alone, unless `If-Range` names other
bytes. What the RFC lets a server ignore is ignored: other units than bytes, malformed ranges, and more
than one range at once. Bytes are named by one strong ETag and have no date, so `If-Modified-Since` and
a date under `If-Range` say nothing.
"""

from __future__ import annotations

import re

from msgspec import Struct
from werkzeug.datastructures import Headers
from werkzeug.http import parse_etags

from ..core import errors

_RANGE = re.compile(r"bytes=[ \t]*(?:(\d{1,18})-(\d{1,18})?|-(\d{1,18}))[ \t]*", re.I | re.A)


class Part(Struct, frozen=True):
    """What to answer: a status, and the bytes ``begin <= position < end``."""

    status: int
    begin: int
    end: int


def part_for(method: str, headers: Headers, etag: str, size: int) -> Part:
    """What a GET or HEAD for `size` bytes called `etag` (unquoted) gets.

    Raises `RangeNotSatisfiable`, which tells the `size`.
    """
    if parse_etags(headers.get("If-None-Match")).contains_weak(etag):
        return Part(304, 0, 0)
    whole = Part(200, 0, size)
    asked = _RANGE.fullmatch(headers.get("Range", ""))
    if method != "GET" or asked is None:
        return whole
    if headers.get("If-Range", f'"{etag}"').strip() != f'"{etag}"':
        return whole
    first, last, suffix = (None if group is None else int(group) for group in asked.groups())
    if suffix is not None:
        begin, end = max(size - suffix, 0), size
        if size == 0 and suffix:
            return whole  # satisfiable by the RFC, and there is no Content-Range for no bytes
    else:
        assert first is not None
        if last is not None and last < first:
            return whole
        begin, end = first, size if last is None else min(last + 1, size)
    if begin >= end:
        raise errors.RangeNotSatisfiable(f"There are {size} bytes.", size=size)
    return Part(206, begin, end)
