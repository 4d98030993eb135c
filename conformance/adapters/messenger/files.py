"""Assets: uploads in pieces, and downloads held against what was uploaded.

Whatever else a scenario asks of a download, its bytes must be those of the asset (AST-1), and those of
a partial answer the ones that its `Content-Range` names (AST-4). So the session remembers what it
uploaded, and looks for itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import sha256

from ..base import DownloadCall, Json, Malformed, UploadCall
from . import shapes
from .notebook import Notebook, Uploaded
from .rest import Answer, FileSent, Rest, path_of, refusal_of

PIECE = 65_536
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})")


class BrokenOff(Exception):
    """A body ended early, as the scenario wants it."""


def pieces(content: bytes, cut_at: int | None) -> Iterator[bytes]:
    """A body in pieces; raises `BrokenOff` once it has given `cut_at` bytes of it."""
    end = len(content) if cut_at is None else cut_at
    for begin in range(0, end, PIECE):
        yield content[begin : min(begin + PIECE, end)]
    if cut_at is not None:
        raise BrokenOff


class Files:
    """The verbs of media; a part of `client.MessengerClient`."""

    lane: str
    token: str | None
    rest: Rest
    notebook: Notebook

    async def upload(self, call: UploadCall) -> Json:
        """``POST /assets``. Answers ``{cut: true}`` for one that was broken off."""
        headers = {"Content-Type": call.media_type}
        if call.chunked:
            headers["Transfer-Encoding"] = "chunked"
        else:
            headers["Content-Length"] = str(len(call.content))
        if call.digest is not None:
            headers["Content-Digest"] = call.digest
        file = FileSent(
            pieces=pieces(call.content, call.cut_at),
            told=f"{len(call.content)} bytes"
            + ("" if call.cut_at is None else f", broken off after {call.cut_at}"),
        )
        try:
            answer = await self.rest.exchange(
                self.lane, "POST", path_of("assets"), token=self.token, headers=headers, file=file
            )
        except BrokenOff:
            return {"cut": True}
        if answer.status >= 400:
            raise refusal_of(answer.status, answer.media_type, answer.body)
        asset = shapes.read(answer.body, shapes.Asset, "the answer to an upload")
        digest = sha256(call.content).hexdigest()
        if asset.size != len(call.content) or asset.sha256 != digest:
            raise Malformed(
                f"the answer to an upload speaks of other bytes: {asset.size}, sha256 "
                f"{asset.sha256}, and {len(call.content)} were sent, sha256 {digest}",
                requirement="AST-1",
            )
        self.notebook.uploaded[asset.asset_id] = Uploaded(call.content, "AST-1")
        return {**answer.body, "status": answer.status, "headers": answer.headers}

    async def download(self, call: DownloadCall) -> Json:
        """``GET`` or ``HEAD /assets/{asset_id}``; also 206 and 304 are answers."""
        answer = await self._downloaded(call)
        return {
            "status": answer.status,
            "headers": answer.headers,
            "media_type": answer.media_type,
            "etag": answer.headers.get("etag"),
            "size": len(answer.content),
            "sha256": sha256(answer.content).hexdigest(),
        }

    async def fetch(self, asset_id: str) -> bytes:
        """``GET /assets/{asset_id}``, its bytes."""
        call = DownloadCall(asset_id=asset_id, method="GET", headers={})
        return (await self._downloaded(call)).content

    async def _downloaded(self, call: DownloadCall) -> Answer:
        path = path_of("assets", call.asset_id)
        answer = await self.rest.exchange(
            self.lane, call.method, path, token=self.token, headers=call.headers
        )
        if answer.status >= 400:
            raise refusal_of(answer.status, answer.media_type, answer.body)
        uploaded = self.notebook.uploaded.get(call.asset_id)
        if uploaded is not None and call.method == "GET":
            _compare(answer, uploaded)
        return answer


def _compare(answer: Answer, uploaded: Uploaded) -> None:
    """Hold what came against what it should be. Raises `Malformed`."""
    expected, requirement = uploaded.content, uploaded.requirement
    if answer.status == 206:
        expected, requirement = _part_of(answer, uploaded.content), "AST-4"
    elif answer.status != 200:
        expected, requirement = b"", "AST-4"
    if answer.content != expected:
        raise Malformed(
            f"a download with status {answer.status} has {len(answer.content)} bytes, and they are "
            f"not the {len(expected)} that were uploaded there",
            requirement=requirement,
        )


def _part_of(answer: Answer, uploaded: bytes) -> bytes:
    told = answer.headers.get("content-range", "")
    found = _CONTENT_RANGE.fullmatch(told)
    if found is None or int(found[3]) != len(uploaded):
        raise Malformed(
            f"the Content-Range of a 206 for {len(uploaded)} bytes is `{told}`", requirement="AST-4"
        )
    return uploaded[int(found[1]) : int(found[2]) + 1]
