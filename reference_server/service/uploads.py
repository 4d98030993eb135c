"""Resumable uploads (§7, tus 1.0.0): begun, continued from any offset, ended as an asset.

What has arrived lies in a growing file whose length is the offset (`storage.partials`); the row says
whose it is and what it shall become. Bytes without a checksum are kept as they come, so that an
interruption costs nothing (AST-5); bytes with one wait beside until they are all there and right.

One request writes to an upload at a time, and the latest has the right of way: a client that comes
back finds its old request, whose connection is dead without anybody having noticed, pushed aside.

::

    begin ──> arriving ──(last byte)──> asset
                 │ └──(bytes are not of the type)──> gone
                 └──(a day)──> expired, told for a day ──> gone
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import TypeVar

import trio
from msgspec.structs import replace

from ..core import errors, media, tus
from ..core.errors import Unavailable
from ..core.model import Identity, Upload
from ..storage.base import Commands, Queries, StoreTrouble
from .kernel import Kernel, Outcome
from .media import Media

T = TypeVar("T")


class Turn:
    """Whose turn it is to write to one upload."""

    def __init__(self) -> None:
        self.lock = trio.Lock()
        self.scope = trio.CancelScope()
        self.interested = 0


class Uploads:
    """Use cases about resumable uploads."""

    def __init__(self, kernel: Kernel, media_: Media) -> None:
        self._kernel = kernel
        self._media = media_
        self._turns: dict[str, Turn] = {}
        self._disk = trio.CapacityLimiter(4)

    async def begin(self, me: Identity, length: str | None, metadata: str | None) -> Upload:
        """A new upload; one of no bytes is complete at once."""
        now = self._kernel.now()
        upload = Upload(
            upload_id=self._kernel.new_id(),
            owner_id=me.user_id,
            media_type=tus.check_metadata(metadata),
            metadata=metadata,
            size=tus.check_length(length, self._kernel.limits.max_asset_bytes),
            expires_at=now + tus.TTL_MS,
            asset_id=None,
        )

        def deed(commands: Commands) -> Outcome[None]:
            commands.add_upload(upload)
            return Outcome(None)

        await self._kernel.do(deed)
        return upload if upload.size else await self._finish(me, upload)

    async def look(self, me: Identity, upload_id: str) -> tuple[Upload, int]:
        """An upload of one's own and its offset; 404 `unknown_upload`, 410 `upload_expired`.

        Who asks is about to go on, so a request that still writes is stopped: the offset stays true.
        """
        upload = await self._own(me, upload_id)
        if upload.asset_id is not None:
            return upload, upload.size
        async with self._turn(upload_id):
            upload = await self._own(me, upload_id)
            offset = upload.size if upload.asset_id else await self._offset(upload_id)
            if offset == upload.size and upload.asset_id is None:
                # The server was killed between the last byte and the asset.
                upload = await self._finish(me, upload)
            return upload, offset

    async def proceed(
        self,
        me: Identity,
        upload_id: str,
        offset: int,
        checksum: tus.Checksum | None,
        length: int | None,
        pieces: AsyncIterator[bytes],
    ) -> tuple[Upload, int]:
        """Append the bytes that arrive as `pieces`, of which there are `length` if that is told.

        Raises `OffsetMismatch`, `ChecksumMismatch`, `AssetTooLarge`, and, when it was the last piece,
        `MediaTypeMismatch`: then the upload is gone.
        """
        await self._own(me, upload_id)
        async with self._turn(upload_id) as turn:
            upload = await self._own(me, upload_id)
            at = upload.size if upload.asset_id else await self._offset(upload_id)
            if offset != at:
                raise errors.OffsetMismatch(f"{at} bytes have arrived.", offset=at)
            if length is not None and length > upload.size - at:
                raise errors.AssetTooLarge(f"{upload.size - at} bytes are missing, not {length}.")
            if upload.asset_id is not None:
                return upload, at
            with turn.scope:
                await self._receive(upload, at, checksum, pieces)
            if turn.scope.cancelled_caught:
                raise errors.OffsetMismatch("A later request goes on with this upload.")
            at = await self._offset(upload_id)
            return (await self._finish(me, upload) if at == upload.size else upload), at

    async def terminate(self, me: Identity, upload_id: str) -> None:
        """Forget the upload, and drop what has arrived; an asset that it has become stays."""
        await self._own(me, upload_id)
        async with self._turn(upload_id):
            await self._forget(upload_id)

    async def clear_away(self) -> None:
        """Drop rows that need not even be told any more, and files that nobody will go on with."""
        now = self._kernel.now()

        def rows(commands: Commands, limit: int) -> int:
            return commands.remove_uploads(now - tus.TTL_MS, limit)

        await self._kernel.clear(rows)
        for name in await self._on_disk(self._kernel.store.partials.names):
            upload_id = name.partition(".")[0]
            upload = await self._kernel.ask(partial(_row, upload_id))
            wanted = upload is not None and upload.asset_id is None and upload.expires_at > now
            if not wanted and upload_id not in self._turns:
                await self._on_disk(partial(self._kernel.store.partials.discard, name))

    async def _own(self, me: Identity, upload_id: str) -> Upload:
        upload = await self._kernel.ask(partial(_row, upload_id))
        now = self._kernel.now()
        if upload is None or upload.owner_id != me.user_id:
            raise errors.UnknownUpload
        if upload.asset_id is None and upload.expires_at <= now:
            raise (
                errors.UnknownUpload
                if upload.expires_at + tus.TTL_MS <= now
                else errors.UploadExpired
            )
        return upload

    @asynccontextmanager
    async def _turn(self, upload_id: str) -> AsyncIterator[Turn]:
        """The right to write to an upload; whoever has it is asked to stop."""
        turn = self._turns.setdefault(upload_id, Turn())
        turn.interested += 1
        turn.scope.cancel()
        try:
            async with turn.lock:
                turn.scope = trio.CancelScope()
                if turn.lock.statistics().tasks_waiting:
                    turn.scope.cancel()  # somebody later is here already
                yield turn
        finally:
            turn.interested -= 1
            if not turn.interested:
                del self._turns[upload_id]

    async def _receive(
        self,
        upload: Upload,
        at: int,
        checksum: tus.Checksum | None,
        pieces: AsyncIterator[bytes],
    ) -> None:
        partials = self._kernel.store.partials
        name = upload.upload_id if checksum is None else f"{upload.upload_id}.piece"
        if checksum is not None:
            partials.discard(name)  # of a request that a killed server did not finish
        try:
            await self._fill(name, upload, at, checksum, pieces)
            if checksum is not None:
                await self._on_disk(partial(partials.append, upload.upload_id, name))
        except errors.AssetTooLarge:
            await self._on_disk(partial(partials.cut, upload.upload_id, at))
            raise
        finally:
            if checksum is not None:
                partials.discard(name)

    async def _fill(
        self,
        name: str,
        upload: Upload,
        at: int,
        checksum: tus.Checksum | None,
        pieces: AsyncIterator[bytes],
    ) -> None:
        """Append to the file `name`; with a checksum, raise `ChecksumMismatch` when all is there."""
        partials = self._kernel.store.partials
        digest = hashlib.new(checksum.algorithm if checksum else "sha256", usedforsecurity=False)
        with await self._on_disk(partial(partials.open, name)) as file:
            async for piece in pieces:
                at += len(piece)
                if at > upload.size:
                    raise errors.AssetTooLarge(f"The upload has {upload.size} bytes.")
                await self._on_disk(partial(partials.write, file, piece))
                if checksum is not None:
                    digest.update(piece)
        if checksum is not None and digest.digest() != checksum.digest:
            raise errors.ChecksumMismatch

    async def _finish(self, me: Identity, upload: Upload) -> Upload:
        """Make an asset of a whole upload. Raises `MediaTypeMismatch`: then it is gone."""
        partials, blobs = self._kernel.store.partials, self._kernel.store.blobs
        upload_id = upload.upload_id
        arrived = await self._on_disk(partial(partials.arrived, upload_id, media.HEAD_BYTES))
        try:
            asset = await self._media.keep(
                me,
                upload.media_type,
                arrived,
                place=partial(blobs.adopt, partials.path(upload_id), arrived.sha256),
                and_then=lambda commands, asset_id: commands.finish_upload(upload_id, asset_id),
            )
        except StoreTrouble:
            raise Unavailable from None
        except errors.MediaTypeMismatch:
            await self._forget(upload_id)
            raise
        await self._on_disk(partial(partials.discard, upload_id))
        return replace(upload, asset_id=asset.asset_id)

    async def _forget(self, upload_id: str) -> None:
        def deed(commands: Commands) -> Outcome[None]:
            commands.remove_upload(upload_id)
            return Outcome(None)

        await self._kernel.do(deed)
        await self._on_disk(partial(self._kernel.store.partials.discard, upload_id))

    async def _offset(self, upload_id: str) -> int:
        return await self._on_disk(partial(self._kernel.store.partials.size, upload_id))

    async def _on_disk(self, work: Callable[[], T]) -> T:
        try:
            return await trio.to_thread.run_sync(work, limiter=self._disk)
        except StoreTrouble:
            raise Unavailable from None


def _row(upload_id: str, queries: Queries) -> Upload | None:
    return queries.upload(upload_id)
