"""Users, sessions and devices (§2).

Passwords are hashed with argon2id (PyNaCl) in worker threads. `STRONG` is, of the equally strong settings
that OWASP recommends, the one that costs a server least (7 ms, against 21 ms for 19 MiB and two passes).
Tokens are 32 random bytes; only their SHA-256 is stored, so a stolen database opens no session.
A valid token's identity is remembered until the session ends, so most requests ask no database.
"""

from __future__ import annotations

import secrets
from functools import partial
from hashlib import sha256

import nacl.exceptions
import nacl.pwhash.argon2id
import trio
from msgspec import Struct

from ..core import errors, inputs
from ..core.model import Device, Identity, User
from ..core.times import rfc3339
from ..events import Revoked
from ..storage.base import Commands
from .kernel import Kernel, Outcome
from .keys import tell_of_devices


class PasswordCost(Struct, frozen=True):
    """What hashing a password takes: argon2id's passes and its memory in bytes."""

    passes: int
    memory: int


STRONG = PasswordCost(passes=5, memory=7 * 1024 * 1024)
THROWAWAY = PasswordCost(passes=1, memory=8 * 1024)
"""argon2id at its cheapest, for accounts that protect nothing and are gone in a minute."""


class RegisterRequest(Struct, frozen=True):
    """`POST /v1.0/users`."""

    user_id: str
    password: str
    display_name: str | None = None


class LoginDevice(Struct, frozen=True):
    """The device of a login: a known one, or a new one."""

    device_id: str | None = None
    name: str | None = None


class LoginRequest(Struct, frozen=True):
    """`POST /v1.0/sessions`."""

    user_id: str
    password: str
    device: LoginDevice | None = None


class Session(Struct, frozen=True):
    """A fresh session; `token` is told this once."""

    token: str
    user_id: str
    device_id: str
    expires_at: str


class Accounts:
    """Use cases about users and their devices."""

    def __init__(self, kernel: Kernel, cost: PasswordCost) -> None:
        self._kernel = kernel
        self._cost = cost
        self._hashing = trio.CapacityLimiter(2)
        self._decoy = _hash(secrets.token_bytes(16), cost)

    async def register(self, request: RegisterRequest) -> User:
        """A new user; 409 `user_exists` if the id is taken."""
        inputs.check_user_id(request.user_id, "/user_id")
        password = inputs.check_password(request.password).encode()
        display_name = request.display_name
        if display_name is None:
            display_name = request.user_id
        inputs.check_name(display_name, "/display_name")
        if await self._kernel.ask(lambda queries: queries.user(request.user_id)) is not None:
            raise errors.UserExists
        hashed = await trio.to_thread.run_sync(_hash, password, self._cost, limiter=self._hashing)
        now = self._kernel.now()
        user = User(request.user_id, display_name, rfc3339(now))

        def deed(commands: Commands) -> Outcome[User]:
            if commands.user(user.user_id) is not None:
                raise errors.UserExists
            commands.add_user(user, hashed, now)
            return Outcome(user)

        return await self._kernel.do(deed)

    async def login(self, request: LoginRequest) -> Session:
        """A session for a device. An unknown user costs and answers as a wrong password does (SEC-3)."""
        device = request.device or LoginDevice()
        if device.device_id is not None:
            inputs.check_id(device.device_id, "/device/device_id")
        if device.name is not None:
            inputs.check_name(device.name, "/device/name")
        known = await self._kernel.ask(lambda queries: queries.password_hash(request.user_id))
        password = request.password.encode()
        right = await trio.to_thread.run_sync(
            _verify, known or self._decoy, password, limiter=self._hashing
        )
        if known is None or not right:
            raise errors.BadCredentials
        return await self._kernel.do(partial(self._login, request.user_id, device))

    def _login(self, user_id: str, device: LoginDevice, commands: Commands) -> Outcome[Session]:
        now = self._kernel.now()
        device_id = device.device_id or self._kernel.new_id()
        devices = commands.devices(user_id)
        if all(known.device_id != device_id for known in devices):
            if len(devices) >= self._kernel.limits.max_devices:
                raise errors.TooManyDevices
            commands.add_device(user_id, device_id, device.name, now)
        elif device.name is not None:
            commands.set_device_name(user_id, device_id, device.name)
        commands.touch_device(user_id, device_id, now)
        token = secrets.token_urlsafe(32)
        expires_at = now + self._kernel.limits.token_ttl_s * 1000
        commands.set_session(_digest(token), Identity(user_id, device_id, expires_at))
        session = Session(token, user_id, device_id, rfc3339(expires_at))
        return Outcome(session, (Revoked(user_id, device_id, "logged in again"),))

    async def identify(self, token: str) -> Identity:
        """Whose token this is. Raises `Unauthorized` for a bad, ended or expired one (SEC-1, SEC-5)."""
        digest = _digest(token)
        tokens = self._kernel.tokens
        identity = tokens.get(digest)
        if identity is None:
            moment = tokens.moment()
            identity = await self._kernel.ask(lambda queries: queries.identity(digest))
            if identity is None:
                raise errors.Unauthorized
            tokens.remember(digest, identity, moment)
        if identity.expires_at <= self._kernel.now():
            raise errors.Unauthorized
        return identity

    async def logout(self, me: Identity) -> None:
        """End the session; the device stays, with its watermarks."""

        def deed(commands: Commands) -> Outcome[None]:
            commands.end_session(me.user_id, me.device_id)
            return Outcome(None, (Revoked(me.user_id, me.device_id, "logged out"),))

        await self._kernel.do(deed)

    async def devices(self, me: Identity) -> list[Device]:
        """One's own devices."""
        return await self._kernel.ask(lambda queries: queries.devices(me.user_id))

    async def remove_device(self, me: Identity, device_id: str) -> None:
        """A device of one's own, with its session, keys and queue; 404 `unknown_device`."""

        def deed(commands: Commands) -> Outcome[None]:
            if all(known.device_id != device_id for known in commands.devices(me.user_id)):
                raise errors.UnknownDevice
            had_keys = commands.identity_keys(me.user_id, device_id) is not None
            commands.remove_device(me.user_id, device_id)
            told = tell_of_devices(commands, me.user_id, device_id) if had_keys else ()
            return Outcome(None, (Revoked(me.user_id, device_id, "device removed"), *told))

        await self._kernel.do(deed)

    async def profile(self, user_id: str) -> User:
        """A user's profile; 404 `unknown_user`."""
        user = await self._kernel.ask(lambda queries: queries.user(user_id))
        if user is None:
            raise errors.UnknownUser
        return user

    async def rename(self, me: Identity, display_name: str) -> User:
        """Set one's own display name."""
        inputs.check_name(display_name, "/display_name")

        def deed(commands: Commands) -> Outcome[User]:
            commands.set_display_name(me.user_id, display_name)
            user = commands.user(me.user_id)
            assert user is not None
            return Outcome(user)

        return await self._kernel.do(deed)


def _digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()


def _hash(password: bytes, cost: PasswordCost) -> bytes:
    return nacl.pwhash.argon2id.str(password, opslimit=cost.passes, memlimit=cost.memory)


def _verify(hashed: bytes, password: bytes) -> bool:
    try:
        return nacl.pwhash.argon2id.verify(hashed, password)
    except nacl.exceptions.InvalidkeyError:
        return False
