"""Who is online, and who is told so (§6, EPH-2).

A user is online while any device is connected. Those who share a direct conversation with the user are
told of each change, and each connection is told of all of them once its backlog is through.

Changes go through the writer, in the order in which the hub saw them; the same job notes when the device
was last seen. What is *told* as online is changed where the change is published, so whoever goes live
between two jobs has either the first picture and the later change, or both in one picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..core.errors import ApiError
from ..core.model import Identity
from ..core.times import rfc3339
from ..events import Post, PresenceEvent
from ..events import Presence as State
from ..storage.base import Commands
from .kernel import Kernel, Outcome


class Presence:
    """Use cases about who is online."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._online: dict[str, int] = {}
        """When a device of those who are told to be online was last seen, in milliseconds."""

    def seen_soon(self, me: Identity, now_is: State | None) -> None:
        """A device connected or disconnected, which changed the user's state to `now_is` or did not.

        The device's `last_seen_at` is noted, and a change told.
        """
        now = self._kernel.now()

        def deed(commands: Commands) -> Outcome[None]:
            commands.touch_device(me.user_id, me.device_id, now)
            if now_is is None:
                return Outcome(None)
            event = PresenceEvent(me.user_id, now_is, rfc3339(now))
            return Outcome(None, (Post(event, commands.direct_partners(me.user_id)),))

        def done(_: ApiError | None) -> None:
            if now_is == "offline":
                self._online.pop(me.user_id, None)
            elif now_is == "online" or me.user_id in self._online:
                self._online[me.user_id] = now

        self._kernel.do_soon(deed, done)

    async def partners(self, me: Identity) -> list[str]:
        """Of whom one is told: those with whom one shares a direct conversation."""
        return await self._kernel.ask(lambda queries: queries.direct_partners(me.user_id))

    def online(self, user_ids: Iterable[str]) -> Iterator[PresenceEvent]:
        """What there is to tell about those of `user_ids` who are online, each as of when it is asked for."""
        for user_id in user_ids:
            seen = self._online.get(user_id)
            if seen is not None:
                yield PresenceEvent(user_id, "online", rfc3339(seen))
