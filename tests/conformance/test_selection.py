"""Choosing scenarios by selectors and by expression."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.catalogue import Catalogue
from conformance.problems import BadInput
from conformance.selection import choose, parse_expression

from .scenarios import scenario

STEP = "{as: alice, send: {to: $chat}, proves: ORD-1}"


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """Three scenarios, one of them with two variants."""
    folder = tmp_path / "published"
    folder.mkdir()
    via = "matrix: {via: [http, realtime]}\ntags: [slow]\ntitle:"
    with_via = scenario("{as: alice, send: {to: $chat, via: $via}}").replace("title:", via)
    (folder / "a.yaml").write_text(with_via)
    (folder / "b.yaml").write_text(scenario(STEP).replace("delivery.example", "order.dense"))
    third = scenario(STEP).replace("delivery.example", "order.dense-too").replace("DLV-1", "DLV-3")
    (folder / "c.yaml").write_text(third)
    return folder


A = ["delivery.example[via=http]", "delivery.example[via=realtime]"]
B, C = "order.dense", "order.dense-too"


@pytest.mark.parametrize(
    ("selectors", "expression", "names"),
    [
        ([], None, [*A, B, C]),
        (["order"], None, [B, C]),
        (["order.dense"], None, [B]),
        (["delivery.example[via=http]"], None, A[:1]),
        (["DLV-1"], None, [*A, B]),
        (["ORD-1"], None, [B, C]),
        (["slow"], None, A),
        (["slow", "DLV-3", "order.dense-too"], None, [*A, C]),
        ([], "HTTP or too", [A[0], C]),
        ([], "not (order or via=http)", A[1:]),
        (["order"], "not too", [B]),
        ([], "slow and realtime", A[1:]),
        ([], "arrives and delivery.", A),
    ],
)
def test_selectors_choose_what_any_of_them_names(
    selectors: list[str],
    expression: str | None,
    names: list[str],
    published: Path,
    catalogue: Catalogue,
) -> None:
    """Ids and their beginnings, variants, requirements, tags; the expression narrows the choice."""
    chosen = choose(selectors, expression, catalogue, published=published)
    assert [variant.name for variant in chosen] == names


def test_files_and_folders_bring_their_own(
    tmp_path: Path, published: Path, catalogue: Catalogue
) -> None:
    """Alone they are all that is chosen; beside names, both are."""
    own = tmp_path / "own.yaml"
    own.write_text(scenario(STEP).replace("delivery.example", "mine.first"))

    def names(*selectors: str) -> list[str]:
        return [each.name for each in choose(selectors, None, catalogue, published=published)]

    assert names(str(own)) == ["mine.first"]
    assert names(str(own), "DLV-3") == ["mine.first", C]
    assert names(str(published / "b.yaml"), "order") == [B, C]


@pytest.mark.parametrize(
    ("selectors", "expression", "said"),
    [
        (["ordr"], None, "did you mean `order`?"),
        (["ODR-1"], None, "did you mean `ORD-1`?"),
        (["PAG-1"], None, "no scenario proves `PAG-1` yet"),
        (["qqqqqq"], None, "`msgcheck list` shows what there is"),
        (["./nowhere.yaml"], None, "no such file or folder"),
        ([], "zebra", "-k 'zebra' matches nothing in 4 variants"),
        ([], "a and", "a word is missing before its end"),
        ([], "(a", "`)` is missing before its end"),
        ([], "a b", "`and` or `or` is missing before `b`"),
        ([], "a or )", "a word is missing before `)`"),
        ([], "", "a word is missing"),
    ],
)
def test_choosing_nothing_is_a_mistake_with_a_hint(
    selectors: list[str],
    expression: str | None,
    said: str,
    published: Path,
    catalogue: Catalogue,
) -> None:
    """An empty run would look like a success."""
    with pytest.raises(BadInput) as caught:
        choose(selectors, expression, catalogue, published=published)
    assert said in str(caught.value)


def test_a_wrong_scenario_file_stops_the_choice(
    tmp_path: Path, published: Path, catalogue: Catalogue
) -> None:
    """Every problem is shown with its place."""
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(scenario("{connect: {}}", "{as: alice}"))
    with pytest.raises(BadInput) as caught:
        choose([str(wrong)], None, catalogue, published=published)
    *lines, end = str(caught.value).splitlines()
    assert [line.split("wrong.yaml")[1][:6] for line in lines] == [":12:6:", ":13:5:"]
    assert end == "2 problems in scenario files: nothing is chosen"


WORDS = st.sampled_from(["red", "green", "blue"])
EXPRESSIONS = st.recursive(
    WORDS,
    lambda inner: st.one_of(
        st.builds("not ({})".format, inner),
        st.builds("({}) and ({})".format, inner, inner),
        st.builds("({}) or ({})".format, inner, inner),
    ),
    max_leaves=8,
)


@given(EXPRESSIONS, st.sets(WORDS))
def test_an_expression_means_what_it_means_in_python(expression: str, present: set[str]) -> None:
    """With words in place of names."""
    values = {word: word in present for word in ("red", "green", "blue")}
    meant = eval(expression, {}, values)  # noqa: S307  made here
    assert parse_expression(expression)(" ".join(sorted(present))) is meant


def test_and_binds_closer_than_or() -> None:
    """As in pytest and in Python."""
    condition = parse_expression("red or green and not blue")
    assert condition("red blue")
    assert not condition("green blue")


def test_a_variant_may_have_a_slash_in_its_name(tmp_path: Path, catalogue: Catalogue) -> None:
    """It is no path: the repetition that a report proposes must work."""
    text = scenario("{as: alice, send: {to: $chat, text: $type}}")
    matrix = "matrix: {type: [audio/wav, image/png]}\ntitle:"
    (tmp_path / "a.yaml").write_text(text.replace("title:", matrix))
    name = "delivery.example[type=audio/wav]"
    (found,) = choose([name], None, catalogue, published=tmp_path)
    assert found.name == name
