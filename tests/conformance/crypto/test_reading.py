"""A receiver notices what was tampered with, replayed, reordered or misdirected (ENC-10)."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.crypto import Keyring, Rejected, Tampered
from conformance.crypto.encoding import decode_bytes, encode_bytes
from conformance.crypto.errors import Impostor, Misdirected, Reordered, Replayed

from .people import acquaint, device, megolm, olm, shown, text_of

Seal = Callable[..., dict[str, Any]]


@pytest.fixture
def alice() -> Keyring:
    """The sender."""
    return device("alice")


@pytest.fixture
def bob() -> Keyring:
    """The receiver."""
    return device("bob")


@pytest.fixture(params=["olm", "megolm"])
def seal(request: pytest.FixtureRequest, alice: Keyring, bob: Keyring) -> Seal:
    """Encrypt a text from Alice for Bob, in either way."""
    acquaint(alice, bob)

    def sealed(text: str, **more: Any) -> dict[str, Any]:
        return (olm if request.param == "olm" else megolm)(alice, text, bob, **more)

    return sealed


def ciphertexts(body: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Where the ciphertexts of a body stand."""
    if "ciphertext" in body:
        yield body, "ciphertext"
    for devices in body.get("ciphertexts", {}).values():
        yield from ((each, "body") for each in devices.values())


@given(place=st.integers(0, 10_000), bit=st.integers(0, 7), whole=st.booleans())
@settings(max_examples=120)
def test_no_bit_of_a_ciphertext_can_be_changed(place: int, bit: int, whole: bool) -> None:
    """Wherever it is: the text is not read, and the genuine message still is."""
    alice, bob = device("alice"), device("bob")
    acquaint(alice, bob)
    body = (megolm if whole else olm)(alice, "hello", bob)
    forged = copy.deepcopy(body)
    ((holder, member),) = ciphertexts(forged)
    data = bytearray(decode_bytes(holder[member]))
    data[place % len(data)] ^= 1 << bit
    holder[member] = encode_bytes(bytes(data))
    try:
        # Key material that only begins a session may be of another spelling, never the text.
        assert text_of(bob, shown(1, forged, alice)) == "hello"
    except Rejected:
        assert text_of(bob, shown(1, body, alice)) == "hello"


def test_the_middle_of_a_ciphertext_cannot_be_changed(
    seal: Seal, alice: Keyring, bob: Keyring
) -> None:
    """The plain case of the above."""
    body = seal("hello")
    ((holder, member),) = ciphertexts(body)
    data = bytearray(decode_bytes(holder[member]))
    data[len(data) // 2] ^= 1
    holder[member] = encode_bytes(bytes(data))
    with pytest.raises(Tampered):
        bob.read(shown(1, body, alice))


def test_the_same_message_is_read_as_often_as_it_is_shown(
    seal: Seal, alice: Keyring, bob: Keyring
) -> None:
    """Live, in a replay, in the history: no attack."""
    entry = shown(1, seal("hello"), alice)
    assert [text_of(bob, entry) for _ in range(3)] == ["hello"] * 3


def test_a_ciphertext_shown_as_another_message_is_a_replay(
    seal: Seal, alice: Keyring, bob: Keyring
) -> None:
    """Whoever stores ciphertext could say it twice."""
    body = seal("pay ten")
    assert text_of(bob, shown(1, body, alice)) == "pay ten"
    with pytest.raises(Replayed):
        bob.read(shown(2, body, alice))


def test_messages_in_an_order_of_somebody_elses_are_noticed(
    seal: Seal, alice: Keyring, bob: Keyring
) -> None:
    """Whichever of the two is read first."""
    first, second = seal("yes"), seal("no")
    text_of(bob, shown(1, second, alice))
    with pytest.raises(Reordered):
        bob.read(shown(2, first, alice))


def test_a_message_put_between_others_is_noticed(seal: Seal, alice: Keyring, bob: Keyring) -> None:
    """The history is read from its end, so an older entry may come later."""
    first, second, third = seal("one"), seal("two"), seal("three")
    text_of(bob, shown(1, second, alice))
    text_of(bob, shown(5, third, alice))
    with pytest.raises(Reordered):
        bob.read(shown(3, first, alice))


def test_history_is_read_in_any_direction(seal: Seal, alice: Keyring, bob: Keyring) -> None:
    """What counts is the place in the log, not the time of reading."""
    bodies = [seal(str(number)) for number in range(5)]
    for number in (3, 4, 1, 0, 2):
        assert text_of(bob, shown(10 * number + 1, bodies[number], alice)) == str(number)


def test_gaps_are_no_attack(seal: Seal, alice: Keyring, bob: Keyring) -> None:
    """A refused send, or one from before one's time, was never in this log."""
    bodies = [seal(str(number)) for number in range(6)]
    assert [text_of(bob, shown(n + 1, bodies[n], alice)) for n in (1, 3, 5)] == ["1", "3", "5"]


def test_a_message_belongs_to_its_conversation(seal: Seal, alice: Keyring, bob: Keyring) -> None:
    """Shown in another, it would say something else."""
    with pytest.raises(Misdirected):
        bob.read(shown(1, seal("yes"), alice, conversation_id="elsewhere"))


def test_an_answer_belongs_to_its_question(seal: Seal, alice: Keyring, bob: Keyring) -> None:
    """The relation stands outside the ciphertext, and is held against what stands inside."""
    relation = {"relation": "reply", "message_id": "m1"}
    body = seal("yes", relates_to=relation)
    with pytest.raises(Misdirected):
        bob.read(shown(2, body, alice, relates_to={"relation": "reply", "message_id": "m9"}))


def test_an_edit_shows_at_two_places(seal: Seal, alice: Keyring, bob: Keyring) -> None:
    """Its own, and that of what it edits; the order is judged at its own."""
    edit = {"relation": "edit", "message_id": "m1"}
    text_of(bob, shown(1, seal("helo"), alice))
    between, body = seal("in between"), seal("hello", relates_to=edit)
    assert text_of(bob, shown(1, body, alice, edited=True)) == "hello"
    assert text_of(bob, shown(2, between, alice)) == "in between"
    assert text_of(bob, shown(3, body, alice, relates_to=edit)) == "hello"
    with pytest.raises(Replayed):
        bob.read(shown(4, body, alice, relates_to=edit))
    with pytest.raises(Misdirected):
        bob.read(shown(2, body, alice, edited=True))


def test_the_senders_key_is_held_against_the_sender(
    seal: Seal, alice: Keyring, bob: Keyring
) -> None:
    """What Alice wrote cannot come from Mallory."""
    body = seal("hello")
    mallory = device("mallory")
    with pytest.raises(Impostor):
        bob.read(shown(1, body, mallory))


def test_a_ciphertext_cannot_be_passed_on_as_ones_own(alice: Keyring, bob: Keyring) -> None:
    """Bob forwards to Carol what Alice wrote to him: she sees that it was not for her."""
    carol = device("carol")
    acquaint(alice, bob)
    acquaint(bob, carol)
    stolen = alice.seal_olm([bob.own.peer], "chat", {"kind": "text", "text": "I owe you"})
    stolen["ciphertexts"] = {"carol": {"phone": stolen["ciphertexts"]["bob"]["phone"]}}
    with pytest.raises(Tampered):
        carol.read(shown(1, stolen, alice))


@pytest.mark.parametrize(
    "body",
    [
        None,
        {"kind": "text", "text": "hello"},
        {"kind": "encrypted"},
        {"kind": "encrypted", "algorithm": "olm.v1", "ciphertexts": []},
        {"kind": "encrypted", "algorithm": "olm.v1", "ciphertexts": {"bob": {"phone": "x"}}},
        {"kind": "encrypted", "algorithm": "rot13", "ciphertext": 5},
    ],
)
def test_what_is_no_ciphertext_is_rejected(body: Any, alice: Keyring, bob: Keyring) -> None:
    """Plaintext in an encrypted conversation included."""
    if body is not None and body["kind"] == "encrypted":
        body = {**body, "sender_key": alice.own.curve25519}
    with pytest.raises(Rejected):
        bob.read(shown(1, body, alice))
