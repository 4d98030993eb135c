"""Olm and Megolm: what was encrypted arrives, at whom it is for, and at nobody else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.crypto import Rejected, Tampered, UnknownSession
from conformance.crypto.errors import Impostor, Misdirected
from conformance.crypto.megolm import GroupReceiver, GroupSender

from ..strategies import json_values
from .people import CHAT, acquaint, device, megolm, olm, shown, text_of


def test_a_first_message_needs_no_answer() -> None:
    """It carries what the receiver begins its side with."""
    alice, bob = device("alice"), device("bob")
    acquaint(alice, bob)
    body = olm(alice, "hello", bob)
    assert body["ciphertexts"]["bob"]["phone"]["type"] == 0
    assert text_of(bob, shown(1, body, alice)) == "hello"


def test_after_an_answer_messages_are_within_the_session() -> None:
    """Both sides know each other then."""
    alice, bob = device("alice"), device("bob")
    acquaint(alice, bob)
    text_of(bob, shown(1, olm(alice, "hello", bob), alice))
    assert text_of(alice, shown(2, olm(bob, "hello yourself", alice), bob)) == "hello yourself"
    body = olm(alice, "how are you?", bob)
    assert body["ciphertexts"]["bob"]["phone"]["type"] == 1
    assert text_of(bob, shown(3, body, alice)) == "how are you?"


def test_both_may_begin_at_once() -> None:
    """Each keeps both sessions, and reads in either."""
    alice, bob = device("alice"), device("bob")
    acquaint(alice, bob)
    acquaint(bob, alice)
    first, second = olm(alice, "one", bob), olm(bob, "two", alice)
    assert text_of(bob, shown(1, first, alice)) == "one"
    assert text_of(alice, shown(2, second, bob)) == "two"
    for seq in range(3, 7):
        assert text_of(bob, shown(seq, olm(alice, "on", bob), alice)) == "on"


def test_a_fallback_key_begins_as_many_sessions_as_needed() -> None:
    """A one-time key would begin only one."""
    alice, carol, bob = device("alice"), device("carol"), device("bob")
    key = bob.own.new_fallback_key()
    for seq, sender in enumerate((alice, carol), start=1):
        sender.begin(bob.own.peer, key)
        assert text_of(bob, shown(seq, olm(sender, "hi", bob), sender)) == "hi"


def test_a_one_time_key_begins_one_session() -> None:
    """Handed out twice, the second message cannot be read: why a server must not (ENC-3)."""
    alice, carol, bob = device("alice"), device("carol"), device("bob")
    (key,) = bob.own.new_one_time_keys(1)
    alice.begin(bob.own.peer, key)
    carol.begin(bob.own.peer, key)
    assert text_of(bob, shown(1, olm(alice, "hi", bob), alice)) == "hi"
    with pytest.raises(Tampered):
        bob.read(shown(2, olm(carol, "hi", bob), carol))


def test_each_device_has_a_ciphertext_of_its_own() -> None:
    """And reads no other's."""
    alice, phone, laptop = device("alice"), device("bob"), device("bob", "laptop")
    acquaint(alice, phone, laptop)
    body = olm(alice, "hello", phone, laptop)
    ciphertexts = body["ciphertexts"]["bob"]
    assert ciphertexts["phone"] != ciphertexts["laptop"]
    ciphertexts["phone"], ciphertexts["laptop"] = ciphertexts["laptop"], ciphertexts["phone"]
    for reader in (phone, laptop):
        with pytest.raises(Tampered):
            reader.read(shown(1, body, alice))


def test_without_a_session_nothing_is_encrypted() -> None:
    """A key must be claimed first."""
    with pytest.raises(UnknownSession, match="bob/phone"):
        olm(device("alice"), "hello", device("bob"))


def test_a_message_within_an_unknown_session_is_not_read() -> None:
    """As after a reset of the receiver."""
    alice, bob = device("alice"), device("bob")
    acquaint(alice, bob)
    text_of(bob, shown(1, olm(alice, "hello", bob), alice))
    text_of(alice, shown(2, olm(bob, "hi", alice), bob))
    with pytest.raises(UnknownSession):
        device("bob").read(shown(3, olm(alice, "again", bob), alice))


@given(body=json_values())
@settings(max_examples=40)
def test_any_body_comes_back_as_it_was(body: Any) -> None:
    """For one and for all."""
    alice, bob = device("alice"), device("bob")
    acquaint(alice, bob)
    sealed = alice.seal_olm([bob.own.peer], CHAT, body)
    assert bob.read(shown(1, sealed, alice)) == body
    megolm(alice, "first", bob)
    assert bob.read(shown(3, alice.seal_megolm(CHAT, body), alice)) == body


@given(
    ciphertext=st.fixed_dictionaries(
        {}, optional={"type": json_values(), "body": st.text() | json_values()}
    )
)
@settings(max_examples=100)
def test_nonsense_is_rejected_and_harms_no_session(ciphertext: dict[str, Any]) -> None:
    """Whatever comes in the place of a ciphertext; the genuine one behind it is read."""
    alice, bob = device("alice"), device("bob")
    acquaint(alice, bob)
    text_of(bob, shown(1, olm(alice, "one", bob), alice))
    body = olm(alice, "two", bob)
    forged = {**body, "ciphertexts": {"bob": {"phone": ciphertext}}}
    with pytest.raises(Rejected):
        bob.read(shown(2, forged, alice))
    assert text_of(bob, shown(2, body, alice)) == "two"


# ── groups ────────────────────────────────────────────────────────────────────────────────────


def test_one_ciphertext_is_read_by_everybody_who_was_given_the_key() -> None:
    """And by nobody else."""
    alice, bob, carol, eve = (device(name) for name in ("alice", "bob", "carol", "eve"))
    body = megolm(alice, "hello all", bob, carol)
    for reader in (bob, carol):
        assert text_of(reader, shown(1, body, alice)) == "hello all"
    with pytest.raises(UnknownSession):
        eve.read(shown(1, body, alice))


def test_a_newcomer_reads_from_its_coming_on() -> None:
    """The key that it is given begins there."""
    alice, bob, carol = device("alice"), device("bob"), device("carol")
    before = megolm(alice, "before", bob)
    after = megolm(alice, "after", bob, carol)
    assert before["session_id"] == after["session_id"]
    assert text_of(carol, shown(2, after, alice)) == "after"
    with pytest.raises(Tampered):
        carol.read(shown(1, before, alice))


def test_whoever_left_reads_no_further() -> None:
    """The next message is of a new session."""
    alice, bob, carol = device("alice"), device("bob"), device("carol")
    before = megolm(alice, "before", bob, carol)
    after = megolm(alice, "after", bob)
    assert before["session_id"] != after["session_id"]
    assert text_of(bob, shown(2, after, alice)) == "after"
    with pytest.raises(UnknownSession):
        carol.read(shown(2, after, alice))


def test_a_device_with_new_keys_counts_as_another_device() -> None:
    """Whoever may have taken its place gets no key that the old one had."""
    alice, bob = device("alice"), device("bob")
    before = megolm(alice, "before", bob)
    after = megolm(alice, "after", device("bob"))
    assert before["session_id"] != after["session_id"]


def test_nobody_passes_a_session_off_as_its_own() -> None:
    """Bob knows Alice's key, and still cannot speak as her, nor make her words his."""
    alice, bob, carol = device("alice"), device("bob"), device("carol")
    body = megolm(alice, "signed, Alice", bob, carol)
    as_bobs = {**body, "sender_key": bob.own.curve25519}
    with pytest.raises(Impostor):
        carol.read(shown(1, as_bobs, bob))
    with pytest.raises(Impostor):
        carol.read(shown(1, body, bob))


def test_a_session_stays_in_its_conversation() -> None:
    """What was said in one cannot be shown in another."""
    alice, bob = device("alice"), device("bob")
    body = megolm(alice, "here", bob)
    with pytest.raises(Misdirected):
        bob.read(shown(1, body, alice, conversation_id="elsewhere"))


def test_a_session_key_is_its_owners_to_share() -> None:
    """Whoever received one cannot hand it on as a session of its own."""
    alice, bob = device("alice").own.peer, device("bob").own.peer
    session = GroupSender()
    receiver = GroupReceiver()
    receiver.learn(session.key, alice, CHAT)
    with pytest.raises(Impostor):
        receiver.learn(session.key, bob, CHAT)
    with pytest.raises(Tampered):
        receiver.learn("no key", bob, CHAT)


def test_a_payload_that_shares_no_key_is_rejected() -> None:
    """A message of Olm in the place of a session key, or nothing readable at all."""
    alice, bob = device("alice"), device("bob")
    acquaint(alice, bob)
    message = olm(alice, "hello", bob)["ciphertexts"]["bob"]["phone"]
    payload = {"sender_key": alice.own.curve25519, "ciphertext": message}
    with pytest.raises(Tampered, match="no session key"):
        bob.learn(alice.own.peer, payload)
    for nonsense in (None, {}, {"sender_key": "other"}, {**payload, "ciphertext": 7}):
        with pytest.raises(Rejected):
            bob.learn(alice.own.peer, nonsense)
