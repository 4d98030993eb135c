"""Whatever somebody writes, loading ends in problems and never in a traceback."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.catalogue import Catalogue
from conformance.language.scenario import Scenario
from conformance.language.step import Step
from conformance.positions import parse
from conformance.problems import Place

from .scenarios import FILE, load, scenario
from .strategies import NAMES, SCALARS, json_values

RIGHT = scenario(
    "{as: alice, connect: {wait: $ready}, save: c, match: {count: {$gte: 0}}}",
    "{together: [[{as: alice, send: {to: $chat}, save: m}], [{as: bob.phone, drop: {}}]]}",
    "{repeat: {times: 2, as: n, steps: [{as: alice, page: {in: $chat, limit: '${n}'}}]}}",
    "{on: alice, expect: {sent: {seq: $m.seq}}, proves: [RT-2]}",
    "{on: alice, never: {status: {}}, until: barrier, note: quiet}",
    "{as: alice, request: {method: GET, path: /x}, response: {status: 200}}",
    "{as: alice, bytes: {binary: ''}}",
    "{as: alice, create: {group: [$bob]}, fails: not_permitted}",
    "{assert: {that: $m.seq, is: {$not: 0}}}",
).replace("title:", "check: [order]\ntags: [x]\nmatrix: {ready: [ready, welcome]}\ntitle:")
TREE = parse(FILE, RIGHT).value

KEYS = st.one_of(
    st.sampled_from(sorted({*Scenario.__struct_encode_fields__, *Step.__struct_encode_fields__})),
    st.sampled_from(
        ["$gt", "$regex", "$unordered", "$not", "${c}", "in", "times", "steps", "group"]
    ),
    NAMES,
)
ANYTHING = (
    json_values(KEYS) | SCALARS | st.sampled_from(["$m.seq+1", "$c", "${", "$$", "bob", "a.b"])
)


def with_something_else(tree: Any, data: st.DataObject) -> Any:
    """The tree with one part replaced, added or left out, somewhere."""
    if isinstance(tree, dict) and tree and data.draw(st.integers(0, 9)):
        key = data.draw(st.sampled_from(sorted(tree)))
        return tree | {key: with_something_else(tree[key], data)}
    if isinstance(tree, list) and tree and data.draw(st.integers(0, 9)):
        index = data.draw(st.integers(0, len(tree) - 1))
        return [*tree[:index], with_something_else(tree[index], data), *tree[index + 1 :]]
    if isinstance(tree, dict):
        return {**tree, data.draw(KEYS): data.draw(ANYTHING)}
    return data.draw(ANYTHING)


def test_what_is_made_wrong_here_was_right(catalogue: Catalogue) -> None:
    """Else the next test would prove little."""
    assert load(RIGHT, catalogue).problems == ()


@settings(max_examples=300)
@given(st.data())
def test_any_mistake_anywhere_is_a_problem_with_a_place(
    catalogue: Catalogue, data: st.DataObject
) -> None:
    """Or no mistake after all; then every variant was converted."""
    tree = with_something_else(with_something_else(TREE, data), data)
    loaded = load(json.dumps(tree, ensure_ascii=False), catalogue)
    assert bool(loaded.variants) is not bool(loaded.problems)
    assert all(problem.place >= Place(1, 1) for problem in loaded.problems)
