"""Resumable uploads: the client's side of tus 1.0.0, broken off where a scenario wants it.

It trusts no memory of its own: what it goes on with is the offset that the server tells, after making
sure that this is one (AST-5). Everything that was acknowledged must be there, and nothing that was
never sent.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from hashlib import sha256

from ..base import Json, Malformed, Refusal, UploadCall
from .files import BrokenOff, pieces
from .notebook import Notebook, Uploaded
from .rest import Answer, FileSent, Rest, path_of, refusal_of

_TUS = {"Tus-Resumable": "1.0.0"}
_REQUIREMENT = "AST-5"


class Resumable:
    """The verb ``upload`` via tus; a part of `client.MessengerClient`."""

    lane: str
    token: str | None
    rest: Rest
    notebook: Notebook

    async def upload_resumably(self, call: UploadCall) -> Json:
        """Begin or go on; answers ``{upload, offset, cut: true}`` for one that was broken off."""
        where, known = call.resume or (await self._begin(call), 0)
        offset = await self._offset(where, call, known)
        asset_id: str | None = None
        while asset_id is None:
            told = f"{len(call.content)} bytes from {offset} on"
            cut_at = None if call.cut_at is None else max(call.cut_at - offset, 0)
            headers = {
                "Upload-Offset": str(offset),
                "Content-Type": "application/offset+octet-stream",
                "Content-Length": str(len(call.content) - offset),
            }
            try:
                file = FileSent(pieces=pieces(call.content[offset:], cut_at), told=told)
                answer = await self._ask("PATCH", where, headers, file)
            except BrokenOff:
                return {"upload": where, "offset": offset, "cut": True}
            except Refusal as refusal:
                if refusal.code != "offset_mismatch":
                    raise
                # What was broken off may have been on its way still when the offset was asked for.
                before, offset = offset, await self._offset(where, call, offset)
                if offset == before:
                    raise
                continue
            reached = _number(answer, "upload-offset")
            if not offset < reached <= len(call.content) and len(call.content) > 0:
                raise Malformed(
                    f"a PATCH at offset {offset} was answered with the offset {reached}",
                    requirement=_REQUIREMENT,
                )
            offset = reached
            if offset == len(call.content):
                asset_id = await self._asset(where, answer)
        self.notebook.uploaded[asset_id] = Uploaded(call.content, _REQUIREMENT)
        return {
            "asset_id": asset_id,
            "upload": where,
            "offset": offset,
            "media_type": call.media_type,
            "size": len(call.content),
            "sha256": sha256(call.content).hexdigest(),
        }

    async def _begin(self, call: UploadCall) -> str:
        filetype = base64.b64encode(call.media_type.encode()).decode()
        headers = {
            "Upload-Length": str(len(call.content)),
            "Upload-Metadata": f"filetype {filetype}",
        }
        answer = await self._ask("POST", path_of("uploads"), headers)
        location = answer.headers.get("location")
        if answer.status != 201 or not location:
            raise Malformed(
                f"an upload was begun with status {answer.status} and "
                + (f"the address {location}" if location else "without a Location"),
                requirement=_REQUIREMENT,
            )
        return location

    async def _offset(self, where: str, call: UploadCall, known: int) -> int:
        answer = await self._ask("HEAD", where, {})
        offset, length = _number(answer, "upload-offset"), _number(answer, "upload-length")
        if not known <= offset <= length == len(call.content):
            raise Malformed(
                f"an upload of {len(call.content)} bytes, of which {known} were acknowledged, is said "
                f"to have {offset} of {length}",
                requirement=_REQUIREMENT,
            )
        return offset

    async def _asset(self, where: str, last: Answer) -> str:
        """The asset that an upload has become, as the last PATCH and a HEAD tell it."""
        found = last.headers.get("messenger-asset-id")
        seen = (await self._ask("HEAD", where, {})).headers.get("messenger-asset-id")
        if found is None or found != seen:
            raise Malformed(
                f"the asset of a complete upload is {found} by its last PATCH, and {seen} by a HEAD",
                requirement=_REQUIREMENT,
            )
        return found

    async def _ask(
        self, method: str, path: str, headers: Mapping[str, str], file: FileSent | None = None
    ) -> Answer:
        answer = await self.rest.exchange(
            self.lane, method, path, token=self.token, headers={**_TUS, **headers}, file=file
        )
        if answer.status >= 400:
            raise refusal_of(answer.status, answer.media_type, answer.body)
        return answer


def _number(answer: Answer, name: str) -> int:
    value = answer.headers.get(name, "")
    if not value.isdecimal():
        raise Malformed(f"`{name}` of an upload is `{value}`", requirement=_REQUIREMENT)
    return int(value)
