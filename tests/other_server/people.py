"""Who there is: users, their devices and sessions, and what all parts of the server share."""

from __future__ import annotations

import asyncio
import hashlib
import string
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar

from .nature import Nature
from .wire import IDENTIFIER, NAME, USER_ID, Decorator, Refused, members, parts, text

if TYPE_CHECKING:
    from .line import Line

Json = Any
Thing = TypeVar("Thing")

ID_LETTERS = string.ascii_letters + string.digits + "._-"
LONGEST_ID = 64


def stamp(moment: datetime) -> str:
    """A time as the contract writes it."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(eq=False)
class Device:
    """One device: `marks` says how far it has acknowledged each conversation."""

    device_id: str
    user: User
    name: str | None
    created_at: datetime
    last_seen_at: datetime
    token: str | None = None
    expires_at: datetime | None = None
    marks: dict[str, int] = field(default_factory=dict)
    line: Line | None = None


@dataclass(eq=False)
class User:
    """One user."""

    user_id: str
    display_name: str
    created_at: datetime
    salt: bytes
    secret: bytes
    devices: dict[str, Device] = field(default_factory=dict)
    blocked: set[str] = field(default_factory=set)

    @property
    def lines(self) -> list[Line]:
        """The connections of all devices."""
        return [each.line for each in self.devices.values() if each.line is not None]


class House:
    """The clock, chance, the server's nature, the users."""

    def __init__(self, seed: int, nature: Nature) -> None:
        self.rng = Random(seed)  # noqa: S311 (chance, and no secret)
        self.nature = nature
        self.limits = nature.limits
        self.show = Decorator(self.rng, always_lean=nature.is_lean)
        self.users: dict[str, User] = {}
        self.tokens: dict[str, Device] = {}
        self._count = 0
        self._counts: Counter[str] = Counter()
        self._epoch = datetime.now(UTC) - timedelta(seconds=time.monotonic(), hours=7)

    def has(self, capability: str) -> bool:
        """Whether this server offers an optional capability."""
        return capability in self.nature.capabilities

    def now(self) -> datetime:
        """The time by a clock that is wrong by hours, moves ten times a second, and never goes back."""
        ticks = int(time.monotonic() * 10)
        return self._epoch + timedelta(seconds=ticks / 10)

    def shuffled(self, things: Iterable[Thing]) -> list[Thing]:
        """The same in any order, where the contract promises none."""
        found = list(things)
        self.rng.shuffle(found)
        return found

    def count(self) -> int:
        """A rising number, never the same twice."""
        self._count += 1
        return self._count

    def new_id(self, kind: str) -> str:
        """An id that no other thing of this kind has."""
        self._counts[kind] += 1
        counted = _in_letters(self._counts[kind])
        if self.nature.ids == "short":
            return counted
        odd = "".join(self.rng.choices(ID_LETTERS, k=LONGEST_ID - len(counted) - 4))
        return f"-._{odd}-{counted}"

    async def hesitate(self) -> None:
        """Take as long as a disk or a busy network might."""
        await asyncio.sleep(self.rng.uniform(0.0, 0.02) if self.rng.random() < 0.05 else 0)

    # ── accounts ──────────────────────────────────────────────────────────────────────────────────

    def register(self, asked: Json) -> User:
        """A new user."""
        given = members(
            asked, "display_name", user_id=USER_ID, password=text(0, 128), display_name=NAME
        )
        if len(given["password"]) < 8:
            raise Refused("weak_password", "At least 8 characters.")
        if given["user_id"] in self.users:
            raise Refused("user_exists")
        salt = self.rng.randbytes(16)
        user = User(
            user_id=given["user_id"],
            display_name=given["display_name"] or given["user_id"],
            created_at=self.now(),
            salt=salt,
            secret=_hashed(given["password"], salt),
        )
        self.users[user.user_id] = user
        return user

    def user(self, user_id: str) -> User:
        """The user with this id. Raises `Refused`."""
        if user_id not in self.users:
            raise Refused("unknown_user")
        return self.users[user_id]

    def credentials(self, asked: Json) -> tuple[User, dict[str, Json]]:
        """Who wants to log in, and the device that was named."""
        device = parts("device_id", "name", device_id=IDENTIFIER, name=NAME)
        given = members(
            asked, "device", user_id=text(0, 10_000), password=text(0, 10_000), device=device
        )
        user = self.users.get(given["user_id"])
        secret = _hashed(given["password"], user.salt if user else b"nobody's")
        if user is None or secret != user.secret:
            raise Refused("bad_credentials", "User or password is wrong.")
        return user, given["device"] or {}

    def open_session(self, user: User, named: dict[str, Json]) -> Device:
        """A session for a device of the user, which is made if it is new."""
        device_id = (
            named.get("device_id") or f"_.{len(user.devices) + 1}{self.rng.choice(ID_LETTERS)}"
        )
        device = user.devices.get(device_id)
        if device is None:
            if len(user.devices) >= self.limits["max_devices"]:
                raise Refused("too_many_devices")
            device = Device(device_id, user, None, self.now(), self.now())
            user.devices[device_id] = device
        self.close_session(device)
        device.name = named.get("name") or device.name
        device.last_seen_at = self.now()
        device.token = f"~.{self.rng.randbytes(40).hex()}"
        device.expires_at = self.now() + timedelta(seconds=self.limits["token_ttl_s"])
        self.tokens[device.token] = device
        return device

    def close_session(self, device: Device) -> None:
        """The token of the device stops working, and its connection ends."""
        if device.token is not None:
            del self.tokens[device.token]
            device.token = None
        if device.line is not None:
            device.line.end(4401)

    def device_of(self, token: str | None) -> Device:
        """The device that a token stands for. Raises `Refused`."""
        device = self.tokens.get(token or "")
        if device is None or device.expires_at is None or device.expires_at <= self.now():
            raise Refused("unauthorized", headers={"WWW-Authenticate": "Bearer"})
        device.last_seen_at = self.now()
        return device


def _in_letters(number: int) -> str:
    """A number to the base of all letters and digits."""
    digits = string.digits + string.ascii_letters
    rest, digit = divmod(number, len(digits))
    return (_in_letters(rest) if rest else "") + digits[digit]


def _hashed(password: str, salt: bytes) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt, 50)
