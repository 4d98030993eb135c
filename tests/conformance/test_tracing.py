"""Traces: everything that was on the wire, and no secret."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from conformance.catalogue import Catalogue
from conformance.engine import Played
from conformance.history import History, Wire
from conformance.problems import BadInput
from conformance.tracing import Line, TraceFolder, file_name

from .scenarios import load, scenario


def played(catalogue: Catalogue, *events: Wire) -> Played:
    """A play in which just this was on the wire."""
    history = History()
    for event in events:
        history.add(event)
    variant = load(scenario("{as: alice, connect: {}}"), catalogue).variants[0]
    return Played(variant=variant, attempt=1, history=history)


def lines_in(folder: Path) -> list[Line]:
    """The events of the one trace that is there."""
    (file,) = folder.iterdir()
    return [msgspec.json.decode(line, type=Line) for line in file.read_bytes().splitlines()]


def frame(content: object, *, hidden: bool = False) -> Wire:
    """Something that alice received."""
    return Wire(
        lane="alice",
        conn=1,
        direction="in",
        kind="frame",
        label="x",
        content=content,
        hidden=hidden,
    )


def test_a_trace_has_every_event_whole_and_in_order(catalogue: Catalogue, tmp_path: Path) -> None:
    """However long, the harness's own marked."""
    long = {"text": "x" * 50_000, "list": [*range(1_000)], "deep": [[[[[["here"]]]]]]}
    TraceFolder(tmp_path / "a" / "b").keep(
        played(catalogue, frame(long), frame({"type": "pong"}, hidden=True))
    )
    first, second = lines_in(tmp_path / "a" / "b")
    assert first.content == long
    assert (first.lane, first.conn, first.direction, first.hidden) == ("alice", 1, "in", False)
    assert second.hidden
    assert first.n < second.n


def test_tokens_and_passwords_are_masked(catalogue: Catalogue, tmp_path: Path) -> None:
    """As members, and in header fields."""
    asked = frame(
        {"headers": {"Authorization": "Bearer s3cret"}, "body": {"password": "s3cret", "a": [1]}}
    )
    TraceFolder(tmp_path).keep(played(catalogue, asked))
    assert "s3cret" not in next(tmp_path.iterdir()).read_text()
    (line,) = lines_in(tmp_path)
    assert line.content["body"]["a"] == [1]


def test_every_variant_has_a_file_of_its_own() -> None:
    """Whatever is in its name, and however often it is played."""
    names = [
        "a.b[id=x/y]",
        "a.b[id=x_y]",
        "a.b[id=x y]",
        "a.b",
        f"a.b[{'x' * 300}]",
        f"a.b[{'x' * 301}]",
    ]
    files = [file_name(name, attempt) for name in names for attempt in (1, 2)]
    assert len({*files}) == len(files)
    assert all(len(name) < 200 and "/" not in name for name in files)
    assert file_name("a.b[how=http]", 1) == "a.b[how=http].1.ndjson"


def test_a_folder_that_takes_no_more_is_trouble_and_no_end(
    catalogue: Catalogue, tmp_path: Path
) -> None:
    """A run is judged all the same."""
    traces = TraceFolder(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    traces.keep(played(catalogue, frame({})))
    traces.keep(played(catalogue, frame({})))
    assert traces.trouble is not None
    assert "No such file" in traces.trouble


def test_a_file_is_no_folder_for_traces(tmp_path: Path) -> None:
    """Said before anything is played."""
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="--trace"):
        TraceFolder(tmp_path / "file" / "folder")
