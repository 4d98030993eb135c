"""Verbs of media: files from the seed are uploaded, and downloads compared with them."""

from __future__ import annotations

import base64
from hashlib import sha256
from typing import Any

from msgspec import UNSET

from ..adapters.base import DownloadCall, UploadCall
from ..cast import Device
from ..findings import ScenarioFault
from ..model import Download, Upload
from ..samples import FORMATS, OPAQUE, TooSmall, sample
from ..values import describe
from .base import Verb, id_of, optional

Json = Any

_TYPE = "image/png"
_SIZE = 4_096


async def upload(device: Device, args: Upload) -> Json:
    """Upload a file; one that is broken off has no answer to speak of."""
    media_type = _TYPE if args.type is UNSET else args.type
    content = _content(device, args, media_type)
    call = UploadCall(
        media_type=str(media_type),
        content=content,
        digest=_digest(args.digest, content),
        chunked=args.chunked,
        cut_at=_number(args.cut_at, "cut_at") if args.cut_at is not UNSET else None,
        resume=None if args.resume is UNSET else _begun(args.resume),
    )
    if args.via == "tus":
        return await device.client.upload_resumably(call)
    return await device.client.upload(call)


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
    size = _SIZE if args.size is UNSET else _number(args.size, "size")
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
    headers = {name: str(value) for name, value in args.headers.items()}
    if (part := optional(args.range)) is not None:
        headers["Range"] = str(part)
    return await device.client.download(
        DownloadCall(asset_id=id_of(args.asset, "asset_id"), method=args.method, headers=headers)
    )


MEDIA: dict[str, Verb] = {"upload": upload, "download": download}
