"""Payloads from device to device (§6, ENC-7): accepted into queues, and kept until acknowledged.

Like messages they go through the writer, so a key that was sent before a message is there before it. A
queue hands out positions 1, 2, 3, …; a device that replays reads it from the store (`hub.TO_DEVICE`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ..core import errors
from ..core.errors import ApiError
from ..core.limits import IDEMPOTENCY_KEY_TTL_MS
from ..core.model import Identity
from ..core.parcels import Parcel, Queued, Shipment
from ..events import DevicePost, ToDeviceEvent
from ..storage.base import Commands, EarlierToDevice
from .kernel import Kernel, Outcome
from .keys import in_reach

Unknown = list[tuple[str, str]]
"""Devices that do not exist or are out of reach, by user and device."""


class ToDevice:
    """Use cases about queues."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def send_soon(
        self,
        me: Identity,
        frame_id: str,
        shipment: Shipment,
        done: Callable[[Unknown | ApiError], None],
    ) -> None:
        """Queue and deliver payloads; `done` gets the devices that are unknown, or the refusal."""
        self._kernel.do_soon(partial(self._send, me, frame_id, shipment), done)

    def _send(
        self, me: Identity, frame_id: str, shipment: Shipment, commands: Commands
    ) -> Outcome[Unknown]:
        if not commands.is_current(me):
            raise errors.Unauthorized
        now = self._kernel.now()
        earlier = commands.earlier_to_device(me.user_id, me.device_id, frame_id)
        if earlier is not None and now - earlier.created_at < IDEMPOTENCY_KEY_TTL_MS:
            if earlier.fingerprint != shipment.fingerprint:
                raise errors.IdempotencyConflict("This id was used for other messages.")
            return Outcome(earlier.unknown)
        users = {parcel.user_id for parcel in shipment.parcels}
        near = {user_id for user_id in users if in_reach(commands, me, user_id)}
        unknown: Unknown = []
        posts: list[DevicePost] = []
        accepted: list[tuple[Parcel, Queued]] = []
        for parcel in shipment.parcels:
            device = parcel.user_id, parcel.device_id
            if parcel.user_id not in near or not commands.has_device(*device):
                unknown.append(device)
                continue
            queue = commands.queue(*device)
            if not queue.has_room(parcel.size):
                raise errors.Unavailable(
                    f"The queue of {parcel.user_id}/{parcel.device_id} is full until it connects."
                )
            position = queue.head + 1
            queued = Queued(position, me.user_id, me.device_id, parcel.payload)
            accepted.append((parcel, queued))
            posts.append(DevicePost(_event(queued), *device))
        for parcel, queued in accepted:
            commands.enqueue(parcel, queued)
        sent = EarlierToDevice(shipment.fingerprint, unknown, now)
        commands.add_to_device(me.user_id, me.device_id, frame_id, sent)
        return Outcome(unknown, tuple(posts))

    def acknowledge_soon(
        self, me: Identity, up_to: int, done: Callable[[ApiError | None], None]
    ) -> None:
        """Drop what the device has; `done` gets the refusal if there is one (`out_of_range`)."""
        self._kernel.do_soon(partial(self._acknowledge, me, up_to), done)

    @staticmethod
    def _acknowledge(me: Identity, up_to: int, commands: Commands) -> Outcome[None]:
        queue = commands.queue(me.user_id, me.device_id)
        if up_to > queue.head:
            raise errors.OutOfRange("The position is above the last one of this device.")
        if up_to > queue.acknowledged:
            commands.dequeue(me.user_id, me.device_id, up_to)
        return Outcome(None)

    async def queued(self, me: Identity, after: int, limit: int) -> list[ToDeviceEvent]:
        """The first `limit` payloads that wait for this device behind the position `after`."""
        found = await self._kernel.ask(
            lambda queries: queries.queued(me.user_id, me.device_id, after, limit)
        )
        return list(map(_event, found))

    async def clear_away(self) -> None:
        """Forget the ids of frames that cannot be repeated any more."""
        before = self._kernel.now() - IDEMPOTENCY_KEY_TTL_MS

        def frames(commands: Commands, limit: int) -> int:
            return commands.forget_to_device(before, limit)

        await self._kernel.clear(frames)


def _event(queued: Queued) -> ToDeviceEvent:
    return ToDeviceEvent(queued.position, queued.sender_id, queued.sender_device_id, queued.payload)
