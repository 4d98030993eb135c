"""Faults in assets and resumable uploads (AST)."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, BinaryIO

from msgspec.structs import replace

from ..core import errors, tus
from ..core import media as types
from ..core.model import Upload
from ..service import media, messages
from ..service.uploads import Uploads
from ..storage.base import Queries
from ..storage.blobs import Incoming
from ..storage.partials import Partials
from ..storage.sqlite import SqliteStore
from ..storage.sqlite_queries import SqliteQueries
from ..transport import assets, conditional
from .seams import Genuine, Seams, fault


@fault("AST-1")
def a_byte_is_lost(seams: Seams) -> None:
    """What is downloaded differs in one byte from what was uploaded."""

    @seams.instead(Incoming, "write")
    def write(genuine: Genuine, incoming: Incoming, data: bytes) -> None:
        genuine(incoming, data)
        incoming._file.seek(-1, os.SEEK_END)
        incoming._file.write(b"\0")


@fault("AST-2", "CONV-5", "SEC-2")
def assets_are_open_to_who_knows_the_id(seams: Seams) -> None:
    """Whoever knows the id of an asset can download it."""

    @seams.instead(media, "to_read_asset")
    def to_read(_genuine: Genuine, queries: Queries, asset_id: str, _user_id: str) -> Any:
        asset = queries.asset(asset_id)
        if asset is None:
            raise errors.UnknownAsset
        return asset


@fault("AST-2")
def newcomers_see_old_assets(seams: Seams) -> None:
    """Who joins a group can download what was shared in it before."""

    @seams.instead(SqliteQueries, "sees_asset")
    def sees(_genuine: Genuine, queries: SqliteQueries, asset_id: str, user_id: str) -> bool:
        row = queries._one(
            "SELECT 1 FROM carried c JOIN stays s USING (conversation_id)"
            " WHERE c.asset_id = ? AND s.user_id = ?",
            asset_id, user_id,
        )  # fmt: skip
        return row is not None


@fault("AST-2")
def deleted_messages_keep_their_assets(seams: Seams) -> None:
    """The picture of a message that was deleted can still be downloaded by who saw it."""

    @seams.instead(SqliteQueries, "sees_asset")
    def sees(_genuine: Genuine, queries: SqliteQueries, asset_id: str, user_id: str) -> bool:
        row = queries._one(
            "SELECT 1 FROM carried c JOIN stays s USING (conversation_id)"
            " WHERE c.asset_id = ? AND s.user_id = ? AND s.latest = 1"
            " AND c.seq >= s.joined_seq AND (s.left_seq IS NULL OR c.seq <= s.left_seq)",
            asset_id, user_id,
        )  # fmt: skip
        return row is not None


@fault("AST-2")
def only_uploaders_see_assets(seams: Seams) -> None:
    """Who receives a picture cannot download it."""

    @seams.instead(SqliteQueries, "sees_asset")
    def sees(_genuine: Genuine, *_which: Any) -> bool:
        return False


@fault("AST-3")
def every_type_is_believed(seams: Seams) -> None:
    """A file that is no picture can be uploaded as one."""

    @seams.instead(types, "agrees")
    def agrees(_genuine: Genuine, *_what: Any) -> bool:
        return True


@fault("AST-3")
def drawings_may_hold_scripts(seams: Seams) -> None:
    """SVG, which may hold scripts, is taken as a picture."""
    seams.value(types, "_SVG", frozenset())


@fault("AST-3")
def digests_are_not_looked_at(seams: Seams) -> None:
    """An upload that was damaged on its way is taken, though its digest tells."""

    @seams.instead(types, "check_digest")
    def check(_genuine: Genuine, _field: str | None) -> None:
        return None


@fault("AST-3", "AST-1")
def files_of_unknown_length_are_cut(seams: Seams) -> None:
    """Of a file whose length is not told, the first mebibyte is taken for the whole, however large it is."""

    @seams.instead(media.Media, "upload")
    async def upload(genuine: Genuine, use: Any, me: Any, claim: Any, pieces: Any) -> Any:
        async def cut() -> AsyncIterator[bytes]:
            room = 1_048_576
            async for piece in pieces:
                yield piece[:room]
                room -= len(piece[:room])

        return await genuine(use, me, claim, cut() if claim.size is None else pieces)


@fault("AST-4")
def ranges_end_early(seams: Seams) -> None:
    """Each part of a file that is asked for lacks its last byte."""

    @seams.instead(assets, "part_for")
    def part_for(genuine: Genuine, *request: Any) -> Any:
        part = genuine(*request)
        return replace(part, end=part.end - 1) if part.status == 206 and part.end > 1 else part


@fault("AST-4")
def what_one_has_comes_again(seams: Seams) -> None:
    """A client that has the file already gets it again, whatever it says in `If-None-Match`."""

    @seams.instead(conditional, "parse_etags")
    def parse(genuine: Genuine, _field: str | None) -> Any:
        return genuine(None)


@fault("AST-4")
def ranges_beyond_the_end_are_empty(seams: Seams) -> None:
    """A part that begins behind the end of a file is answered with the whole file."""

    @seams.instead(assets, "part_for")
    def part_for(genuine: Genuine, *request: Any) -> Any:
        try:
            return genuine(*request)
        except errors.RangeNotSatisfiable as beyond:
            return conditional.Part(200, 0, beyond.extra["size"])


@fault("AST-5")
def offsets_are_believed(seams: Seams) -> None:
    """A piece of an upload that says a wrong offset is appended all the same."""

    @seams.instead(Uploads, "proceed")
    async def proceed(
        genuine: Genuine, use: Uploads, me: Any, upload_id: str, _offset: int, *rest: Any
    ) -> Any:
        upload = await use._own(me, upload_id)
        at = upload.size if upload.asset_id else await use._offset(upload_id)
        return await genuine(use, me, upload_id, at, *rest)


@fault("AST-5", "AST-1")
def resuming_begins_anew(seams: Seams) -> None:
    """An upload that was interrupted and goes on has lost what had come before."""

    @seams.instead(Partials, "open")
    def open_(_genuine: Genuine, partials: Partials, name: str) -> BinaryIO:
        path: Path = partials.path(name)
        return path.open("wb", buffering=0)


@fault("AST-5")
def offsets_run_ahead(seams: Seams) -> None:
    """The offset that a client is told to go on from is beyond what has arrived."""

    @seams.instead(Uploads, "look")
    async def look(genuine: Genuine, *what: Any) -> tuple[Upload, int]:
        upload, offset = await genuine(*what)
        return upload, min(offset + 1, upload.size) if offset else offset


@fault("AST-5", "AST-3")
def checksums_are_not_looked_at(seams: Seams) -> None:
    """A piece of an upload that does not fit its checksum is kept."""

    @seams.instead(tus, "check_checksum")
    def check(_genuine: Genuine, _value: str | None) -> None:
        return None


@fault("AST-6", "AST-2")
def every_asset_can_be_passed_on(seams: Seams) -> None:
    """Whoever knows the id of an asset can send it to a friend, who can then download it."""

    @seams.instead(messages, "to_read_asset")
    def to_read(_genuine: Genuine, *_what: Any) -> None: ...


@fault("AST-5")
def resumable_uploads_hide_what_they_can(seams: Seams) -> None:
    """A client that asks is not told that checksums are known, or that uploads can be given up."""
    seams.value(tus, "EXTENSIONS", "creation")


@fault("AST-5")
def a_kill_takes_what_had_arrived(seams: Seams) -> None:
    """An upload that was interrupted by a kill of the server begins anew."""

    @seams.instead(Partials, "__init__")
    def opened(genuine: Genuine, partials: Partials, folder: Path) -> None:
        genuine(partials, folder)
        for name in partials.names():
            partials.discard(name)


@fault("AST-5")
def a_kill_ends_uploads(seams: Seams) -> None:
    """An upload that was under way when the server was killed is not known any more."""

    @seams.instead(SqliteStore, "__init__")
    def opened(genuine: Genuine, store: SqliteStore, *where: Any) -> None:
        genuine(store, *where)
        store.commands._do("DELETE FROM uploads WHERE asset_id IS NULL")


@fault("AST-5")
def given_up_uploads_go_on(seams: Seams) -> None:
    """An upload that was given up is still there."""

    @seams.instead(Uploads, "terminate")
    async def terminate(_genuine: Genuine, *_which: Any) -> None: ...


@fault("AST-3", "SEC-4")
def uploads_outgrow_their_length(seams: Seams) -> None:
    """A resumable upload takes more bytes than it was begun for."""

    @seams.instead(Uploads, "proceed")
    async def proceed(
        genuine: Genuine, use: Uploads, me: Any, upload_id: str, offset: int, checksum: Any,
        _length: int | None, pieces: Any,
    ) -> Any:  # fmt: skip
        return await genuine(use, me, upload_id, offset, checksum, None, pieces)

    @seams.instead(Uploads, "_fill")
    async def fill(genuine: Genuine, use: Uploads, name: str, upload: Upload, *rest: Any) -> None:
        await genuine(use, name, replace(upload, size=2 * upload.size), *rest)
