"""Payloads from device to device: what may be sent, and how much may wait (§6, ENC-7)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from reference_server.core import errors, parcels
from reference_server.core.parcels import EMPTY, Queue, shipment

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@given(values)
def test_a_payload_is_any_json_value(payload: Any) -> None:
    """Null and empty ones too, and nothing in it is changed."""
    (parcel,) = shipment({"bob": {"phone": payload}}).parcels
    assert (parcel.user_id, parcel.device_id, parcel.payload) == ("bob", "phone", payload)


@given(values, values)
def test_a_fingerprint_tells_payloads_apart(one: Any, other: Any) -> None:
    """Order of members is nothing, a null is something."""
    prints = [shipment({"bob": {"phone": each}}).fingerprint for each in (one, other)]
    texts = [json.dumps(each, sort_keys=True) for each in (one, other)]
    assert (prints[0] == prints[1]) is (texts[0] == texts[1])


def test_absent_and_null_are_different_payloads() -> None:
    """They are carried as they are."""
    assert (
        shipment({"bob": {"phone": {"a": None}}}).fingerprint
        != shipment({"bob": {"phone": {}}}).fingerprint
    )


FULL = "x" * (parcels.MAX_PAYLOAD_BYTES - 2)


def test_a_payload_may_have_32_kib() -> None:
    """Of JSON, so the quotes count."""
    (parcel,) = shipment({"bob": {"phone": FULL}}).parcels
    assert parcel.size == 32_768


@pytest.mark.parametrize(
    ("messages", "pointer"),
    [
        ({"bob": {"phone": FULL + "x"}}, "/messages/bob/phone"),
        ({"bob": {"phone": [1, {"a": 2**64}]}}, "/messages/bob/phone"),
        ({"bob": {"phone": -(2**63) - 1}}, "/messages/bob/phone"),
        ({"b b": {"phone": 1}}, "/messages"),
        ({"bob": {"..": 1}}, "/messages/bob"),
        ({f"u{n}": {"a": 1, "b": 2} for n in range(51)}, "/messages"),
    ],
    ids=["too large", "too big a number", "too small a number", "no user", "no device", "too many"],
)
def test_what_cannot_be_carried_is_pointed_at(messages: Any, pointer: str) -> None:
    """`invalid_request`."""
    with pytest.raises(errors.InvalidRequest) as refused:
        shipment(messages)
    assert [each.pointer for each in refused.value.errors] == [pointer]


def test_a_hundred_devices_are_not_too_many() -> None:
    """The limit itself."""
    assert len(shipment({f"u{n}": {"a": 1, "b": 2} for n in range(50)}).parcels) == 100


def test_a_queue_is_bounded_in_number_and_size() -> None:
    """What is acknowledged counts no more."""
    assert EMPTY.has_room(1)
    full = Queue(head=10_005, acknowledged=5, size=100)
    assert not full.has_room(1)
    assert replace(full, acknowledged=6).has_room(1)
    heavy = Queue(head=1, size=parcels.MAX_QUEUED_BYTES - 10)
    assert heavy.has_room(10)
    assert not heavy.has_room(11)
