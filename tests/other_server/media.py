"""Files: kept whole, told apart by their first bytes, shown to whoever sees a message with them."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from .people import House
from .rooms import Room
from .wire import Refused

Json = Any

BEGINNINGS = (
    (rb"\x89PNG\r\n\x1a\n", ("image/png",)),
    (rb"\xff\xd8\xff", ("image/jpeg",)),
    (rb"GIF8[79]a", ("image/gif",)),
    (rb"RIFF....WEBP", ("image/webp",)),
    (rb"RIFF....WAVE", ("audio/wav", "audio/x-wav", "audio/wave")),
    (rb"ID3|\xff[\xe2-\xff]", ("audio/mpeg",)),
    (rb"fLaC", ("audio/flac", "audio/x-flac")),
    (rb"OggS", ("audio/ogg", "video/ogg")),
    (rb"\x1aE\xdf\xa3", ("audio/webm", "video/webm", "video/x-matroska")),
    (rb"....ftyp", ("audio/mp4", "video/mp4", "audio/m4a", "video/quicktime", "audio/x-m4a")),
    (rb"%PDF-", ("application/pdf",)),
    (rb"PK\x03\x04|\x7fELF|MZ", ()),
)
ALLOWED = r"(image/(?!svg)[\w.+-]+|audio/[\w.+-]+|video/[\w.+-]+|application/(pdf|octet-stream))"


@dataclass(eq=False)
class Asset:
    """One file."""

    asset_id: str
    owner_id: str
    media_type: str
    content: bytes


class Shelf:
    """All files."""

    def __init__(self, house: House, rooms: dict[str, Room]) -> None:
        self._house = house
        self._rooms = rooms
        self._assets: dict[str, Asset] = {}

    async def store(self, request: web.Request, owner_id: str) -> Asset:
        """Keep the body of an upload. Raises `Refused`."""
        media_type = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if not re.fullmatch(ALLOWED, media_type):
            raise Refused("unsupported_media_type")
        most = self._house.limits["max_asset_bytes"]
        if (request.content_length or 0) > most:
            raise Refused("asset_too_large")
        content = bytearray()
        try:
            async for piece in request.content.iter_any():
                content += piece
                if len(content) > most:
                    raise Refused("asset_too_large")
        except ConnectionError:
            raise Refused("malformed", "The upload broke off.") from None
        _check_digest(request.headers.getall("Content-Digest", []), content)
        if media_type != "application/octet-stream":
            _check_beginning(media_type, bytes(content[:16]))
        asset = Asset(self._house.new_id("asset"), owner_id, media_type, bytes(content))
        self._assets[asset.asset_id] = asset
        return asset

    def may_read(self, user_id: str, asset_id: str) -> bool:
        """Whether the user uploaded it or sees an undeleted message that carries or carried it."""
        asset = self._assets.get(asset_id)
        if asset is None:
            return False
        return asset.owner_id == user_id or any(
            asset_id in entry.assets and not entry.deleted and not entry.is_expired_for(user_id)
            for room in self._rooms.values()
            if any(stay.user.user_id == user_id for stay in room.stays)
            for entry in room.visible(user_id)
        )

    def answer(self, request: web.Request, user_id: str, asset_id: str) -> web.Response:
        """The file, or the part that was asked for (RFC 9110). Raises `Refused`."""
        if not self.may_read(user_id, asset_id):
            raise Refused("unknown_asset")
        asset = self._assets[asset_id]
        tag = f'"{hashlib.sha1(asset.content).hexdigest()}"'  # noqa: S324 (names a version)
        headers = {
            "ETag": tag,
            "Content-Disposition": "attachment",
            "X-Content-Type-Options": "nosniff",
            "Accept-Ranges": "bytes",
        }
        known = request.headers.get("If-None-Match", "")
        if known.strip() == "*" or tag in (
            each.strip().removeprefix("W/") for each in known.split(",")
        ):
            return web.Response(status=304, headers=headers)
        headers["Content-Type"] = asset.media_type
        size = len(asset.content)
        span = _span(request, tag, size)
        if span is None:
            return web.Response(body=asset.content, headers=headers)
        first, last = span
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
        return web.Response(status=206, body=asset.content[first : last + 1], headers=headers)


def _span(request: web.Request, tag: str, size: int) -> tuple[int, int] | None:
    """First and last byte asked for, None for all of them. Raises `Refused`."""
    asked = re.fullmatch(r"bytes=\s*(\d*)-(\d*)\s*", request.headers.get("Range", ""))
    if asked is None or not any(asked.groups()) or request.method != "GET":
        return None
    if request.headers.get("If-Range", tag) != tag:
        return None
    first, last = (int(each) if each else None for each in asked.groups())
    if first is None:
        first, last = max(0, size - (last or 0)), size - 1
        if asked.group(2).strip("0") == "":
            first = size
    elif last is not None and last < first:
        return None
    if first >= size:
        headers = {"Content-Range": f"bytes */{size}"}
        raise Refused("range_not_satisfiable", headers=headers)
    return first, min(size - 1 if last is None else last, size - 1)


def _check_digest(fields: list[str], content: bytearray) -> None:
    for each in ",".join(fields).split(","):
        name, _, value = each.strip().partition("=")
        if name.lower() != "sha-256":
            continue
        right = base64.b64encode(hashlib.sha256(content).digest()).decode()
        if value != f":{right}:":
            raise Refused("digest_mismatch")


def _check_beginning(media_type: str, beginning: bytes) -> None:
    for expression, types in BEGINNINGS:
        if re.match(expression, beginning, re.DOTALL):
            if media_type not in types:
                raise Refused("media_type_mismatch")
            return
    if any(media_type in types for _, types in BEGINNINGS) and beginning:
        raise Refused("media_type_mismatch")
