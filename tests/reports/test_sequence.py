"""The layout of a sequence diagram."""

from typing import Literal, get_args

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from reports.html.sequence import FIRST, FOLD, NEIGHBOURS, Diagram, diagram
from reports.model import TimelineEntry
from tests.conformance.results import finding, scenario

Way = Literal["in", "out"]
WAYS: tuple[Way, ...] = get_args(Way)


def entry(n: int, lane: str, direction: Way = "out", *, kind: str = "frame") -> TimelineEntry:
    """An event."""
    return TimelineEntry(
        t=n / 10, lane=lane, direction=direction, label=f"event {n}", n=n, kind=kind
    )


def drawn(*entries: TimelineEntry, guilty: tuple[int, ...] = (), **members: object) -> Diagram:
    """The diagram of a scenario with this trace and one checker's finding."""
    blames = [replace(each, guilty=True) for each in entries if each.n in guilty]
    one = replace(finding("ORD-1"), kind="checker", timeline=blames)
    played = replace(scenario("a.b", "fail", one), trace=list(entries), **members)
    picture = diagram(played)
    assert picture is not None
    return picture


def test_the_server_stands_between_the_actors() -> None:
    """With an actor's devices side by side, in an order that no run changes."""
    picture = drawn(entry(1, "bob.phone"), entry(2, "alice.main"), entry(3, "bob.laptop"))
    assert [lane.name for lane in picture.lanes] == [
        "alice.main",
        "server",
        "bob.laptop",
        "bob.phone",
    ]
    assert [(lane.actor, lane.device) for lane in picture.lanes][:2] == [
        ("alice", ""),
        ("server", ""),
    ]


def test_an_arrow_goes_from_a_device_to_the_server_or_back() -> None:
    """Over the lanes between them, pointing the way the frame went."""
    picture = drawn(
        entry(1, "alice.main"), entry(2, "alice.main", "in"), entry(3, "bob.main", "in")
    )
    assert [(row.first, row.last, row.points) for row in picture.rows] == [
        (FIRST, FIRST + 2, "right"),
        (FIRST, FIRST + 2, "left"),
        (FIRST + 1, FIRST + 3, "right"),
    ]


def test_what_happens_to_one_side_alone_is_a_note_on_its_lane() -> None:
    """A restart on the server's, a cut on the device's."""
    picture = drawn(entry(1, "alice.main", kind="cut"), entry(2, "server", "in", kind="restart"))
    assert [(row.shape, row.span) for row in picture.rows] == [("note", 1), ("note", 1)]


def test_rows_far_from_what_a_finding_blames_are_folded() -> None:
    """Its neighbours stay; a stretch too short to be worth it stays too."""
    picture = drawn(*(entry(n, "alice.main") for n in range(40)), guilty=(20,))
    assert [(each.folded, len(each.rows)) for each in picture.stretches] == [
        (True, 20 - NEIGHBOURS),
        (False, 2 * NEIGHBOURS + 1),
        (True, 19 - NEIGHBOURS),
    ]
    near_the_edge = drawn(
        *(entry(n, "alice.main") for n in range(40)), guilty=(NEIGHBOURS + FOLD - 1,)
    )
    assert not near_the_edge.stretches[0].folded


def test_an_answer_does_not_say_its_path_again_and_users_go_by_their_names() -> None:
    """What the diagram's place tells already; the whole label is kept."""
    long = TimelineEntry(
        t=0, lane="bob.main", direction="in", kind="response", n=1,
        label="GET /v1.0/users/bob-ue6hvg8cw7 → 404 unknown_user",
    )  # fmt: skip
    message = replace(entry(2, "bob.main", "in"), label='message #1 bob-ue6hvg8cw7: "hi bob-b"')
    rows = list(drawn(long, message).rows)
    assert [row.brief for row in rows] == ["GET → 404 unknown_user", 'message #1 bob: "hi bob-b"']
    assert rows[0].label == long.label


def test_a_failed_step_is_remarked_behind_what_it_saw() -> None:
    """Where nothing is to blame but what did not come."""
    saw = [entry(1, "bob.main"), entry(2, "bob.main", "in")]
    late = replace(finding("ORD-1"), timeline=saw)
    played = replace(
        scenario("a.b", "fail", late), trace=[*saw, entry(3, "bob.main", kind="close")]
    )
    picture = diagram(played)
    assert picture is not None
    assert [[remark.text for remark in row.remarks] for row in picture.rows] == [
        [],
        [late.message],
        [],
    ]


def test_without_a_trace_the_findings_excerpts_are_drawn_once() -> None:
    """An event that two findings show is one row."""
    shared = entry(2, "bob.main")
    first = replace(finding("ORD-1"), timeline=[entry(1, "bob.main"), shared])
    second = replace(finding("ORD-1"), timeline=[shared, entry(3, "bob.main")])
    picture = diagram(scenario("a.b", "fail", first, second))
    assert picture is not None
    assert [row.n for row in picture.rows] == [1, 2, 3]


def test_nothing_to_draw_is_no_diagram() -> None:
    """A harness error has no frames."""
    assert diagram(scenario("a.b", "error")) is None


lanes = st.from_regex(r"(alice|bob|carol|server|nobody)(\.[a-z]{1,6})?", fullmatch=True)
kinds = st.sampled_from(["frame", "request", "response", "open", "close", "cut", "restart", "odd"])


@given(st.lists(st.tuples(lanes, st.sampled_from(WAYS), kinds), min_size=1), st.data())
def test_every_event_has_its_row_within_the_lanes(
    events: list[tuple[str, Way, str]], data: st.DataObject
) -> None:
    """In order, whatever happened and whatever is folded."""
    entries = [entry(n, lane, way, kind=kind) for n, (lane, way, kind) in enumerate(events)]
    guilty = data.draw(st.sets(st.integers(0, len(entries) - 1)))
    picture = drawn(*entries, guilty=tuple(guilty))
    rows = list(picture.rows)
    assert [row.n for row in rows] == [each.n for each in entries]
    assert {row.n for row in rows if row.marked} == guilty
    assert all(FIRST <= row.first < row.last <= FIRST + len(picture.lanes) for row in rows)
    assert [lane.name for lane in picture.lanes].count("server") == 1


def test_findings_that_speak_of_other_events_draw_the_trace_all_the_same() -> None:
    """A record that somebody edited."""
    edited = replace(scenario("a.b", "fail", finding("ORD-1")), trace=[entry(7, "carol.main")])
    picture = diagram(edited)
    assert picture is not None
    assert [row.marked for row in picture.rows] == [False]
