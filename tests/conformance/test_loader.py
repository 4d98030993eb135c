"""From scenario files to typed variants, or to every problem at once."""

from pathlib import Path

import pytest
from msgspec import UNSET

from conformance.catalogue import Catalogue
from conformance.language.escapes import Request
from conformance.language.messaging import Send
from conformance.language.realtime import Connect
from conformance.language.scenario import Scenario
from conformance.language.step import Step
from conformance.loader import load_file, load_tree
from conformance.problems import BadInput

from .scenarios import load, problems, scenario

CONNECT = "{as: alice, connect: {}}"


def test_a_right_file_becomes_a_typed_scenario(catalogue: Catalogue) -> None:
    """One file, one variant, called by its id."""
    loaded = load(scenario(CONNECT, "{as: alice, send: {to: $chat, wait: false}}"), catalogue)
    assert loaded.problems == ()
    [variant] = loaded.variants
    assert variant.name == "delivery.example"
    assert isinstance(variant.scenario, Scenario)
    connect, send = variant.scenario.steps
    assert connect == Step(as_="alice", connect=Connect())
    assert send.send == Send(to="$chat", wait=False)
    assert send.save is UNSET


def test_a_step_is_found_by_its_path_however_deep(catalogue: Catalogue) -> None:
    """A failing step is shown with its file and line."""
    text = scenario(CONNECT, f"together:\n    - - {CONNECT}\n      - {CONNECT}")
    [variant] = load(text, catalogue).variants
    assert variant.where(("steps", 0)) == "scenario.yaml:12:5"
    assert variant.where(("steps", 1, "together", 0, 1)) == "scenario.yaml:15:9"


def test_every_problem_of_a_file_is_reported_with_its_place(catalogue: Catalogue) -> None:
    """One run of the linter is enough, and each complaint names the nearest valid thing."""
    text = scenario(
        "{as: alice, conect: {}}",
        "{as: alice, send: {to: $chat, txt: hello}}",
        "{as: alice, send: {to: $chat, wait: 3, via: htp}}",
        "{as: alice, walk: {in: $chat}}",
        "{as: alice, disconnect: }",
        "repeat: {times: 0, steps: [{as: alice, page: {inn: $chat}}]}",
        "together: {}",
    ).replace("title:", "titel:")
    assert problems(text, catalogue) == [
        "2:1: unknown key `titel`: did you mean `title`?",
        "12:17: unknown key `conect`: did you mean `connect`?",
        "13:35: unknown key `txt`: did you mean `text`?",
        "14:41: `wait` must be true or false, not the number 3",
        "14:49: `via` cannot be `htp`: did you mean `http`?",
        "15:23: `walk` needs `direction`",
        "16:29: `disconnect` must be an object, not null: `{}` is the empty one",
        "17:21: `times` must be at least 1, not 0",
        "17:51: unknown key `inn`: did you mean `in`?",
        "18:15: `together` must be a list, not an empty object",
    ]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("delivery.example", "Delivery", "`id` must be an id like `status.delivered-then-read`"),
        ("[DLV-1]", "[]", "`proves` must have at least 1, not 0"),
        ("connect: {}", "connect: {}, proves: []", "`proves` must have at least 1, not 0"),
        ("[DLV-1]", "DLV-1", "`proves` must be a list, not the text"),
        ("[DLV-1]", "[DLV]", "`proves[0]` must be a requirement's id like `ORD-4`"),
        ("alice: {}", "Alice: {}", "`Alice` must be a name of lower-case letters"),
        ("[alice, bob]", "[alice]", "`direct` must have 2, not 1"),
        ("title: A", "deadline: 0\ntitle: A", "`deadline` must be at least 1"),
        ("title: A", "check: [ordr]\ntitle: A", "did you mean `order`?"),
    ],
)
def test_a_value_out_of_bounds_is_told_in_words(
    before: str, after: str, said: str, catalogue: Catalogue
) -> None:
    """Nobody has to read a regular expression to see what an id looks like."""
    found = problems(scenario(CONNECT).replace(before, after), catalogue)
    assert any(said in problem for problem in found), found


def test_what_is_no_object_is_no_scenario(catalogue: Catalogue) -> None:
    """A list of steps alone, for example."""
    assert problems("- a", catalogue) == ["1:1: a scenario is an object: `id: …`"]
    assert problems("", catalogue) == ["1:1: the file is empty"]


# ── the matrix ────────────────────────────────────────────────────────────────────────────────


def with_matrix(matrix: str, *steps: str) -> str:
    """A scenario's text with this matrix in it."""
    return scenario(*steps).replace("title:", f"matrix: {matrix}\ntitle:")


def test_a_matrix_gives_a_variant_for_each_combination(catalogue: Catalogue) -> None:
    """Names tell them apart; a whole `$name` keeps its type, `${name}` becomes text."""
    text = with_matrix(
        "{via: [http, realtime], count: [1, 2]}",
        "{as: alice, send: {to: $chat, text: 'by ${via}', via: $via}}",
        "{repeat: {times: $count, steps: [{as: alice, connect: {}}]}}",
    )
    loaded = load(text, catalogue)
    assert loaded.problems == ()
    assert [variant.name for variant in loaded.variants] == [
        "delivery.example[via=http,count=1]",
        "delivery.example[via=http,count=2]",
        "delivery.example[via=realtime,count=1]",
        "delivery.example[via=realtime,count=2]",
    ]
    last = loaded.variants[-1]
    assert last.params == {"via": "realtime", "count": 2}
    assert last.scenario.steps[0].send == Send(to="$chat", text="by realtime", via="realtime")
    repeat = last.scenario.steps[1].repeat
    assert repeat is not UNSET
    assert repeat.times == 2


def test_a_parameter_may_be_an_object_that_speaks_of_what_is_saved(catalogue: Catalogue) -> None:
    """Cases with several fields are named by `name`, else by their position."""
    text = with_matrix(
        "{case: [{name: own, method: GET, path: '/c/${chat.conversation_id}'},"
        " {method: PUT, path: /x}]}",
        "{request: {method: $case.method, path: '${case.path}?x=1'}}",
    )
    loaded = load(text, catalogue)
    assert loaded.problems == ()
    assert [variant.name for variant in loaded.variants] == [
        "delivery.example[case=own]",
        "delivery.example[case=2]",
    ]
    assert loaded.variants[0].scenario.steps[0].request == Request(
        method="GET", path="/c/${chat.conversation_id}?x=1"
    )


def test_alike_values_still_have_different_names(catalogue: Catalogue) -> None:
    """The text `1` and the number 1 are two variants."""
    text = with_matrix("{limit: [1, '1']}", "{as: alice, page: {in: $chat, limit: $limit}}")
    names = {variant.name for variant in load(text, catalogue).variants}
    assert len(names) == 2


@pytest.mark.parametrize(
    ("matrix", "step", "problem"),
    [
        ("{via: []}", "{as: alice, send: {to: $via}}", "this matrix has 0 combinations"),
        ("{via: http}", "{as: alice, send: {to: $via}}", "`via` must be a list, not the text"),
        ("{via: [1]}", CONNECT, "the parameter `via` is never used"),
        ("{c: [{a: 1}]}", "{as: alice, send: {to: $c.b}}", "for c=1: $c.b: there is no `b`"),
        ("{via: [htp]}", "{as: alice, send: {to: $chat, via: $via}}", "did you mean `http`?"),
        ("{n: [1, 2]}", "{as: alice, connect: $n}", "`connect` must be an object"),
    ],
)
def test_a_matrix_that_means_nothing_is_a_problem(
    matrix: str, step: str, problem: str, catalogue: Catalogue
) -> None:
    """A mistake that a parameter brings in is shown once for each value that has it."""
    found = problems(with_matrix(matrix, step), catalogue)
    assert any(problem in each for each in found), found
    assert load(with_matrix(matrix, step), catalogue).variants == ()


# ── files and folders ─────────────────────────────────────────────────────────────────────────


def test_a_folder_gives_all_scenarios_below_it(tmp_path: Path, catalogue: Catalogue) -> None:
    """In the order of their ids; a file given twice counts once."""
    (tmp_path / "deep").mkdir()
    later = tmp_path / "a.yaml"
    later.write_text(scenario(CONNECT))
    (tmp_path / "deep" / "b.yml").write_text(scenario(CONNECT).replace("example", "another"))
    (tmp_path / "notes.txt").write_text("no scenario")
    loaded = load_tree([tmp_path, later], catalogue)
    assert loaded.problems == ()
    assert [each.name for each in loaded.variants] == ["delivery.another", "delivery.example"]


def test_an_id_is_used_once(tmp_path: Path, catalogue: Catalogue) -> None:
    """The second file is told where the first one is."""
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(scenario(CONNECT))
    [problem] = load_tree([tmp_path], catalogue).problems
    assert problem.file.endswith("b.yaml")
    assert "`delivery.example` is taken already, in" in problem.message
    assert "a.yaml:1:5" in problem.message


def test_a_broken_file_hides_no_other(tmp_path: Path, catalogue: Catalogue) -> None:
    """The linter goes on with the next file."""
    (tmp_path / "a.yaml").write_text("a: b: c")
    (tmp_path / "b.yaml").write_text(scenario(CONNECT))
    loaded = load_tree([tmp_path], catalogue)
    assert [variant.name for variant in loaded.variants] == ["delivery.example"]
    assert [Path(problem.file).name for problem in loaded.problems] == ["a.yaml"]


def test_a_path_that_leads_to_nothing_is_bad_input(tmp_path: Path, catalogue: Catalogue) -> None:
    """Loading nothing would look like success."""
    with pytest.raises(BadInput, match="no scenario file in it"):
        load_tree([tmp_path], catalogue)
    with pytest.raises(BadInput, match="no such file or folder"):
        load_tree([tmp_path / "nowhere"], catalogue)


def test_one_file_is_loaded_by_itself(tmp_path: Path) -> None:
    """With the published catalogue, if no other is given."""
    file = tmp_path / "a.yaml"
    file.write_text(scenario(CONNECT))
    [variant] = load_file(file).variants
    assert variant.file == file
