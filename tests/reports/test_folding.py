"""Of a long difference what differs is seen at once."""

from hypothesis import given
from hypothesis import strategies as st

from reports.html.difference import Line, Mark
from reports.html.folding import BROKEN, SHOWN, folded

MARKS: list[Mark] = [" ", "-", "+", "@"]
LINES = st.lists(st.builds(Line, st.sampled_from(MARKS), st.text("ab", max_size=2)), max_size=80)


@given(LINES)
def test_no_line_is_lost_and_none_comes_twice(lines: list[Line]) -> None:
    """Shown or folded, in order."""
    assert [line for part in folded(lines) for line in part.lines] == lines


@given(LINES)
def test_what_differs_first_is_shown(lines: list[Line]) -> None:
    """However far down it stands."""
    marked = [line for line in lines if line.mark != " "]
    shown = [line for part in folded(lines) if not part.folded for line in part.lines]
    if marked:
        assert next(line for line in shown if line.mark != " ") == marked[0]


def test_far_context_is_folded() -> None:
    """Three lines on either side are enough to know the place."""
    lines = [Line(" ", "same")] * 50 + [Line("-", "a"), Line("+", "b")] + [Line(" ", "same")] * 50
    assert [(part.folded, len(part.lines)) for part in folded(lines)] == [
        (True, 47),
        (False, 8),
        (True, 47),
    ]


def test_a_long_text_shows_its_first_lines() -> None:
    """The others are one click away, and a few more are not worth one."""
    assert [(part.folded, len(part.lines)) for part in folded([Line("+", "x")] * 100)] == [
        (False, SHOWN),
        (True, 100 - SHOWN),
    ]
    assert len(folded([Line("+", "x")] * (SHOWN + 2))) == 1


def test_a_line_without_end_is_broken() -> None:
    """Else it would fill the screen."""
    parts = folded([Line("+", "x" * BROKEN * 40)])
    assert [part.folded for part in parts] == [False, True]
    assert "".join(line.text for part in parts for line in part.lines) == "x" * BROKEN * 40
