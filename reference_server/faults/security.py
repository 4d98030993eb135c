"""Faults in who may do what: tokens, and what is somebody else's (SEC)."""

from __future__ import annotations

import time
from functools import wraps
from types import ModuleType
from typing import Any

from msgspec.structs import replace
from quart import request

from ..core import errors, tus
from ..core.model import Identity, place_of
from ..service import Service, accounts, messages
from ..service.accounts import Accounts, LoginRequest, RegisterRequest
from ..service.kernel import Outcome
from ..service.receipts import Receipts
from ..service.tokens import TokenCache
from ..service.uploads import Uploads
from ..storage.base import Commands, Queries
from ..storage.sqlite import SqliteCommands
from ..storage.sqlite_queries import SqliteQueries
from ..transport import accounts as accounts_routes
from ..transport import exchange, operation, session
from ..transport import keys as keys_routes
from ..transport import uploads as uploads_routes
from ..transport.gate import Gate
from .seams import Genuine, Seams, fault


@fault("SEC-1")
def profiles_need_no_token(seams: Seams) -> None:
    """Anybody can look up users without being one."""
    _open(seams, accounts_routes, "profile")


@fault("SEC-1")
def keys_can_be_looked_up_without_a_token(seams: Seams) -> None:
    """Anybody can look up the devices of users and their public keys."""
    _open(seams, keys_routes, "devices")


def _open(seams: Seams, module: ModuleType, name: str) -> None:
    """Ask nobody for a token at one route, which must not need to know who asks."""

    @seams.instead(Gate, "authenticated")
    def authenticated(genuine: Genuine, gate: Gate, route: Any) -> Any:
        if (route.__module__, route.__name__) != (module.__name__, name):
            return genuine(gate, route)

        async def open_to_all(**arguments: Any) -> Any:
            return await route(None, **arguments)

        open_to_all.__name__ = route.__name__
        return open_to_all


@fault("SEC-1")
def uploads_look_at_the_version_first(seams: Seams) -> None:
    """Who has no token is told that its version of tus is wrong, instead of that it may not come in."""

    @seams.instead(Gate, "authenticated")
    def authenticated(genuine: Genuine, gate: Gate, route: Any) -> Any:
        guarded = genuine(gate, route)
        if (route.__module__, route.__name__) != (uploads_routes.__name__, "create"):
            return guarded

        @wraps(guarded)
        async def version_first(**arguments: Any) -> Any:
            tus.check_version(request.headers.get("Tus-Resumable"))
            return await guarded(**arguments)

        return version_first


@fault("SEC-1")
def tokens_may_be_spelled_otherwise(seams: Seams) -> None:
    """A token with something appended to it works as well."""

    @seams.instead(Accounts, "identify")
    async def identify(genuine: Genuine, use: Accounts, token: str) -> Any:
        return await genuine(use, token[:43])


@fault("SEC-2", "CONV-5")
def messages_are_open_to_who_knows_the_id(seams: Seams) -> None:
    """Whoever knows the id of a message can read it."""

    @seams.instead(messages, "to_see_entry")
    def to_see(genuine: Genuine, queries: Queries, message_id: str, me: Identity) -> Any:
        place = place_of(message_id)
        entry = None if place is None else queries.entry(*place)
        return entry or genuine(queries, message_id, me)


@fault("SEC-2", "AST-5")
def uploads_are_everybodys(seams: Seams) -> None:
    """Somebody else's upload can be looked at, gone on with and thrown away."""

    @seams.instead(Uploads, "_own")
    async def own(genuine: Genuine, use: Uploads, me: Identity, upload_id: str) -> Any:
        row = await use._kernel.ask(lambda queries: queries.upload(upload_id))
        owner = me.user_id if row is None else row.owner_id
        return await genuine(use, replace(me, user_id=owner), upload_id)


@fault("SEC-2")
def keys_of_others_are_known(seams: Seams) -> None:
    """Two users who happen on the same `Idempotency-Key` get in each other's way."""

    @seams.instead(SqliteQueries, "idempotency_key")
    def look_up(genuine: Genuine, queries: SqliteQueries, user_id: str, key: str) -> Any:
        row = queries._one("SELECT user_id FROM idempotency_keys WHERE key = ?", key)
        return genuine(queries, row[0] if row else user_id, key)


@fault("SEC-3")
def unknown_users_are_told(seams: Seams) -> None:
    """Who logs in learns whether a user exists."""

    @seams.instead(Accounts, "login")
    async def login(genuine: Genuine, use: Accounts, request: LoginRequest) -> Any:
        if await use._kernel.ask(lambda queries: queries.user(request.user_id)) is None:
            raise errors.BadCredentials("There is no such user.")
        return await genuine(use, request)


@fault("SEC-5", "RT-1")
def tokens_live_on_for_a_second(seams: Seams) -> None:
    """After logging out, the old token works for another second."""
    ended: dict[bytes, tuple[Identity, float]] = {}

    @seams.instead(TokenCache, "forget")
    def forget(genuine: Genuine, cache: TokenCache, user_id: str, device_id: str) -> None:
        digest = cache._digests.get((user_id, device_id))
        if digest is not None:
            ended[digest] = cache._identities[digest], time.monotonic() + 1
        genuine(cache, user_id, device_id)

    @seams.instead(TokenCache, "get")
    def get(genuine: Genuine, cache: TokenCache, digest: bytes) -> Any:
        if digest in ended and ended[digest][1] > time.monotonic():
            return ended[digest][0]
        return genuine(cache, digest)


@fault("SEC-5")
def removed_devices_keep_their_token(seams: Seams) -> None:
    """The token of a device that was removed still reads the history."""

    @seams.instead(SqliteCommands, "remove_device")
    def remove(_genuine: Genuine, commands: SqliteCommands, user_id: str, device_id: str) -> None:
        commands._do("DELETE FROM devices WHERE user_id = ? AND device_id = ?", user_id, device_id)


@fault("SEC-1")
def health_needs_a_token(seams: Seams) -> None:
    """Whoever asks whether the server can serve must be one of its users."""

    @seams.instead(operation, "operation")
    def routes(genuine: Genuine, service: Service) -> Any:
        blueprint = genuine(service)

        async def ask() -> None:
            asked = exchange.current()
            if asked is not None and asked.path == "/readyz":
                await Gate(service).me()

        blueprint.before_request(ask)
        return blueprint


@fault("SEC-2", "CONV-5")
def strangers_acknowledge_for_members(seams: Seams) -> None:
    """An acknowledgement by somebody who is not in a conversation counts as one of a member."""

    @seams.instead(Receipts, "_acknowledge")
    def acknowledge(genuine: Genuine, use: Receipts, me: Identity, chat: str, *rest: Any) -> Any:
        commands: Commands = rest[-1]
        conversation = commands.conversation(chat)
        if conversation is not None and me.user_id not in conversation.members:
            newest = commands.entry(chat, conversation.head_seq)
            others = (each for each in conversation.members if newest and each != newest.sender_id)
            me = replace(me, user_id=next(others, me.user_id))
        return genuine(use, me, chat, *rest)


@fault("SEC-2")
def devices_of_others_can_be_removed(seams: Seams) -> None:
    """Whoever knows the id of somebody else's device can remove it."""

    @seams.instead(Accounts, "remove_device")
    async def remove(genuine: Genuine, use: Accounts, me: Identity, device_id: str) -> None:
        def owner(queries: Any) -> Any:
            return queries._one("SELECT user_id FROM devices WHERE device_id = ?", device_id)

        row = await use._kernel.ask(owner)
        await genuine(use, replace(me, user_id=row[0]) if row else me, device_id)


@fault("SEC-2")
def devices_go_by_their_id_alone(seams: Seams) -> None:
    """Two users have a device of the same id, and when one of them removes it, the other's is gone."""

    @seams.instead(SqliteCommands, "remove_device")
    def remove(genuine: Genuine, commands: SqliteCommands, _user_id: str, device_id: str) -> None:
        owners = commands._all("SELECT user_id FROM devices WHERE device_id = ?", device_id)
        for (user_id,) in owners:
            genuine(commands, user_id, device_id)


@fault("SEC-2")
def renaming_renames_everybody(seams: Seams) -> None:
    """Who changes their display name changes everybody's."""

    @seams.instead(SqliteCommands, "set_display_name")
    def rename(_genuine: Genuine, commands: SqliteCommands, _user_id: str, name: str) -> None:
        commands._do("UPDATE users SET display_name = ?", name)


@fault("SEC-2")
def registering_takes_over(seams: Seams) -> None:
    """Registering a name that is taken is refused, and sets its password all the same."""

    @seams.instead(Accounts, "register")
    async def register(genuine: Genuine, use: Accounts, request: RegisterRequest) -> Any:
        try:
            return await genuine(use, request)
        except errors.UserExists:
            hashed = accounts._hash(request.password.encode(), use._cost)

            def take_over(commands: Any) -> Outcome[None]:
                commands._do(
                    "UPDATE users SET password_hash = ? WHERE user_id = ?", hashed, request.user_id
                )
                return Outcome(None)

            await use._kernel.do(take_over)
            raise


@fault("SEC-2")
def senders_are_believed(seams: Seams) -> None:
    """A message is from whoever it says that it is from."""
    genuine = session._ACTS["send"]

    async def send(at: session.Session, raw: dict[str, Any], size: int) -> None:
        me = at._me
        at._me = replace(me, user_id=raw.get("sender_id", me.user_id))
        try:
            await genuine(at, raw, size)
        finally:
            at._me = me

    seams.value(session, "_ACTS", {**session._ACTS, "send": send})


@fault("SEC-3")
def wrong_passwords_learn_of_devices(seams: Seams) -> None:
    """Who logs in with a wrong password learns whether the user has such a device."""

    @seams.instead(Accounts, "login")
    async def login(genuine: Genuine, use: Accounts, request: LoginRequest) -> Any:
        try:
            return await genuine(use, request)
        except errors.BadCredentials:
            known = await use._kernel.ask(lambda queries: queries.devices(request.user_id))
            asked = request.device and request.device.device_id
            if asked and asked not in {each.device_id for each in known}:
                raise errors.BadCredentials("This device is not known.") from None
            raise
