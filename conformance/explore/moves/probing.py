"""Probing: requests that a careful server refuses, whatever else is going on, and some that it must not."""

from __future__ import annotations

from random import Random
from typing import Final

from ..plan import Move
from ..world import World
from .base import Json, Kind, Step, pick, usable


def _asked(method: str, path: str, status: Json, code: str | None = None, **more: Json) -> Step:
    response: dict[str, Json] = {"status": status}
    if code is not None:
        response["body"] = {"code": code}
    return {"request": {"method": method, "path": path, **more}, "response": response}


_SEND: Final = "/v1.0/conversations/${chat.conversation_id}/messages"
_DEEP: Final = "[" * 40 + "]" * 40

PROBES: Final[dict[str, tuple[str, Step]]] = {
    "no_such_path": ("ERR-1", _asked("GET", "/v1.0/nothing/here", 404, "not_found")),
    "no_such_method": ("ERR-1", _asked("DELETE", "/v1.0/conversations", 405, "method_not_allowed")),
    "no_such_user": ("ERR-1", {"profile": "nobody-of-this-name", "fails": "unknown_user"}),
    "no_such_partner": ("ERR-1", {"create": {"direct": "nobody-at-all"}, "fails": "unknown_user"}),
    "no_such_message": ("ERR-1", {"message": "no-such-message", "fails": "unknown_message"}),
    "no_such_chat": (
        "ERR-1",
        {"conversation": "no-such-conversation", "fails": "unknown_conversation"},
    ),
    "odd_id": ("SEC-4", _asked("GET", "/v1.0/messages/%00", {"$gte": 400, "$lt": 500})),
    "malformed": ("SEC-4", _asked("POST", "/v1.0/conversations", 400, "malformed", text='{"kind')),
    "not_a_number": (
        "SEC-4",
        _asked("POST", "/v1.0/conversations", 400, "malformed", text='{"kind": NaN}'),
    ),
    "deep": ("SEC-4", _asked("POST", _SEND, 400, "malformed", text=f'{{"body": {_DEEP}}}')),
    "wrong_type": (
        "SEC-4",
        _asked("POST", "/v1.0/conversations", 422, "invalid_request", body={"kind": 7}),
    ),
    "too_long": (
        "SEC-4",
        {
            "send": {"to": "$chat", "length": "$target.limits.max_text_length+1", "via": "http"},
            "fails": {"code": {"$any_of": ["invalid_body", "plaintext_rejected"]}},
        },
    ),
    "both_cursors": (
        "PAG-4",
        {"page": {"in": "$chat", "before": "x", "after": "y"}, "fails": "invalid_cursor"},
    ),
    "oneself": ("CONV-1", {"create": {"direct": "$me"}, "fails": "invalid_request"}),
}
"""By name: the requirement that it is about, and the step of whoever does it (``$me``)."""

STRANGERS: Final[dict[str, tuple[str, Step]]] = {
    "no_token": ("SEC-1", _asked("GET", "/v1.0/devices", 401, "unauthorized")),
    "no_token_profile": ("SEC-1", _asked("GET", "/v1.0/users/${alice.user_id}", 401)),
    "healthy": ("SEC-1", _asked("GET", "/healthz", 200)),
    "ready": ("SEC-1", _asked("GET", "/readyz", 200)),
    "no_upgrade": ("RT-1", _asked("GET", "/v1.0/chat", 401)),
}
"""The same for requests without a token."""


def _draw(world: World, random: Random, label: str) -> Move | None:
    device = pick(random, usable(world))
    if device is None:
        return None
    how = random.choice((*PROBES, *STRANGERS))
    return Move(kind="probe", label=label, by=device.name, how=how)


def _write(world: World, move: Move) -> list[Step] | None:
    """One probe. Those in a conversation are for its members."""
    if move.how in STRANGERS:
        requirement, step = STRANGERS[move.how]
        return [step | {"proves": requirement}]
    device = world.devices[move.by]
    requirement, step = PROBES[move.how]
    text = str(step)
    chat = world.chats.get("chat")
    speaks_of_chat = "$chat" in text or "${chat" in text
    if not device.logged_in or (
        speaks_of_chat and (chat is None or device.user not in chat.members or world.blocked(chat))
    ):
        return None
    if "$me" in text:
        step = step | {"create": {"direct": f"${device.user}"}}
    return [{"as": move.by} | step | {"proves": requirement}]


PROBING: Final[dict[str, Kind]] = {"probe": Kind(draw=_draw, write=_write, weight=3)}
