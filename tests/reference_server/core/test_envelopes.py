"""Encrypted bodies: what is refused, for whom they must be, and who is shown what (ENC-2, ENC-5, ENC-6)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_server.core import envelopes, errors
from reference_server.core.limits import Limits
from reference_server.core.model import EncryptedBody, Message, RelatesTo, assets_of

from ..chests import Chest, ciphertext, megolm, olm

ALICE, BOB, LAPTOP = Chest("alice", "phone"), Chest("bob", "phone"), Chest("bob", "laptop")
LIMITS = Limits()
GOOD = [
    olm(ALICE, "hi", BOB, LAPTOP),
    olm(ALICE, "hi"),
    olm(ALICE, "hi", BOB, asset_ids=["a1", "a2"]),
    megolm(ALICE, "hi"),
    megolm(ALICE, "hi", asset_ids=["a"] * 10),
]


@pytest.mark.parametrize("value", GOOD)
def test_a_body_is_carried_as_it_is(value: dict[str, Any]) -> None:
    """Every ciphertext letter for letter, through whatever the server does to keep it."""
    body = envelopes.body(None, value, LIMITS)
    assert msgspec.json.decode(msgspec.json.encode(body)) == value
    assert msgspec.to_builtins(body) | {"asset_ids": list(assets_of(body))} == (
        {"asset_ids": []} | value
    )


def test_what_nobody_knows_is_ignored_and_null_is_nothing() -> None:
    """As in every request (§1)."""
    value = olm(ALICE, "hi", BOB)
    extended = value | {"asset_ids": None, "hint": 1}
    assert envelopes.body(None, extended, LIMITS) == envelopes.body(None, value, LIMITS)


OLM, MEGOLM = olm(ALICE, "hi", BOB), megolm(ALICE, "hi")
SEALED = {"type": 0, "body": ciphertext("x")}


def for_bob(**changes: Any) -> dict[str, Any]:
    """A body whose one ciphertext is changed."""
    return OLM | {"ciphertexts": {"bob": {"phone": SEALED | changes}}}


@pytest.mark.parametrize(
    ("value", "pointer"),
    [
        ({"kind": "encrypted"}, "/body/algorithm"),
        (OLM | {"algorithm": "olm.v2"}, "/body/algorithm"),
        (OLM | {"algorithm": ["olm.v1"]}, "/body/algorithm"),
        (OLM | {"sender_key": None}, "/body/sender_key"),
        (OLM | {"sender_key": 5}, "/body/sender_key"),
        (OLM | {"ciphertexts": None}, "/body/ciphertexts"),
        (OLM | {"ciphertexts": []}, "/body/ciphertexts"),
        (OLM | {"ciphertexts": {"bob": []}}, "/body/ciphertexts/bob"),
        (OLM | {"ciphertexts": {"b b": {}}}, "/body/ciphertexts"),
        (OLM | {"ciphertexts": {"bob": {"": SEALED}}}, "/body/ciphertexts/bob"),
        (OLM | {"ciphertexts": {"bob": {"phone": "x"}}}, "/body/ciphertexts/bob/phone"),
        (for_bob(type=2), "/body/ciphertexts/bob/phone/type"),
        (for_bob(type=True), "/body/ciphertexts/bob/phone/type"),
        (for_bob(type="0"), "/body/ciphertexts/bob/phone/type"),
        (for_bob(type=None), "/body/ciphertexts/bob/phone/type"),
        (for_bob(body=None), "/body/ciphertexts/bob/phone/body"),
        (for_bob(body=""), "/body/ciphertexts/bob/phone/body"),
        (for_bob(body="QQ=="), "/body/ciphertexts/bob/phone/body"),
        (for_bob(body="-_-_"), "/body/ciphertexts/bob/phone/body"),
        (for_bob(body="hello world"), "/body/ciphertexts/bob/phone/body"),
        (MEGOLM | {"session_id": None}, "/body/session_id"),
        (MEGOLM | {"session_id": ""}, "/body/session_id"),
        (MEGOLM | {"session_id": "x" * 65}, "/body/session_id"),
        (MEGOLM | {"ciphertext": None}, "/body/ciphertext"),
        (MEGOLM | {"ciphertext": "no base64!"}, "/body/ciphertext"),
        (MEGOLM | {"asset_ids": "a1"}, "/body/asset_ids"),
        (MEGOLM | {"asset_ids": ["a"] * 11}, "/body/asset_ids"),
        (MEGOLM | {"asset_ids": ["a", ""]}, "/body/asset_ids/1"),
        (MEGOLM | {"asset_ids": [5]}, "/body/asset_ids/0"),
    ],
)
def test_a_wrong_body_is_pointed_at(value: Any, pointer: str) -> None:
    """`invalid_body`."""
    with pytest.raises(errors.InvalidBody) as refused:
        envelopes.body(None, value, LIMITS)
    assert [each.pointer for each in refused.value.errors] == [pointer]


PLAIN: list[Any] = [
    None,
    "hello",
    5,
    [],
    {},
    {"kind": "text", "text": "hello"},
    {"kind": ["encrypted"]},
]


@pytest.mark.parametrize("value", [*PLAIN, {"kind": "media", "asset_id": "a", "caption": "hello"}])
@pytest.mark.parametrize("relation", [None, "reply", "edit"])
def test_what_is_not_encrypted_is_rejected(value: Any, relation: Any) -> None:
    """As a message, as a reply, as an edit."""
    relates_to = None if relation is None else RelatesTo(relation=relation, message_id="c.1")
    with pytest.raises(errors.PlaintextRejected):
        envelopes.body(relates_to, value, LIMITS)


def test_a_reaction_is_rejected() -> None:
    """Its key would be there to be read."""
    reaction = RelatesTo(relation="reaction", message_id="c.1", key="+1")
    with pytest.raises(errors.PlaintextRejected):
        envelopes.body(reaction, None, LIMITS)


def test_a_delete_says_nothing() -> None:
    """So it may come, without a body."""
    delete = RelatesTo(relation="delete", message_id="c.1")
    assert envelopes.body(delete, None, LIMITS) is None
    with pytest.raises(errors.InvalidBody):
        envelopes.body(delete, OLM, LIMITS)


def test_a_body_names_the_key_of_its_device() -> None:
    """Neither another's, nor one that was never published."""
    body = read(OLM)
    envelopes.check_sender_key(body, ALICE.identity())
    for other in (BOB.identity(), None):
        with pytest.raises(errors.InvalidBody) as refused:
            envelopes.check_sender_key(body, other)
        assert [each.pointer for each in refused.value.errors] == ["/body/sender_key"]


def read(value: dict[str, Any]) -> EncryptedBody:
    """A right body."""
    body = envelopes.body(None, value, LIMITS)
    assert body is not None
    return body


devices = st.sets(st.tuples(st.sampled_from(["alice", "bob", "eve"]), st.sampled_from("pqr")))


@given(devices, devices)
def test_a_body_is_for_exactly_the_devices_that_there_are(
    wanted: set[tuple[str, str]], given_: set[tuple[str, str]]
) -> None:
    """Else what is missing and extra is told."""
    body = read(olm(ALICE, "hi", *(Chest(*device) for device in sorted(given_))))
    if wanted == given_:
        envelopes.check_devices(body, wanted)
        return
    with pytest.raises(errors.DeviceListStale) as refused:
        envelopes.check_devices(body, wanted)
    assert refused.value.extra == {
        "missing": sorted(wanted - given_),
        "extra": sorted(given_ - wanted),
    }


def test_one_ciphertext_for_all_is_for_any_devices() -> None:
    """With `megolm.v1` the server cannot know who has the session's key."""
    envelopes.check_devices(read(MEGOLM), [("bob", "phone")])


def entry(body: dict[str, Any]) -> Message:
    """An entry with this body."""
    return Message(
        message_id="c.1",
        conversation_id="c",
        seq=1,
        sender_id="alice",
        created_at="2026-11-22T10:00:00.123Z",
        body=read(body),
    )


@given(devices, st.tuples(st.sampled_from(["alice", "bob"]), st.sampled_from("pqr")))
def test_a_device_is_shown_its_own_ciphertext_alone(
    addressed: set[tuple[str, str]], device: tuple[str, str]
) -> None:
    """And an empty map if there is none for it."""
    body = olm(ALICE, "hi", *(Chest(*each) for each in sorted(addressed)))
    shown = envelopes.for_device(entry(body), *device)
    user_id, device_id = device
    own = body["ciphertexts"].get(user_id, {}).get(device_id)
    kept = msgspec.to_builtins(shown.body)
    assert kept == body | {"ciphertexts": {user_id: {device_id: own}} if own else {}}


def test_everything_else_is_shown_as_it_is() -> None:
    """The same object, not a copy."""
    one_for_all = entry(MEGOLM)
    assert envelopes.for_device(one_for_all, "bob", "phone") is one_for_all
    assert not envelopes.is_for_each_device(one_for_all)
    assert envelopes.is_for_each_device(entry(OLM))
