"""The routes of resumable uploads: tus 1.0.0 at `/v1.0/uploads` (§7).

Extensions: creation, termination, checksum, expiration. As everywhere, a token comes first, so also
before `OPTIONS`. A client that may not use `PATCH` and `DELETE` says them in `X-HTTP-Method-Override`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from quart import Blueprint, Response, request
from werkzeug.exceptions import MethodNotAllowed
from werkzeug.http import http_date

from ..core import errors, tus
from ..core.model import Identity, Upload
from ..service import Service
from . import bodies
from .answers import nothing
from .gate import Gate

Deed = Callable[[Identity, str], Awaitable[Response]]


def uploads(service: Service, gate: Gate) -> Blueprint:
    """Creation, offset, continuation, termination."""
    routes = Blueprint("uploads", __name__, url_prefix="/v1.0/uploads")
    use = service.uploads

    @routes.after_request
    async def speak_tus(response: Response) -> Response:
        response.headers["Tus-Resumable"] = tus.VERSION
        if response.status_code == errors.UnsupportedTusVersion.status:
            response.headers["Tus-Version"] = tus.VERSION
        return response

    @routes.route("", methods=["OPTIONS"])
    @routes.route("/<upload_id>", methods=["OPTIONS"])
    @gate.authenticated
    async def offer(_me: Identity, **_ids: str) -> Response:
        return nothing(
            204,
            {
                "Tus-Version": tus.VERSION,
                "Tus-Extension": tus.EXTENSIONS,
                "Tus-Max-Size": str(service.kernel.limits.max_asset_bytes),
                "Tus-Checksum-Algorithm": ",".join(tus.ALGORITHMS),
            },
        )

    @routes.post("")
    @gate.authenticated
    async def create(me: Identity) -> Response:
        tus.check_version(request.headers.get("Tus-Resumable"))
        upload = await use.begin(
            me, request.headers.get("Upload-Length"), request.headers.get("Upload-Metadata")
        )
        return nothing(201, {"Location": f"/v1.0/uploads/{upload.upload_id}"} | _standing(upload))

    async def look(me: Identity, upload_id: str) -> Response:
        tus.check_version(request.headers.get("Tus-Resumable"))
        upload, offset = await use.look(me, upload_id)
        told = {
            "Upload-Offset": str(offset),
            "Upload-Length": str(upload.size),
            "Cache-Control": "no-store",
        }
        if upload.metadata is not None:
            told["Upload-Metadata"] = upload.metadata
        return nothing(200, told | _standing(upload))

    async def proceed(me: Identity, upload_id: str) -> Response:
        tus.check_version(request.headers.get("Tus-Resumable"))
        if request.headers.get("Content-Type") != tus.OFFSET_TYPE:
            raise errors.UnsupportedMediaType(f"A piece of an upload is {tus.OFFSET_TYPE}.")
        upload, offset = await use.proceed(
            me,
            upload_id,
            tus.check_offset(request.headers.get("Upload-Offset")),
            tus.check_checksum(request.headers.get("Upload-Checksum")),
            request.content_length,
            bodies.Arriving(request),
        )
        return nothing(204, {"Upload-Offset": str(offset)} | _standing(upload))

    async def terminate(me: Identity, upload_id: str) -> Response:
        tus.check_version(request.headers.get("Tus-Resumable"))
        await use.terminate(me, upload_id)
        return nothing(204, {})

    deeds: dict[str, Callable[[Identity, str], Awaitable[Response]]] = {
        "HEAD": look,
        "PATCH": proceed,
        "DELETE": terminate,
    }

    @routes.route("/<upload_id>", methods=["HEAD", "PATCH", "DELETE", "POST"])
    @gate.authenticated
    async def upload(me: Identity, upload_id: str) -> Response:
        method = request.headers.get("X-HTTP-Method-Override", request.method)
        if method not in deeds:
            raise MethodNotAllowed([*deeds, "OPTIONS"])
        return await deeds[method](me, upload_id)

    return routes


def _standing(upload: Upload) -> dict[str, str]:
    """What has become of an upload, or until when it can be gone on with."""
    if upload.asset_id is not None:
        return {"Messenger-Asset-Id": upload.asset_id}
    return {"Upload-Expires": http_date(upload.expires_at / 1000)}
