"""How a device comes to its conversation: it registers, logs in, and the last of the members creates it.

Everything here is HTTP and waiting for others; it runs on the crew's `Host` and the calls that it is given.
"""

from __future__ import annotations

from typing import Any, Final, Protocol

from .accounting import Talk
from .answers import Created, Session, understood
from .crew import Crew, Meeting, Seat
from .host import GiveUp, patiently
from .plan import account

POLL: Final = 0.02
"""Seconds between two looks at whether the others are there."""


class Calls(Protocol):
    """HTTP while everybody registers: few calls at once, with patience."""

    def must(self, method: str, path: str, *, token: str = "", content: Any = None) -> Any:
        """The JSON of a good answer. Raises `GiveUp`."""


def _must(crew: Crew, http: Calls, method: str, path: str, **options: Any) -> Any:
    """A call, also to a server that wants them slower."""
    return patiently(lambda: http.must(method, path, **options), crew.host.sleep)


def log_in(crew: Crew, http: Calls, seat: Seat) -> tuple[str, str]:
    """The user's id and a token of this device."""
    plan = crew.plan
    who = account(plan, seat.user)
    credentials = {"user_id": who.user_id, "password": who.password}
    registered = seat.meeting.registered
    if seat.device == 0:
        if not plan.accounts:
            _must(crew, http, "POST", "/v1.0/users", content=credentials)
        registered.add(seat.user)
    while seat.user not in registered:
        if crew.trouble or crew.closing:
            raise GiveUp("refused", "a user could not be registered")
        crew.host.sleep(POLL)
    session = _must(
        crew,
        http,
        "POST",
        "/v1.0/sessions",
        content={**credentials, "device": {"device_id": seat.device_id, "name": "msgcheck"}},
    )
    return who.user_id, understood(session, Session, "POST /v1.0/sessions").token


def create(crew: Crew, http: Calls, meeting: Meeting, creator: int) -> Talk:
    """Create the conversation, now that all its members exist."""
    plan = crew.plan
    members = meeting.planned.members
    others = [account(plan, member).user_id for member in members if member != creator]
    body: dict[str, Any] = {"kind": meeting.planned.kind, "members": others}
    if plan.population.encrypted:
        body["encrypted"] = True
    if meeting.planned.kind == "group":
        body["title"] = f"load {plan.run} {meeting.index}"
    made = _must(crew, http, "POST", "/v1.0/conversations", token=meeting.token, content=body)
    created = understood(made, Created, "POST /v1.0/conversations")
    head = created.head_seq + _prefill(crew, http, created.conversation_id, meeting)
    return Talk(created.conversation_id, head, len(members), plan.population.devices)


def _prefill(crew: Crew, http: Calls, conversation_id: str, meeting: Meeting) -> int:
    """Give the conversation a past; how many entries."""
    entries = crew.plan.population.prefill
    path = f"/v1.0/conversations/{conversation_id}/messages"
    for number in range(entries):
        body = {"kind": "text", "text": crew.text(number)}
        sent = {"client_message_id": f"{crew.plan.run}-past-{number}", "body": body}
        _must(crew, http, "POST", path, token=meeting.token, content=sent)
    return entries
