"""Faults in what is of the moment: typing and presence (EPH)."""

from __future__ import annotations

from typing import Any

import msgspec

from ..core.model import Identity
from ..events import Post, TypingEvent
from ..hub import Hub, Outgoing, Subscriber
from ..service.kernel import Outcome
from ..service.presence import Presence
from ..service.typing import Typing
from ..storage.sqlite_queries import SqliteQueries
from .seams import Genuine, Seams, fault


@fault("EPH-1")
def typing_is_kept_for_later(seams: Seams) -> None:
    """Who connects is told who was typing while they were away."""
    typed: dict[str, list[Outgoing]] = {}

    @seams.instead(Hub, "publish")
    def publish(genuine: Genuine, hub: Hub, post: Post) -> None:
        genuine(hub, post)
        if isinstance(post.event, TypingEvent):
            for user_id in post.to:
                typed.setdefault(user_id, []).append(Outgoing(post.event))

    @seams.instead(Subscriber, "go_live")
    def go_live(genuine: Genuine, subscriber: Subscriber) -> None:
        genuine(subscriber)
        for item in typed.get(subscriber.identity.user_id, ()):
            subscriber.tell(item)


@fault("EPH-2")
def groups_are_told_who_is_online(seams: Seams) -> None:
    """Everybody in a group sees when anybody else in it is online."""

    @seams.instead(SqliteQueries, "direct_partners")
    def partners(_genuine: Genuine, queries: SqliteQueries, user_id: str) -> list[str]:
        rows = queries._all(
            "SELECT DISTINCT other.user_id FROM stays own JOIN stays other USING (conversation_id)"
            " WHERE own.user_id = ? AND other.user_id <> own.user_id",
            user_id,
        )
        return [row[0] for row in rows]


@fault("EPH-2")
def any_device_takes_its_user_offline(seams: Seams) -> None:
    """Who closes the laptop is shown as offline, though the phone is connected."""

    @seams.instead(Hub, "detach")
    def detach(genuine: Genuine, hub: Hub, subscriber: Subscriber) -> bool:
        genuine(hub, subscriber)
        return True


@fault("EPH-1")
def typing_comes_back(seams: Seams) -> None:
    """Who is typing is told so by the server on all of their own devices."""

    @seams.instead(Typing, "_tell")
    def tell(genuine: Genuine, use: Typing, me: Identity, *rest: Any) -> Any:
        outcome = genuine(use, me, *rest)
        (post,) = outcome.posts
        return Outcome(None, (msgspec.structs.replace(post, to=[*post.to, me.user_id]),))


@fault("EPH-2")
def nobody_was_here_before(seams: Seams) -> None:
    """Who connects is not told who is online already."""

    @seams.instead(Presence, "online")
    def online(_genuine: Genuine, *_who: Any) -> tuple[()]:
        return ()


@fault("EPH-2")
def nobody_goes_offline(seams: Seams) -> None:
    """Who was online once is shown so for ever."""

    @seams.instead(Hub, "detach")
    def detach(genuine: Genuine, hub: Hub, subscriber: Subscriber) -> bool:
        genuine(hub, subscriber)
        return False
