"""Whatever a server answers, a verb ends with an answer or with one of the adapter's own troubles.

Each verb is given its right answer with one part of it left out or replaced. What the suite then needs of
the answer it must have looked at: an error of this program would be no verdict on the server.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.adapters.base import Malformed, Refusal, SendCall, Unanswered
from conformance.adapters.messenger.client import MessengerClient
from conformance.history import History

from ..strategies import json_values
from .made_up import Asked, reply, session_with
from .spoiling import CONVERSATION, ENTRY, GONE, places, spoilt

Json = Any
Verb = Callable[[MessengerClient], Awaitable[Json]]

PAGE = {
    "items": [ENTRY], "before": None, "after": "later", "has_older": False, "has_newer": False,
}  # fmt: skip
KEY = {"key_id": "1", "key": "K", "signature": "S", "fallback": False}
DEVICE = {"device_id": "phone", "curve25519": "C", "ed25519": "E", "signature": "S"}

VERBS: dict[str, tuple[Verb, Json]] = {
    "register": (lambda a: a.register("alice", "secret", "Alice"), {"user_id": "alice"}),
    "login": (
        lambda a: a.login("alice", "secret"),
        {"token": "t", "user_id": "alice", "device_id": "phone"},
    ),
    "devices": (lambda a: a.devices(), {"devices": [DEVICE]}),
    "create_direct": (lambda a: a.create_direct(["bob"]), CONVERSATION),
    "conversation": (lambda a: a.conversation("c"), CONVERSATION),
    "conversations": (lambda a: a.conversations(), {"items": [CONVERSATION], "next_cursor": None}),
    "walk_conversations": (lambda a: a.walk_conversations(), {"items": [CONVERSATION]}),
    "set_member": (lambda a: a.set_member("c", "bob", "admin"), CONVERSATION),
    "send_message": (
        lambda a: a.send_message(SendCall(conversation_id="c", client_message_id="k", body={})),
        {"message": ENTRY, "duplicate": False},
    ),
    "page": (lambda a: a.page("c", limit=50), PAGE),
    "walk after": (lambda a: a.walk("c", "after"), PAGE),
    "walk before": (lambda a: a.walk("c", "before"), PAGE),
    "message": (lambda a: a.message("m"), ENTRY),
    "status_of": (
        lambda a: a.status_of("m"),
        {
            "message_id": "m",
            "status": "read",
            "recipients": [{"user_id": "bob", "status": "read", "read_at": "2026"}],
        },
    ),
    "add_one_time_keys": (lambda a: a.add_one_time_keys({"1": KEY}), {"count": 1}),
    "devices_of": (lambda a: a.devices_of("bob"), {"devices": [DEVICE]}),
    "claim_keys": (
        lambda a: a.claim_keys({"bob": ["phone"]}),
        {"keys": {"bob": {"phone": KEY}}, "missing": {"carol": ["tablet"]}},
    ),
}  # fmt: skip
"""Each verb that reads its answer, with a right one."""

TROUBLES = (Malformed, Refusal, Unanswered)


def troubles_with(name: str, answer: Json) -> list[Exception]:
    """Play a verb against a server that answers this, and use what it promises: its troubles, if any."""
    verb, _ = VERBS[name]
    troubles: list[Exception] = []

    def server(_request: Asked) -> Any:
        return reply(200, answer)

    async def play() -> None:
        async with trio.open_nursery() as nursery:
            alice = session_with(server, History(), nursery).client("alice.main")
            alice.user_id, alice.device_id, alice.token = "alice", "phone", "secret"
            try:
                PROMISED.get(name, lambda _: None)(await verb(alice))
            except TROUBLES as trouble:
                troubles.append(trouble)

    trio.run(play)
    return troubles


PROMISED: dict[str, Callable[[Json], object]] = {
    "create_direct": lambda answer: answer["conversation_id"],
    "add_one_time_keys": lambda answer: answer["count"],
    "devices_of": lambda answer: [each["device_id"] for each in answer["devices"]],
    "claim_keys": lambda answer: [
        key["fallback"] for keys in answer["keys"].values() for key in keys.values()
    ] + [each for devices in answer["missing"].values() for each in devices],
}  # fmt: skip
"""What the suite itself takes from an answer."""


@pytest.mark.parametrize("name", VERBS)
def test_a_right_answer_is_understood(name: str) -> None:
    """The examples are right."""
    assert troubles_with(name, VERBS[name][1]) == []


@pytest.mark.parametrize("name", VERBS)
@given(data=st.data())
@settings(max_examples=15)
def test_a_wrong_answer_is_the_servers_mistake_and_never_ours(
    name: str, data: st.DataObject
) -> None:
    """`KeyError` and its kin would be called an error in msgcheck itself."""
    right = VERBS[name][1]
    path = data.draw(st.sampled_from(list(places(right))))
    by = data.draw(st.just(GONE) | json_values())
    troubles_with(name, spoilt(right, path, by))  # raises whatever is none of them
