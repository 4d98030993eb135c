"""References: what they stand for, and what is said when they lead nowhere."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.values import (
    BadReference,
    Reference,
    UnknownReference,
    is_reference,
    references,
    resolve,
    substitute,
)

from .strategies import NAMES, TEXTS, json_values

SCOPE: dict[str, Any] = {
    "chat": {"conversation_id": "c-1", "head_seq": 3},
    "walk": {"items": [{"seq": 1}, {"seq": 2}], "headers": {"content-type": "text/plain"}},
    "i": 4,
}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("$chat", SCOPE["chat"]),
        ("$chat.head_seq", 3),
        ("$walk.items.0.seq", 1),
        ("$walk.items.-1.seq", 2),
        ("$walk.headers.content-type", "text/plain"),
        ("$chat.head_seq+1", 4),
        ("$chat.head_seq-1", 2),
        ("$i-10", -6),
        (
            "/v1.0/conversations/${chat.conversation_id}/messages",
            "/v1.0/conversations/c-1/messages",
        ),
        ("n${i}", "n4"),
        ("n${i+1}", "n5"),
        ("$$chat", "$chat"),
        ("costs 5$", "costs 5$"),
        ("^a$", "^a$"),
        ("$5", "$5"),
        ({"$gt": "$i"}, {"$gt": 4}),
        ({"${chat.conversation_id}": ["$i"]}, {"c-1": [4]}),
    ],
)
def test_a_reference_stands_for_what_was_saved(written: Any, meant: Any) -> None:
    """Whole strings keep the type, `${…}` gives text, `$$` a dollar, operators stay."""
    assert resolve(written, SCOPE) == meant


@pytest.mark.parametrize(
    ("written", "error", "said"),
    [
        ("$nobody", UnknownReference, "nothing is known as `nobody`"),
        ("$chat.heads", UnknownReference, "no `heads` in $chat, which is an object with `conv"),
        ("$walk.items.2", UnknownReference, "no `2` in $walk.items, which is a list of 2"),
        ("$i.x", UnknownReference, "no `x` in $i, which is the number 4"),
        ("$chat.conversation_id+1", UnknownReference, "not a whole number"),
        ("at ${chat}", UnknownReference, "name one of its members"),
        ("/x/$chat.head_seq/y", BadReference, "write `${chat.head_seq}`"),
        ("${chat", BadReference, "never closed"),
        ("${two words}", BadReference, "no reference"),
    ],
)
def test_a_reference_into_nothing_says_what_is_there(
    written: str, error: type[Exception], said: str
) -> None:
    """The author sees the reference, how far it led, and what it could have named."""
    with pytest.raises(error) as caught:
        resolve(written, SCOPE)
    assert said in str(caught.value)


@given(TEXTS)
def test_doubled_dollars_are_any_text_again(text: str) -> None:
    """Every text can be written: doubling its dollars is enough."""
    assert resolve(text.replace("$", "$$"), {}) == text


@given(json_values(), st.data())
def test_every_part_of_a_saved_value_can_be_reached(saved: object, data: st.DataObject) -> None:
    """Walking down any way and writing it with dots leads to the same part."""
    way, part = "$it", saved
    while isinstance(part, dict | list) and part and data.draw(st.booleans()):
        if isinstance(part, dict):
            key = data.draw(st.sampled_from(sorted(part)))
            way, part = f"{way}.{key}", part[key]
        else:
            index = data.draw(st.integers(-len(part), len(part) - 1))
            way, part = f"{way}.{index}", part[index]
    assert resolve(way, {"it": saved}) == part


@given(json_values(NAMES | TEXTS))
def test_without_parameters_nothing_is_substituted(tree: object) -> None:
    """A matrix leaves everything else as it is written."""
    assert substitute(tree, {}) == tree


def test_a_parameter_is_put_in_as_if_it_had_been_written_there() -> None:
    """Its references are resolved later, its dollars keep their meaning; other names stay."""
    scope = {"path": "/c/${chat.conversation_id}", "via": "http"}
    tree = {"a": "$path", "b": "${via}/$$via", "c": "$m.seq", "${via}": 1}
    assert substitute(tree, scope) == {
        "a": "/c/${chat.conversation_id}",
        "b": "http/$$via",
        "c": "$m.seq",
        "http": 1,
    }


def test_references_are_found_with_their_places() -> None:
    """The linter is shown each reference, misspelt ones too, and where it is."""
    found = list(references({"a": ["$m.seq-1", "x $y"], "${k.v}": None}))
    assert [located.path for located in found] == [("a", 0), ("a", 1), ("${k.v}",)]
    assert found[0].found == Reference("m", ("seq",), -1)
    assert isinstance(found[1].found, BadReference)
    assert str(found[2].found) == "$k.v"


def test_what_a_reference_brings_in_is_data() -> None:
    """Text that came from a server is never searched for references."""
    assert resolve("$m", {"m": {"text": "$secret ${secret}"}}) == {"text": "$secret ${secret}"}


def test_only_a_whole_string_is_a_reference() -> None:
    """`is_reference` tells values of unknown type from texts."""
    assert is_reference("$a.b+1")
    assert not any(map(is_reference, ("$$a", "a $b", "${a}", 3, None)))
