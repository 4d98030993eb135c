"""Device keys: publishing them, and handing them out (§8, ENC-3, ENC-4, ENC-8).

Signatures are verified before the writer is asked, one-time keys in a worker thread: a full upload takes
milliseconds, which would hold up everybody. They are good against the identity keys of that moment; if
those have changed when the writer comes to it, they are bad.
"""

from __future__ import annotations

from functools import partial

import trio
from msgspec import Struct

from ..core import errors, inputs, keys, parcels
from ..core.keys import ClaimedKey, DeviceKeys, IdentityKeys, SignedKey
from ..core.model import Identity
from ..events import DevicePost, DevicesEvent, KeysLowEvent, Post
from ..storage.base import Commands, Queries
from .kernel import Kernel, Outcome


class PublishRequest(Struct, frozen=True):
    """`PUT /v1.0/keys`."""

    curve25519: str
    ed25519: str
    signature: str
    fallback_key: SignedKey | None = None


class UploadedKey(Struct, frozen=True):
    """A one-time key of an upload, whose id is its name there."""

    key: str
    signature: str


class UploadRequest(Struct, frozen=True):
    """`POST /v1.0/keys/one-time`."""

    keys: dict[str, UploadedKey]


class Uploaded(Struct, frozen=True):
    """How many one-time keys the device has now."""

    count: int


class ClaimRequest(Struct, frozen=True):
    """`POST /v1.0/keys/claim`: devices by user."""

    devices: dict[str, list[str]]


class Claimed(Struct, frozen=True):
    """The keys that were handed out, and the devices for which there was none."""

    keys: dict[str, dict[str, ClaimedKey]]
    missing: dict[str, list[str]]


class DeviceList(Struct, frozen=True):
    """A user's devices with their identity keys."""

    devices: list[DeviceKeys]


class Keys:
    """Use cases about keys."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._verifying = trio.CapacityLimiter(1)

    async def publish(self, me: Identity, request: PublishRequest) -> None:
        """Publish this device's identity keys; 422 `bad_signature`."""
        identity = IdentityKeys(request.curve25519, request.ed25519, request.signature)
        keys.check_identity(me.user_id, me.device_id, identity)
        fallback = request.fallback_key
        if fallback is not None:
            keys.check_form(fallback, "/fallback_key")
            keys.check_signed(me.user_id, me.device_id, identity.ed25519, fallback, "/fallback_key")
        await self._kernel.do(partial(self._publish, me, identity, fallback))

    @staticmethod
    def _publish(
        me: Identity, identity: IdentityKeys, fallback: SignedKey | None, commands: Commands
    ) -> Outcome[None]:
        _must_be_current(commands, me)
        device = me.user_id, me.device_id
        before = commands.identity_keys(*device)
        same = before is not None and (before.curve25519, before.ed25519) == (
            identity.curve25519,
            identity.ed25519,
        )
        commands.set_identity_keys(*device, identity)
        if not same:
            commands.drop_one_time_keys(*device)
        if fallback is not None or not same:
            commands.set_fallback_key(*device, fallback)
        return Outcome(None, () if same else tell_of_devices(commands, *device))

    async def upload(self, me: Identity, request: UploadRequest) -> Uploaded:
        """Add one-time keys; one bad signature refuses all."""
        signed = [
            SignedKey(key_id, uploaded.key, uploaded.signature)
            for key_id, uploaded in request.keys.items()
        ]
        for each in signed:
            keys.check_key_id(each.key_id, "/keys")
            keys.check_key(each.key, f"{_place(each)}/key")
        published = await self._kernel.ask(
            lambda queries: queries.identity_keys(me.user_id, me.device_id)
        )
        ed25519 = None if published is None else published.ed25519
        await trio.to_thread.run_sync(_verify, me, ed25519, signed, limiter=self._verifying)
        return await self._kernel.do(partial(self._upload, me, ed25519, signed))

    def _upload(
        self, me: Identity, ed25519: str | None, signed: list[SignedKey], commands: Commands
    ) -> Outcome[Uploaded]:
        _must_be_current(commands, me)
        device = me.user_id, me.device_id
        published = commands.identity_keys(*device)
        if signed and (published is None or published.ed25519 != ed25519):
            raise errors.BadSignature("This device has published other identity keys meanwhile.")
        count = commands.count_one_time_keys(*device)
        used = commands.used_key_ids(*device, [each.key_id for each in signed])
        new = [each for each in signed if each.key_id not in used]
        taken = new[: max(0, self._kernel.limits.max_one_time_keys - count)]
        for each in taken:
            commands.add_one_time_key(*device, each)
        return Outcome(Uploaded(count + len(taken)))

    async def devices(self, user_id: str) -> DeviceList:
        """A user's devices as others see them; 404 `unknown_user`."""

        def query(queries: Queries) -> DeviceList:
            if queries.user(user_id) is None:
                raise errors.UnknownUser
            return DeviceList(queries.device_keys(user_id))

        return await self._kernel.ask(query)

    async def claim(self, me: Identity, request: ClaimRequest) -> Claimed:
        """One key of each device, in one transaction, so that no one-time key goes to two."""
        parcels.check_number(sum(map(len, request.devices.values())), "/devices")
        for user_id, device_ids in request.devices.items():
            inputs.check_id(user_id, "/devices")
            for index, device_id in enumerate(device_ids):
                inputs.check_id(device_id, f"/devices/{user_id}/{index}")
        return await self._kernel.do(partial(self._claim, me, request))

    @staticmethod
    def _claim(me: Identity, request: ClaimRequest, commands: Commands) -> Outcome[Claimed]:
        _must_be_current(commands, me)
        claimed = Claimed({}, {})
        posts: list[DevicePost] = []
        for user_id, device_ids in request.devices.items():
            near = in_reach(commands, me, user_id)
            for device_id in dict.fromkeys(device_ids):
                key = _take(commands, user_id, device_id) if near else None
                if key is None:
                    claimed.missing.setdefault(user_id, []).append(device_id)
                    continue
                claimed.keys.setdefault(user_id, {})[device_id] = key
                left = commands.count_one_time_keys(user_id, device_id)
                if left < keys.FEW_ONE_TIME_KEYS:
                    posts.append(DevicePost(KeysLowEvent(left), user_id, device_id))
        return Outcome(claimed, tuple(posts))


def in_reach(queries: Queries, me: Identity, user_id: str) -> bool:
    """Whether one may claim keys of a user's devices and send to them: one's own, and of company (§6)."""
    return user_id == me.user_id or queries.shares_conversation(me.user_id, user_id)


def tell_of_devices(
    queries: Queries, user_id: str, device_id: str
) -> tuple[Post | DevicePost, ...]:
    """The posts that say that the published keys of a device came, changed or went."""
    event = DevicesEvent(user_id)
    own = (
        DevicePost(event, user_id, each.device_id)
        for each in queries.devices(user_id)
        if each.device_id != device_id
    )
    return (Post(event, queries.encrypted_partners(user_id)), *own)


def _take(commands: Commands, user_id: str, device_id: str) -> ClaimedKey | None:
    """The next key of a device; None if it has none at all."""
    key = commands.take_one_time_key(user_id, device_id)
    is_fallback = key is None
    if key is None:
        key = commands.fallback_key(user_id, device_id)
    if key is None:
        return None
    return ClaimedKey(key.key_id, key.key, key.signature, is_fallback)


def _verify(me: Identity, ed25519: str | None, signed: list[SignedKey]) -> None:
    for each in signed:
        keys.check_signed(me.user_id, me.device_id, ed25519, each, _place(each))


def _place(signed: SignedKey) -> str:
    """The pointer of an uploaded key (RFC 6901: ``/`` is written ``~1``; ``~`` is in no id)."""
    return "/keys/" + signed.key_id.replace("/", "~1")


def _must_be_current(commands: Commands, me: Identity) -> None:
    """A device that was removed meanwhile must not leave keys behind, or take any."""
    if not commands.is_current(me):
        raise errors.Unauthorized
