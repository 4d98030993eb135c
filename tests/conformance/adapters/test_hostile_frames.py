"""Whatever a server writes as a frame is taken in: understood, put off as malformed, never an error of ours."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.adapters.messenger import encounters, frames, manners
from conformance.adapters.messenger.meaning import Meaning
from conformance.adapters.messenger.notebook import Notebook
from conformance.checkers import CHECKERS
from conformance.history import Event, History

from ..strategies import json_values
from .spoiling import CONVERSATION, ENTRY, GONE, places, spoilt

Json = Any

ERROR = {"code": "rate_limited", "retryable": True, "retry_after_ms": 10, "detail": "slower"}
FRAMES: dict[str, Json] = {
    "welcome": {"user_id": "bob", "device_id": "phone"},
    "replay_complete": {"count": 1},
    "message": {"message": ENTRY},
    "conversation": {"conversation": CONVERSATION},
    "sent": {
        "id": "send.1", "message_id": "m", "conversation_id": "c", "seq": 1, "duplicate": False,
        "created_at": "2026-11-22T10:00:00Z",
    },
    "failed": {"id": "send.1", "error": ERROR},
    "error": {"id": "send.1", "error": ERROR},
    "accepted": {"id": "to.1", "unknown": [["carol", "tablet"]]},
    "status": {"conversation_id": "c", "user_id": "bob", "status": "read", "up_to_seq": 1},
    "typing": {"conversation_id": "c", "user_id": "bob", "active": True},
    "to_device": {"position": 1, "sender_id": "bob", "sender_device_id": "phone", "payload": {}},
    "devices": {"user_id": "bob"},
    "keys_low": {"one_time_keys": 3},
    "presence": {"user_id": "bob", "state": "online"},
    "pong": {"id": "p"},
}  # fmt: skip
"""A right frame of each type, without its `type`."""


def taken_in(frame: Json) -> list[Event]:
    """All that is made of a frame on a connection with a message in flight; the history then."""
    notebook = Notebook(History())
    notebook.hidden_users.add("sentinel")
    meaning = Meaning(1, ("alice", "phone"), notebook, hidden=False)
    meaning.opened("alice.phone", notebook.wire("alice.phone", "in", "open", "connected"), 0)
    send = {
        "type": "send", "id": "send.1", "conversation_id": "c", "client_message_id": "k",
        "body": {"kind": "text", "text": "hello"},
    }  # fmt: skip
    position = notebook.wire("alice.phone", "out", "frame", frames.label(send), send, conn=1)
    meaning.sending(send, position, hidden=False)
    hidden = notebook.conceals(frame)
    seen = meaning.as_seen(frame)
    position = notebook.wire("alice.phone", "in", "frame", frames.label(seen), frame, conn=1)
    meaning.understand(seen, position, hidden=hidden)
    frames.content(seen)
    list(manners.check(notebook.history))
    encounters.met(notebook.history, 0)
    for check in CHECKERS.values():
        list(check(notebook.history))
    return list(notebook.history)


@pytest.mark.parametrize("kind", FRAMES)
@given(data=st.data())
@settings(max_examples=15)
def test_a_wrong_frame_is_the_servers_mistake_and_never_ours(
    kind: str, data: st.DataObject
) -> None:
    """`KeyError` and its kin would end the connection's pump, and with it the scenario."""
    right = FRAMES[kind]
    path = data.draw(st.sampled_from([path for path in places(right) if path]))
    by = data.draw(st.just(GONE) | json_values())
    history = taken_in({"type": kind, **spoilt(right, path, by)})
    assert [event.n for event in history] == list(range(len(history)))
