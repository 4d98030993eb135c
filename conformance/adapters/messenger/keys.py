"""Keys on the wire: published, listed, claimed (api.md §8). What they are worth, `crypto` decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ...history import Event, HandedOut
from ..base import Json
from . import shapes
from .rest import Answer, path_of


class Keys:
    """The part of a device that publishes and claims keys; of `client.MessengerClient`."""

    lane: str

    if TYPE_CHECKING:

        async def call(self, method: str, path: str, body: Json = None) -> Answer: ...
        def note(self, event: Event) -> int | None: ...

    async def publish_keys(self, identity: Json) -> Json:
        """``PUT /keys``."""
        return (await self.call("PUT", path_of("keys"), identity)).body

    async def add_one_time_keys(self, keys: Json) -> Json:
        """``POST /keys/one-time``."""
        answer = await self.call("POST", path_of("keys", "one-time"), {"keys": keys})
        shapes.read(answer.body, shapes.KeyCount, "the answer to one-time keys")
        return answer.body

    async def devices_of(self, user_id: str) -> Json:
        """``GET /users/{user_id}/devices``."""
        answer = await self.call("GET", path_of("users", user_id, "devices"))
        shapes.read(answer.body, shapes.PublishedDevices, "a list of devices")
        return {"devices": [], **answer.body}

    async def claim_keys(self, devices: Mapping[str, Sequence[str]]) -> Json:
        """``POST /keys/claim``."""
        answer = await self.call("POST", path_of("keys", "claim"), {"devices": devices})
        claimed = shapes.read(answer.body, shapes.Claimed, "the answer to a claim")
        for user_id, keys in claimed.keys.items():
            for device_id, key in keys.items():
                self.note(
                    HandedOut(
                        asker=self.lane,
                        user_id=user_id,
                        device_id=device_id,
                        key_id=key.key_id,
                        key=key.key,
                        fallback=key.fallback,
                        raw=answer.event,
                    )
                )
        return {"keys": {}, "missing": {}, **answer.body}
