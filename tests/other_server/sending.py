"""What becomes of a message that somebody wants to send."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from .people import Device, House, stamp
from .rooms import CHANGES, Entry, Room, Stay
from .wire import IDENTIFIER, Refused, anything, boolean, members, one_of, parts, same, text, whole

if TYPE_CHECKING:
    from .line import Line

Json = Any

REACTION = parts(
    "remove", relation=one_of("reaction"), message_id=IDENTIFIER, key=text(1, 64), remove=boolean
)


class PostOffice:
    """Takes messages, once each."""

    def __init__(
        self, house: House, rooms: dict[str, Room], may_send: Callable[[str, Json], bool]
    ) -> None:
        self._house = house
        self._rooms = rooms
        self._may_send = may_send
        self._taken: dict[tuple[str, str, str], Entry] = {}
        self._timers: set[asyncio.TimerHandle] = set()
        self.entries: dict[str, Entry] = {}

    def take(
        self, device: Device, room_id: str, asked: Json, origin: Line | None
    ) -> tuple[Entry, bool]:
        """The entry, and whether it was there before. Raises `Refused`."""
        user_id = device.user.user_id
        members(asked, client_message_id=IDENTIFIER)
        key = (user_id, room_id, asked["client_message_id"])
        wanted = [asked.get(name) for name in ("body", "relates_to", "expires_in_s")]
        if key in self._taken:
            if not same(wanted, self._taken[key].asked):
                raise Refused("idempotency_conflict")
            return self._taken[key], True
        if room_id not in self._rooms:
            raise Refused("unknown_conversation")
        room = self._rooms[room_id]
        stay = room.membership(user_id)
        body, relates_to, expires_in_s = wanted
        relation = self._relation(relates_to)
        lifetime = self._lifetime(expires_in_s, relation)
        body = self._body(user_id, body, relation)
        self._unblocked(room, user_id)
        target = self._target(stay, room, relation)
        entry = room.append(
            body=body,
            sender_id=user_id,
            device_id=device.device_id,
            client_message_id=asked["client_message_id"],
            relates_to=relation,
            expires_at=lifetime and self._house.now() + lifetime,
            asked=wanted,
            origin=origin,
            assets={body["asset_id"]} if body and body["kind"] == "media" else set(),
        )
        self._taken[key] = entry
        self.entries[entry.message_id] = entry
        if target is not None and relation is not None:
            _change(entry, target, relation)
        if lifetime is not None:
            self._wait_for_expiry(entry, lifetime)
        return entry, False

    # ── checks ────────────────────────────────────────────────────────────────────────────────────

    def _relation(self, relates_to: Json) -> dict[str, Json] | None:
        if relates_to is None:
            return None
        if not self._house.has("relations"):
            raise Refused("invalid_request", "There are no relations here.")
        if isinstance(relates_to, dict) and relates_to.get("relation") == "reaction":
            shape = REACTION
        else:
            shape = parts(relation=one_of("reply", "edit", "delete"), message_id=IDENTIFIER)
        members({"relates_to": relates_to}, relates_to=shape)
        known = ("relation", "message_id", *(("key", "remove") if shape is REACTION else ()))
        return {name: relates_to[name] for name in known if relates_to.get(name) is not None}

    def _lifetime(self, seconds: Json, relation: Json) -> timedelta | None:
        if seconds is None:
            return None
        if not self._house.has("expiry") or (relation and relation["relation"] in CHANGES):
            raise Refused("invalid_request", "This cannot expire.")
        members({"expires_in_s": seconds}, expires_in_s=whole(1, 2_592_000))
        return timedelta(seconds=seconds)

    def _body(self, user_id: str, body: Json, relation: Json) -> dict[str, Json] | None:
        if relation and relation["relation"] in ("delete", "reaction"):
            if body is not None:
                raise Refused("invalid_body", "This has no body.")
            return None
        try:
            kind = members(body, kind=text(1, 64))["kind"]
            if kind == "text":
                return members(
                    body, kind=anything, text=text(0, self._house.limits["max_text_length"])
                )
            if kind == "media" and self._house.has("media"):
                media = members(
                    body, "caption", kind=anything, asset_id=IDENTIFIER, caption=text(0, 1024)
                )
                if not self._may_send(user_id, media["asset_id"]):
                    raise Refused("unknown_asset")
                return {name: each for name, each in media.items() if each is not None}
        except Refused as refused:
            if refused.code != "invalid_request":
                raise
            wrong = {f"/body{at}": sentence for at, sentence in refused.wrong.items()}
            raise Refused("invalid_body", refused.detail, wrong=wrong) from None
        raise Refused("invalid_body", "There are no such bodies here.")

    def _unblocked(self, room: Room, user_id: str) -> None:
        if room.kind == "direct":
            one, other = (stay.user for stay in room.stays)
            if other.user_id in one.blocked or one.user_id in other.blocked:
                raise Refused("blocked")

    def _target(self, stay: Stay, room: Room, relation: Json) -> Entry | None:
        if relation is None:
            return None
        user_id = stay.user.user_id
        target = room.find(user_id, relation["message_id"])
        if (
            target is None
            or target.deleted
            or target.is_system
            or target.is_change
            or target.is_expired_for(user_id)
        ):
            raise Refused("unknown_target")
        foreign = target.sender_id != user_id
        if relation["relation"] == "edit" and foreign:
            raise Refused("not_permitted")
        if relation["relation"] == "delete" and foreign and stay.role == "member":
            raise Refused("not_permitted")
        return target

    # ── expiry ────────────────────────────────────────────────────────────────────────────────────

    def _wait_for_expiry(self, entry: Entry, lifetime: timedelta) -> None:
        def expire() -> None:
            self._timers.discard(timer)
            self._expire(entry)

        timer = asyncio.get_running_loop().call_later(lifetime.total_seconds(), expire)
        self._timers.add(timer)

    def _expire(self, entry: Entry) -> None:
        sender = self._house.users[entry.sender_id or ""]
        at = stamp(self._house.now())
        for stay in entry.room.stays:
            there = stay.since <= entry.seq and (stay.until is None or stay.until > entry.seq)
            if not there or stay.user is sender or stay.delivered >= entry.seq:
                continue
            late = stay.user.user_id
            told = [entry, *entry.edits]
            seqs = {each.seq for each in told}
            for each in (*told, *(each for each in stay.kept if each.seq in seqs)):
                each.expired_for.add(late)
            for line in sender.lines:
                line.tell(
                    "status",
                    conversation_id=entry.room.room_id,
                    user_id=late,
                    message_id=entry.message_id,
                    status="failed",
                    reason="expired",
                    at=at,
                )


def _change(entry: Entry, target: Entry, relation: dict[str, Json]) -> None:
    """What an edit, a delete or a reaction does to its target."""
    if relation["relation"] == "edit":
        target.body = entry.body
        target.edited_at = entry.created_at
        target.assets |= entry.assets
        target.edits.append(entry)
        entry.expired_for |= target.expired_for
    elif relation["relation"] == "delete":
        for each in (target, *target.edits):
            each.body = {"kind": "deleted"}
            each.deleted = True
    elif relation["relation"] == "reaction":
        users = target.reactions.setdefault(relation["key"], set())
        change = users.discard if relation.get("remove") else users.add
        change(entry.sender_id or "")
