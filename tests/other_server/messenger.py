"""The whole of the server's state: the house, its conversations, who is told of whom."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .line import Line
from .media import Shelf
from .nature import Nature
from .people import Device, House, User, stamp
from .rooms import Entry, Room
from .sending import PostOffice
from .wire import IDENTIFIER, NAME, USER_ID, Refused, boolean, list_of, members, one_of, same

Json = Any

ROLE = one_of("owner", "admin", "member")
RANKS = ("owner", "admin", "member")


class Messenger:
    """What HTTP and the connections talk to."""

    def __init__(self, seed: int, nature: Nature) -> None:
        self.house = House(seed, nature)
        self.rooms: dict[str, Room] = {}
        self.shelf = Shelf(self.house, self.rooms)
        self.post = PostOffice(self.house, self.rooms, self.shelf.may_read)
        self._online: set[User] = set()
        self._pairs: dict[frozenset[str], Room] = {}
        self._created: dict[tuple[str, str], tuple[Json, Room]] = {}

    def room(self, room_id: str) -> Room:
        """The conversation with this id. Raises `Refused`."""
        if room_id not in self.rooms:
            raise Refused("unknown_conversation")
        return self.rooms[room_id]

    def rooms_of(self, user: User) -> list[Room]:
        """All conversations that the user is or was in, latest activity first."""
        rooms = [
            room for room in self.rooms.values() if any(stay.user is user for stay in room.stays)
        ]
        return sorted(rooms, key=lambda room: -room.last_activity(user.user_id))

    def entry(self, user_id: str, message_id: str) -> Entry:
        """A message, if the user sees it. Raises `Refused`."""
        for room in self.rooms.values():
            if any(stay.user.user_id == user_id for stay in room.stays):
                found = room.find(user_id, message_id)
                if found is not None:
                    return found
        raise Refused("unknown_message")

    def log_in(self, asked: Json) -> Device:
        """A session; a new device begins at the heads."""
        user, named = self.house.credentials(asked)
        known = set(user.devices)
        device = self.house.open_session(user, named)
        if device.device_id not in known:
            heads = {room.room_id: room.head(user.user_id) for room in self.rooms_of(user)}
            device.marks.update(heads)
        return device

    # ── creating ──────────────────────────────────────────────────────────────────────────────────

    def create(self, user: User, asked: Json, key: str | None) -> tuple[Room, bool]:
        """A conversation, and whether it is new. Raises `Refused`."""
        kinds = ("direct", "group") if self.house.has("groups") else ("direct",)
        given = members(
            asked,
            "title",
            "encrypted",
            kind=one_of(*kinds),
            members=list_of(USER_ID),
            title=NAME if isinstance(asked, dict) and asked.get("kind") == "group" else _ignored,
            encrypted=boolean,
        )
        if key is not None and list(IDENTIFIER(key)):
            raise Refused("invalid_request", "An Idempotency-Key is an id.")
        if given["kind"] == "direct":
            return self._direct(user, given)
        before = self._created.get((user.user_id, key)) if key is not None else None
        if before is not None:
            if not same(before[0], asked):
                raise Refused("idempotency_conflict")
            return before[1], False
        room = self._group(user, given)
        if key is not None:
            self._created[user.user_id, key] = (asked, room)
        return room, True

    def _direct(self, user: User, given: dict[str, Json]) -> tuple[Room, bool]:
        if len(given["members"]) != 1 or given["members"] == [user.user_id]:
            raise Refused(
                "invalid_request", "One other.", wrong={"/members": "is to name one other"}
            )
        other = self.house.user(given["members"][0])
        pair = frozenset((user.user_id, other.user_id))
        if pair in self._pairs:
            if given["encrypted"]:
                raise Refused("encryption_mismatch")
            return self._pairs[pair], False
        room = self._pairs[pair] = self._new_room(given)
        for each in (user, other):
            room.enter(each, "member", 1)
        return room, True

    def _group(self, user: User, given: dict[str, Json]) -> Room:
        others = [self.house.user(each) for each in dict.fromkeys(given["members"])]
        everyone = [user, *(each for each in others if each is not user)]
        if len(everyone) > self.house.limits["max_group_members"]:
            raise Refused("too_many_members")
        room = self._new_room(given)
        for each in everyone:
            room.enter(each, "owner" if each is user else "member", 1)
        user_ids = self.house.shuffled(each.user_id for each in everyone)
        room.note("created", user.user_id, user_ids=user_ids)
        return room

    def _new_room(self, given: dict[str, Json]) -> Room:
        if given["encrypted"]:
            wrong = {"/encrypted": "is not offered"}
            raise Refused("invalid_request", "There is no encryption here.", wrong=wrong)
        title = given["title"] if given["kind"] == "group" else None
        room = Room(
            self.house, self.house.new_id("conversation"), given["kind"], title, self.house.now()
        )
        room.activity = self.house.count()
        self.rooms[room.room_id] = room
        return room

    # ── changing groups ───────────────────────────────────────────────────────────────────────────

    def rename(self, user: User, room_id: str, asked: Json) -> Room:
        """Another title. Raises `Refused`."""
        room = self.room(room_id)
        role = room.membership(user.user_id).role
        if room.kind == "direct" or role == "member":
            raise Refused("not_permitted")
        title = members(asked, title=NAME)["title"]
        if title != room.title:
            room.title = title
            room.note("title", user.user_id, user_id=user.user_id, title=title)
        return room

    def put_member(self, user: User, room_id: str, other_id: str, asked: Json) -> Room:
        """Add somebody, or change a role. Raises `Refused`."""
        room = self.room(room_id)
        own = room.membership(user.user_id).role
        if room.kind == "direct":
            raise Refused("not_permitted")
        role = members(asked, "role", role=ROLE)["role"]
        other = self.house.user(other_id)
        if room.is_present(other_id):
            stay = room.membership(other_id)
            if role in (None, stay.role):
                return room
            if own != "owner" or (stay.role == "owner" and self._owners(room) == 1):
                raise Refused("not_permitted")
            stay.role = role
            room.note("role", user.user_id, user_id=other_id, role=role)
            return room
        if own == "member" or (own != "owner" and role in ("owner", "admin")):
            raise Refused("not_permitted")
        if len(room.present) >= self.house.limits["max_group_members"]:
            raise Refused("too_many_members")
        room.enter(other, role or "member", len(room.log) + 1)
        room.note("joined", user.user_id, user_id=other_id, role=role or "member")
        return room

    def remove_member(self, user: User, room_id: str, other_id: str) -> None:
        """Remove somebody, or leave. Raises `Refused`."""
        room = self.room(room_id)
        own = room.membership(user.user_id)
        if room.kind == "direct":
            raise Refused("not_permitted")
        if not room.is_present(other_id):
            raise Refused("unknown_user")
        stay = room.membership(other_id)
        if stay is not own and RANKS.index(own.role) >= max(1, RANKS.index(stay.role)):
            raise Refused("not_permitted")
        room.note("left" if stay is own else "removed", user.user_id, user_id=other_id)
        room.leave(stay)
        if stay.role == "owner" and room.present and self._owners(room) == 0:
            heir = min(room.present, key=lambda each: RANKS.index(each.role))
            heir.role = "owner"
            room.note("role", None, user_id=heir.user.user_id, role="owner")

    def _owners(self, room: Room) -> int:
        return sum(stay.role == "owner" for stay in room.present)

    # ── presence ──────────────────────────────────────────────────────────────────────────────────

    def _partners(self, user: User) -> list[User]:
        return [
            self.house.users[other]
            for pair in self._pairs
            if user.user_id in pair
            for other in pair - {user.user_id}
        ]

    def online_partners(self, user: User) -> list[User]:
        """Those who share a direct conversation with the user and are connected."""
        return [each for each in self._partners(user) if each.lines]

    def presence_changed(self, user: User) -> None:
        """A connection of the user came or went: tell its partners if that matters."""
        if bool(user.lines) == (user in self._online):
            return
        (self._online.add if user.lines else self._online.discard)(user)
        lines = [line for each in self._partners(user) for line in each.lines]
        self.tell_presence(user, lines)

    def tell_presence(self, user: User, lines: Iterable[Line]) -> None:
        """Tell these connections whether the user is online."""
        if not self.house.has("presence"):
            return
        seen = max((each.last_seen_at for each in user.devices.values()), default=None)
        for line in lines:
            line.tell(
                "presence",
                user_id=user.user_id,
                state="online" if user.lines else "offline",
                last_seen_at=seen and stamp(seen),
            )


def _ignored(value: Json) -> Any:
    yield from ()
