"""Assets: taking them in, giving them out, and clearing away what nobody needs (§7).

An upload streams into a file beside the blobs, is checked when it is whole, placed under its hash, and
becomes an asset when its row is committed; refused or broken off at any point before, it leaves
nothing. Every upload is an asset of its own, even of bytes that are there already, so an id tells
nothing about what others have uploaded.

An asset that no message has carried within a day is an orphan. Clearing away drops the rows of orphans
first and then the blobs without rows, in the writer, where nothing can be added meanwhile.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import trio
from msgspec import Struct

from ..core import errors, media
from ..core.errors import ApiError, Unavailable
from ..core.model import Asset, Identity
from ..storage.base import Commands, StoreTrouble
from ..storage.blobs import Arrived
from .access import to_read_asset
from .kernel import Kernel, Outcome

log = logging.getLogger(__name__)


class Claim(Struct, frozen=True, kw_only=True):
    """What an upload says of itself, as it stands in the request; `size` None is not told."""

    media_type: str | None
    digest: str | None
    size: int | None


class Media:
    """Use cases about assets."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._disk = trio.CapacityLimiter(4)

    async def upload(self, me: Identity, claim: Claim, pieces: AsyncIterator[bytes]) -> Asset:
        """A new asset of the bytes that arrive as `pieces`.

        Raises `AssetTooLarge`, `UnsupportedMediaType`, `DigestMismatch`, `MediaTypeMismatch` (AST-3), the
        first two before a byte is read where the claim tells enough, and `Unavailable`.
        """
        limit = self._kernel.limits.max_asset_bytes
        media_type = media.check_media_type(claim.media_type)
        promised = media.check_digest(claim.digest)
        if claim.size is not None and claim.size > limit:
            raise _too_large(limit)
        try:
            with self._kernel.store.blobs.receive(media.HEAD_BYTES) as incoming:
                async for piece in pieces:
                    if incoming.size + len(piece) > limit:
                        raise _too_large(limit)
                    await self._on_disk(partial(incoming.write, piece))
                arrived = incoming.arrived
                if promised not in (None, arrived.sha256):
                    raise errors.DigestMismatch("The bytes do not have the promised SHA-256.")
                place = partial(self._kernel.store.blobs.keep, incoming)
                return await self.keep(me, media_type, arrived, place=place)
        except StoreTrouble as trouble:
            log.error("an asset could not be stored: %s", trouble)
            raise Unavailable from None

    async def keep(
        self,
        me: Identity,
        media_type: str,
        arrived: Arrived,
        *,
        place: Callable[[], None],
        and_then: Callable[[Commands, str], None] = lambda _commands, _asset_id: None,
    ) -> Asset:
        """Make an asset of a file that has arrived: `place` it, and commit its row.

        `and_then` goes into the same transaction. Raises `MediaTypeMismatch` and `StoreTrouble`.
        """
        if not media.agrees(media_type, arrived.head):
            raise errors.MediaTypeMismatch(f"The bytes do not begin as {media_type} does.")
        blobs = self._kernel.store.blobs
        asset = Asset(
            asset_id=self._kernel.new_id(),
            owner_id=me.user_id,
            media_type=media_type,
            size=arrived.size,
            sha256=arrived.sha256,
            created_at=self._kernel.now(),
        )

        def deed(commands: Commands) -> Outcome[None]:
            commands.add_asset(asset)
            and_then(commands, asset.asset_id)
            return Outcome(None)

        with blobs.holding(asset.sha256):
            await self._on_disk(place)
            # The row comes even if its asker goes, so till then the blob must be held.
            with trio.CancelScope(shield=True):
                await self._kernel.do(deed)
        return asset

    async def _on_disk(self, work: Callable[[], None]) -> None:
        await trio.to_thread.run_sync(work, limiter=self._disk)

    async def asset(self, me: Identity, asset_id: str) -> tuple[Asset, Path]:
        """An asset and the file with its bytes, for who can read it; 404 `unknown_asset`."""
        asset = await self._kernel.ask(lambda queries: to_read_asset(queries, asset_id, me.user_id))
        return asset, self._kernel.store.blobs.path(asset.sha256)

    async def clear_away(self) -> None:
        """Drop orphans, and remove every blob that no asset has. Raises `StoreTrouble`."""
        before = self._kernel.now() - media.ORPHAN_MS

        def orphans(commands: Commands, limit: int) -> int:
            return commands.remove_orphans(before, limit)

        await self._kernel.clear(orphans)
        blobs = self._kernel.store.blobs
        for shelf in await trio.to_thread.run_sync(blobs.shelves, limiter=self._disk):
            if shelf:
                await self._kernel.do(partial(self._remove_unknown, shelf))

    def _remove_unknown(self, shelf: list[bytes], commands: Commands) -> Outcome[None]:
        for digest in shelf:
            self._kernel.store.blobs.remove_unless(digest, commands.keeps_blob)
        return Outcome(None)


def _too_large(limit: int) -> ApiError:
    return errors.AssetTooLarge(f"An asset has at most {limit} bytes.")
