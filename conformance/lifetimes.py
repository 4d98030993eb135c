"""`in_time`: whether what a message that expires is to show can still be shown.

A message with a lifetime of seconds must be acknowledged within them, and no scenario may depend on how
fast the host or the target is. So a scenario that needs a message alive says so once the target has told
it of the acknowledgement. The lifetime begins at the target after the message has left here: if less
than all of it has passed here by then, the acknowledgement was in time there, too, whoever's clock is
right. If not, nobody is to blame, and the scenario is inconclusive.
"""

from __future__ import annotations

from typing import Any

from .findings import ScenarioFault, TooLate
from .history import History, Sending
from .values import describe

Json = Any


def check_in_time(message: Json, history: History) -> None:
    """Raise `TooLate` if the lifetime of `message`, as a `send` answered it, may be over."""
    sent = message.get("client_message_id") if isinstance(message, dict) else None
    sending = next(
        (
            event
            for event in history
            if isinstance(event, Sending)
            and event.client_message_id == sent
            and isinstance(event.expires_in_s, int)
        ),
        None,
    )
    if sending is None:
        raise ScenarioFault(
            "`in_time` takes what a `send` with `expires_in_s` saved, and this is "
            f"{describe(message)}"
        )
    passed = history.elapsed - sending.t
    if passed >= sending.expires_in_s:
        raise TooLate(
            f"{passed:.1f} s have passed since a message that lives for {sending.expires_in_s} s was "
            "sent: too slow, here or there, to show what happens to it in time"
        )
