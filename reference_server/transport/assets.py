"""The routes of assets (§7): bytes in, bytes out, neither ever whole in memory."""

from __future__ import annotations

from msgspec import Struct
from quart import Blueprint, Response, request
from quart_trio.wrappers.response import TrioFileBody

from ..core import errors
from ..core.model import Asset, Identity
from ..service import Service
from ..service.media import Claim
from . import bodies
from .answers import answer
from .conditional import part_for
from .gate import Gate

CHUNK_BYTES = 262_144
DOWNLOAD_S = 60.0
SLOWEST_BYTES_PER_S = 8_192
"""A download may take `DOWNLOAD_S`, and a second more for each of these bytes."""


class AssetAnswer(Struct, frozen=True):
    """An asset as its uploader is told of it; `sha256` in hexadecimal."""

    asset_id: str
    media_type: str
    size: int
    sha256: str


def asset_path(asset_id: str) -> str:
    """Where an asset is."""
    return f"/v1.0/assets/{asset_id}"


def assets(service: Service, gate: Gate) -> Blueprint:
    """Upload and download."""
    routes = Blueprint("assets", __name__, url_prefix="/v1.0/assets")

    @routes.post("")
    @gate.authenticated
    async def upload(me: Identity) -> Response:
        claim = Claim(
            media_type=request.headers.get("Content-Type"),
            digest=", ".join(request.headers.getlist("Content-Digest")),
            size=request.content_length,
        )
        asset = await service.media.upload(me, claim, bodies.Arriving(request))
        told = AssetAnswer(asset.asset_id, asset.media_type, asset.size, asset.sha256.hex())
        response = answer(told, 201)
        response.headers["Location"] = asset_path(asset.asset_id)
        return response

    @routes.get("/<asset_id>")
    @gate.authenticated
    async def download(me: Identity, asset_id: str) -> Response:
        asset, file = await service.media.asset(me, asset_id)
        try:
            body = TrioFileBody(file, buffer_size=CHUNK_BYTES)
        except FileNotFoundError:
            raise errors.UnknownAsset from None  # cleared away between the question and now
        return _answer(asset, body)

    return routes


def _answer(asset: Asset, body: TrioFileBody) -> Response:
    etag = asset.sha256.hex()
    part = part_for(request.method, request.headers, etag, asset.size)
    body.begin, body.end = part.begin, part.end
    content = body if request.method == "GET" and part.begin < part.end else b""
    response = Response(content, part.status, content_type=asset.media_type)
    response.headers.update(
        {
            "Accept-Ranges": "bytes",
            "Cache-Control": "private, no-cache",
            "Content-Disposition": "attachment",
            "Content-Length": str(part.end - part.begin),
            "ETag": f'"{etag}"',
            "X-Content-Type-Options": "nosniff",
        }
    )
    if part.status == 206:
        response.headers["Content-Range"] = f"bytes {part.begin}-{part.end - 1}/{asset.size}"
    if part.status == 304:
        for name in ("Content-Length", "Content-Type", "Content-Disposition"):
            del response.headers[name]
    response.timeout = DOWNLOAD_S + (part.end - part.begin) / SLOWEST_BYTES_PER_S
    return response
