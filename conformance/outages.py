"""The two ways in which a scenario takes the server away and gives it back.

Killing it shows what it had made durable (DLV-8); stopping it in order shows how it says goodbye (RT-8).
A target that somebody else runs is taken away by a command of theirs, one for each way, because only they
know how. A scenario names the way under `needs`, so that it is not applicable where the means are missing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Literal

from msgspec import Struct

from .values import Path

Manner = Literal["restart", "stop"]
"""``restart``: killed abruptly; ``stop``: asked to stop, in order. Either way it is started again."""

Outage = Callable[[], Awaitable[None]]
"""Takes the target away, starts it again on the same data, and returns when it answers."""

Outages = Mapping[Manner, Outage]
"""What can be done to a target; a manner that cannot is left out."""

Halt = Callable[[], Awaitable[None]]
"""Waits until the other scenarios that lose the server, too, are as far as this one."""

Halts = Mapping[Path, Halt]
"""The steps before which a scenario halts."""


class Words(Struct, frozen=True):
    """How one manner is spoken of."""

    verb: str
    told: str
    """What timelines say of it."""
    blamed: str
    """The requirement that is broken when something accepted is gone afterwards."""
    done: str
    """What was done to the server, within a sentence."""
    missing: str
    """Why a scenario that needs it is not applicable."""


MANNERS: Final[Mapping[Manner, Words]] = {
    "restart": Words(
        verb="restart_server",
        told="killed, and started again",
        blamed="DLV-8",
        done="killed",
        missing="the target cannot be restarted: there is no --restart-command",
    ),
    "stop": Words(
        verb="stop_server",
        told="stopped in order, and started again",
        blamed="RT-8",
        done="stopped",
        missing="the target cannot be stopped in order: there is no --stop-command",
    ),
}
