"""Ranges and conditions, as RFC 9110 has them."""

from __future__ import annotations

import pytest
from werkzeug.datastructures import Headers

from reference_server.core import errors
from reference_server.transport.conditional import Part, part_for

WHOLE = Part(200, 0, 100)


def part(method: str = "GET", size: int = 100, **fields: str) -> Part:
    """What a request with these fields gets."""
    headers = Headers({name.replace("_", "-"): value for name, value in fields.items()})
    return part_for(method, headers, "tag", size)


@pytest.mark.parametrize(
    ("asked", "begin", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=90-", 90, 100),
        ("bytes=90-500", 90, 100),
        ("bytes=-10", 90, 100),
        ("bytes=-500", 0, 100),
        ("Bytes= 5-9 ", 5, 10),
    ],
)
def test_a_range_is_a_part(asked: str, begin: int, end: int) -> None:
    """From, to and including; from the end; no further than the end."""
    assert part(Range=asked) == Part(206, begin, end)


@pytest.mark.parametrize("asked", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_a_range_without_bytes_is_refused(asked: str) -> None:
    """And the size is told."""
    with pytest.raises(errors.RangeNotSatisfiable) as refusal:
        part(Range=asked)
    assert refusal.value.extra == {"size": 100}


@pytest.mark.parametrize(
    "asked", ["bytes=9-3", "pages=1-2", "bytes=a-b", "bytes=", "bytes=-", "bytes=0-1,5-6", "0-1"]
)
def test_what_may_be_ignored_is_ignored(asked: str) -> None:
    """Other units, malformed ranges, several at once."""
    assert part(Range=asked) == WHOLE


def test_a_range_is_for_a_get_alone() -> None:
    """RFC 9110 §14.2."""
    assert part("HEAD", Range="bytes=0-1") == WHOLE


@pytest.mark.parametrize(("if_range", "status"), [('"tag"', 206), ('W/"tag"', 200), ('"old"', 200)])
def test_a_part_of_other_bytes_is_the_whole(if_range: str, status: int) -> None:
    """The comparison is strong."""
    assert part(Range="bytes=0-1", If_Range=if_range).status == status


@pytest.mark.parametrize("tags", ['"tag"', 'W/"tag"', '"a", "tag"', "*"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_who_has_it_is_told_so(tags: str, method: str) -> None:
    """The comparison is weak, and comes before the range."""
    assert part(method, If_None_Match=tags).status == 304
    assert part(method, If_None_Match=tags, Range="bytes=500-").status == 304


def test_who_has_other_bytes_gets_these() -> None:
    """And a date says nothing."""
    assert part(If_None_Match='"old"') == WHOLE
    assert part(If_Modified_Since="Sun, 22 Nov 2026 10:00:00 GMT") == WHOLE


def test_nothing_has_no_parts() -> None:
    """Of an empty file the last bytes are the whole, the first are not there."""
    assert part(size=0, Range="bytes=-5") == Part(200, 0, 0)
    with pytest.raises(errors.RangeNotSatisfiable):
        part(size=0, Range="bytes=0-")
