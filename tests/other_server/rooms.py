"""Conversations: a log of entries, and the stays of those who see parts of it.

A stay is the time between joining and leaving. What somebody sees is the log from the beginning of the
latest stay; leaving freezes it in a copy, so nothing that happens later can show.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from .people import Device, House, User, stamp
from .wire import Refused

if TYPE_CHECKING:
    from .line import Line

Json = Any

CHANGES = ("edit", "delete", "reaction")
"""Relations whose entries change another one and are no messages themselves."""


@dataclass(eq=False)
class Entry:
    """One entry of a log, as it stands."""

    room: Room
    seq: int
    message_id: str
    created_at: datetime
    body: Json
    sender_id: str | None
    device_id: str | None = None
    client_message_id: str | None = None
    relates_to: Json = None
    expires_at: datetime | None = None
    edited_at: datetime | None = None
    reactions: dict[str, set[str]] = field(default_factory=dict)
    expired_for: set[str] = field(default_factory=set)
    edits: list[Entry] = field(default_factory=list)
    assets: set[str] = field(default_factory=set)
    deleted: bool = False
    asked: Json = None
    """Body, relation and lifetime as they were asked for: what a repeat is compared with."""
    origin: Line | None = None
    """The connection that has `sent` instead of the entry."""

    @property
    def is_system(self) -> bool:
        """Whether the server wrote it."""
        return bool(self.body and self.body["kind"] == "system")

    @property
    def is_change(self) -> bool:
        """Whether it is an edit, a delete or a reaction."""
        return bool(self.relates_to) and self.relates_to["relation"] in CHANGES

    def frozen(self) -> Entry:
        """A copy that stays as it is."""
        twin = copy(self)
        twin.reactions = {key: set(users) for key, users in self.reactions.items()}
        twin.expired_for = set(self.expired_for)
        twin.assets = set(self.assets)
        return twin

    def is_expired_for(self, user_id: str) -> bool:
        """Whether this user only sees that something expired."""
        return user_id in self.expired_for and not self.deleted

    def shown(self, house: House, user_id: str) -> dict[str, Json]:
        """As this user sees it."""
        body = {"kind": "expired"} if self.is_expired_for(user_id) else self.body
        return house.show(
            message_id=self.message_id,
            conversation_id=self.room.room_id,
            seq=self.seq,
            sender_id=self.sender_id,
            sender_device_id=self.device_id,
            client_message_id=self.client_message_id,
            created_at=stamp(self.created_at),
            body=body and {**body, "x-mood": "grey"},
            relates_to=self.relates_to and house.show(**self.relates_to),
            edited_at=self.edited_at and stamp(self.edited_at),
            expires_at=self.expires_at and stamp(self.expires_at),
            reactions={key: len(users) for key, users in self.reactions.items() if users},
        )


@dataclass(eq=False)
class Stay:
    """One user's time in a conversation."""

    user: User
    role: str
    since: int
    """The first seq that it sees."""
    delivered: int
    read: int
    rises: list[tuple[str, int, datetime]] = field(default_factory=list)
    until: int | None = None
    """The seq of the entry with which it ended."""
    kept: list[Entry] = field(default_factory=list)
    """What it saw, since it ended."""
    title: str | None = None
    count: int = 0
    activity: int = 0

    def reached(self, status: str, seq: int) -> datetime | None:
        """When the user's `delivered` or `read` covered `seq`."""
        kinds = ("read",) if status == "read" else ("delivered", "read")
        times = [at for kind, up_to, at in self.rises if kind in kinds and up_to >= seq]
        return min(times, default=None)


@dataclass(eq=False)
class Room:
    """One conversation."""

    house: House
    room_id: str
    kind: str
    title: str | None
    created_at: datetime
    log: list[Entry] = field(default_factory=list)
    stays: list[Stay] = field(default_factory=list)
    activity: int = 0

    # ── who ───────────────────────────────────────────────────────────────────────────────────────

    @property
    def present(self) -> list[Stay]:
        """The members, those who have been there longest first."""
        return [stay for stay in self.stays if stay.until is None]

    def stay(self, user_id: str) -> Stay:
        """The latest stay of somebody who is or was a member. Raises `Refused`."""
        for stay in reversed(self.stays):
            if stay.user.user_id == user_id:
                return stay
        raise Refused("unknown_conversation")

    def membership(self, user_id: str) -> Stay:
        """The stay of somebody who is a member. Raises `Refused`."""
        stay = self.stay(user_id)
        if stay.until is not None:
            raise Refused("not_a_member")
        return stay

    def is_present(self, user_id: str) -> bool:
        """Whether this user is a member."""
        return any(stay.user.user_id == user_id for stay in self.present)

    def enter(self, user: User, role: str, since: int) -> Stay:
        """A new member, who sees the log from `since`."""
        stay = Stay(user, role, since, since - 1, since - 1)
        self.stays.append(stay)
        for line in user.lines:
            line.announce(self, since - 1)
        return stay

    def leave(self, stay: Stay) -> None:
        """A member's time ends with the entry that was written last."""
        stay.kept = [entry.frozen() for entry in self.log[stay.since - 1 :]]
        stay.until = len(self.log)
        stay.title, stay.count, stay.activity = self.title, len(self.present), self.activity

    # ── what ──────────────────────────────────────────────────────────────────────────────────────

    def append(self, **known: Any) -> Entry:
        """Write an entry; all members' connections will find it."""
        entry = Entry(
            room=self,
            seq=len(self.log) + 1,
            message_id=self.house.new_id("message"),
            created_at=self.house.now(),
            **known,
        )
        self.log.append(entry)
        self.activity = self.house.count()
        for stay in self.present:
            for line in stay.user.lines:
                line.owe(entry)
        return entry

    def note(self, event: str, actor: str | None, **about: Json) -> Entry:
        """Write a system entry."""
        return self.append(body={"kind": "system", "event": event, **about}, sender_id=actor)

    def visible(self, user_id: str) -> list[Entry]:
        """What the user sees now, in ascending seq."""
        stay = self.stay(user_id)
        return self.log[stay.since - 1 :] if stay.until is None else stay.kept

    def behind(self, user_id: str, seq: int) -> Iterator[Entry]:
        """Entries above `seq` of all the user's stays: what a connection has still to write."""
        for stay in self.stays:
            if stay.user.user_id == user_id:
                # The log may grow while this is read.
                entries = self.log if stay.until is None else stay.kept
                first = 1 if stay.until is None else stay.since
                position = max(seq + 1, stay.since) - first
                while position < len(entries):
                    yield entries[position]
                    position += 1

    def find(self, user_id: str, message_id: str) -> Entry | None:
        """The entry, if the user sees it."""
        return next((each for each in self.visible(user_id) if each.message_id == message_id), None)

    def head(self, user_id: str) -> int:
        """The highest seq that the user sees."""
        until = self.stay(user_id).until
        return len(self.log) if until is None else until

    # ── how it is shown ───────────────────────────────────────────────────────────────────────────

    def last_activity(self, user_id: str) -> int:
        """Its place in the user's list."""
        stay = self.stay(user_id)
        return self.activity if stay.until is None else stay.activity

    def shown(self, user_id: str) -> dict[str, Json]:
        """The conversation as this user sees it."""
        stay = self.stay(user_id)
        gone = stay.until is not None
        entries = self.visible(user_id)
        unread = [
            each
            for each in entries
            if each.seq > stay.read and each.sender_id != user_id
            if not (
                each.is_system or each.is_change or each.deleted or each.is_expired_for(user_id)
            )
        ]
        last = next((each for each in reversed(entries) if not each.is_change), None)
        members = [
            self.house.show(
                user_id=each.user.user_id,
                role=each.role,
                joined_seq=each.since,
                delivered_seq=each.delivered,
                read_seq=each.read,
            )
            for each in self.house.shuffled(self.present)
        ]
        return self.house.show(
            conversation_id=self.room_id,
            kind=self.kind,
            title=stay.title if gone else self.title,
            encrypted=False,
            created_at=stamp(self.created_at),
            head_seq=self.head(user_id),
            member_count=stay.count if gone else len(members),
            members=[] if gone else members,
            last_message=last and last.shown(self.house, user_id),
            unread_count=len(unread),
            **({"left": True} if gone else {}),
        )

    # ── acknowledging ─────────────────────────────────────────────────────────────────────────────

    def acknowledge(self, device: Device, status: str, up_to: int) -> None:
        """Move the device's mark and tell whom a rise concerns. Raises `Refused`."""
        user_id = device.user.user_id
        stay = self.stay(user_id)
        if up_to > self.head(user_id):
            raise Refused("out_of_range")
        device.marks[self.room_id] = max(device.marks.get(self.room_id, 0), up_to)
        rises = []
        if up_to > stay.delivered:
            rises.append(("delivered", stay.delivered))
            stay.delivered = up_to
        if status == "read" and up_to > stay.read:
            if self.house.nature.is_lean:
                rises.clear()  # `read` covers it
            rises.append(("read", stay.read))
            stay.read = up_to
        at = self.house.now()
        for kind, before in rises:
            stay.rises.append((kind, up_to, at))
            self._tell(stay, device, kind, before, up_to, at)

    def _tell(
        self, stay: Stay, device: Device, kind: str, before: int, up_to: int, at: datetime
    ) -> None:
        covered = [each for each in self.log[before:up_to] if not each.is_system]
        senders = {each.sender_id for each in covered} - {stay.user.user_id}
        lines = [
            line
            for other in self.present
            if other.user.user_id in senders
            for line in other.user.lines
        ]
        if kind == "read":
            lines += [line for line in stay.user.lines if line is not device.line]
        for line in lines:
            line.tell_status(
                conversation_id=self.room_id,
                user_id=stay.user.user_id,
                status=kind,
                up_to_seq=up_to,
                at=stamp(at),
            )

    def status_of(self, entry: Entry) -> dict[str, Json]:
        """How far an entry has come, for its sender."""
        recipients, counting = [], []
        stays = [
            stay
            for stay in self.stays
            if stay.since <= entry.seq and (stay.until is None or stay.until > entry.seq)
            if stay.user.user_id != entry.sender_id
        ]
        for stay in self.house.shuffled(stays):
            failed = stay.user.user_id in entry.expired_for
            read, delivered = (stay.reached(each, entry.seq) for each in ("read", "delivered"))
            status = (
                "failed" if failed else "read" if read else "delivered" if delivered else "sent"
            )
            if not failed and (delivered or stay.until is None):
                counting.append(status)
            recipients.append(
                self.house.show(
                    user_id=stay.user.user_id,
                    status=status,
                    delivered_at=delivered and stamp(delivered),
                    read_at=read and stamp(read),
                    reason="expired" if failed else None,
                )
            )
        overall = min(counting, key=("sent", "delivered", "read").index, default="sent")
        if stays and all(stay.user.user_id in entry.expired_for for stay in stays):
            overall = "failed"
        return self.house.show(message_id=entry.message_id, status=overall, recipients=recipients)
