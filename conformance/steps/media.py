"""Verbs of media: files from the seed are uploaded, and downloads compared with them."""

from __future__ import annotations

import base64
from hashlib import sha256
from typing import Any

import msgspec
from msgspec import UNSET

from ..adapters.base import DownloadCall, Refusal, UploadCall
from ..cast import Device
from ..crypto import FileKey, Rejected, open_file, seal_file
from ..findings import ScenarioFault
from ..language.media import Download, Upload
from ..samples import FORMATS, OPAQUE, TooSmall, sample
from ..values import describe
from .base import Verb, id_of, optional, size_of

Json = Any

_TYPE = "image/png"
_SIZE = 4_096


async def upload(device: Device, args: Upload) -> Json:
    """Upload a file; one that is broken off has no answer to speak of."""
    media_type = _TYPE if args.type is UNSET else args.type
    content = _content(device, args, media_type)
    told: FileKey | None = None
    if args.encrypted:
        name = device.cast.canary(f"a file's name of {device.lane}")
        content, told = seal_file(content, media_type=str(media_type), name=name)
        device.cast.plant(told.key, f"a file's key of {device.lane}")
        media_type = OPAQUE
    call = UploadCall(
        media_type=str(media_type),
        content=content,
        digest=_digest(args.digest, content),
        chunked=args.chunked,
        cut_at=_number(args.cut_at, "cut_at") if args.cut_at is not UNSET else None,
        resume=None if args.resume is UNSET else _begun(args.resume),
    )
    upload_it = device.client.upload_resumably if args.via == "tus" else device.client.upload
    asset = await upload_it(call)
    if told is None or "asset_id" not in asset:
        return asset
    return {**asset, "file": {"asset_id": asset["asset_id"], **msgspec.to_builtins(told)}}


def _begun(value: Json) -> tuple[str, int]:
    """Where an upload that was broken off is, and what was acknowledged of it."""
    offset = value.get("offset") if isinstance(value, dict) else None
    return id_of(value, "upload"), _number(offset, "offset")


def _content(device: Device, args: Upload, media_type: Json) -> bytes:
    kind = media_type if args.really is UNSET else args.really
    if kind not in FORMATS and args.really is UNSET:
        kind = OPAQUE
    if kind not in FORMATS:
        known = ", ".join(f"`{each}`" for each in FORMATS)
        raise ScenarioFault(f"`really` is one of {known}, and this is {describe(kind)}")
    size = _SIZE if args.size is UNSET else size_of(args.size, "size")
    name = device.next_what("file") if args.named is UNSET else f"file/{args.named}"
    try:
        return sample(kind, size, device.cast.seeds.stream(name))
    except TooSmall as small:
        raise ScenarioFault(f"`size`: {small}") from small


def _digest(asked: Json, content: bytes) -> str | None:
    if asked is UNSET:
        return None
    if asked not in ("right", "wrong"):
        return str(asked)
    digest = sha256(content if asked == "right" else content + b"!").digest()
    return f"sha-256=:{base64.b64encode(digest).decode()}:"


def _number(value: Json, what: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ScenarioFault(f"`{what}` is a whole number, and this is {describe(value)}")
    return value


async def download(device: Device, args: Download) -> Json:
    """Download a file, or a part of it."""
    if args.file is not UNSET:
        return await _opened(device, args.file)
    headers = {name: str(value) for name, value in args.headers.items()}
    if (part := optional(args.range)) is not None:
        headers["Range"] = str(part)
    return await device.client.download(
        DownloadCall(asset_id=id_of(args.asset, "asset_id"), method=args.method, headers=headers)
    )


async def _opened(device: Device, file: Json) -> Json:
    """Download an encrypted file and open it; it must be the one that its message spoke of."""
    asset_id = id_of(file, "asset_id")
    try:
        told = msgspec.convert(file, FileKey)
    except msgspec.ValidationError as error:
        raise ScenarioFault(f"`file` is the one of a decrypted message: {error}") from None
    try:
        content = open_file(await device.client.fetch(asset_id), told)
    except Rejected as rejected:
        body = {"code": rejected.code, "detail": str(rejected)}
        raise Refusal(rejected.code, None, body) from None
    return {"media_type": told.media_type, "size": len(content), "sha256": told.sha256}


MEDIA: dict[str, Verb] = {"upload": upload, "download": download}
