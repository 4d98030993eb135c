"""The raw escapes: requests and socket messages below every verb."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET

from ..adapters.base import Client, Raw, RawMessage, RawRequest
from ..cast import Device
from ..findings import ScenarioFault
from ..language.escapes import Bytes, Request
from ..values import describe
from .base import Verb, line_of, size_of

Json = Any


async def request(device: Device, args: Request) -> Json:
    """One HTTP request, with the device's token."""
    return await request_as(device.client, args)


async def request_as(client: Client, args: Request) -> Json:
    """One HTTP request, with the client's token if it has one."""
    headers = {name: _text(value, f"the header `{name}`") for name, value in args.headers.items()}
    content = _content(args)
    if content is not None and args.base64 is UNSET:
        named = {name.lower() for name in headers}
        headers |= {} if "content-type" in named else {"Content-Type": "application/json"}
    return await _raw(client).request(
        RawRequest(
            method=args.method, path=_text(args.path, "`path`"), headers=headers, content=content
        )
    )


def _content(args: Request) -> bytes | None:
    if args.body is not UNSET:
        return msgspec.json.encode(args.body)
    if args.text is not UNSET:
        return _text(args.text, "`text`").encode()
    if args.base64 is not UNSET:
        return _base64(args.base64)
    if args.size is not UNSET:
        return _json_of(args.size)
    return None


async def frame(device: Device, args: Json) -> None:
    """One object as a frame, in the connection's encoding."""
    line_of(device)
    await _raw(device.client).frame(args)


async def bytes_(device: Device, args: Bytes) -> None:
    """One message of any bytes."""
    line_of(device)
    await _raw(device.client).message(_message(args))


def _message(args: Bytes) -> RawMessage:
    if args.text is not UNSET:
        return RawMessage(kind="text", payload=_text(args.text, "`text`").encode())
    if args.binary is not UNSET:
        return RawMessage(kind="binary", payload=_base64(args.binary))
    if args.invalid_utf8 is not UNSET:
        return RawMessage(kind="text", payload=_base64(args.invalid_utf8))
    return RawMessage(kind="text", payload=_json_of(args.size))


def _raw(client: Client) -> Raw:
    if client.raw is None:
        raise ScenarioFault("this adapter's protocol has no raw requests and frames")
    return client.raw


def _json_of(size: Json) -> bytes:
    return b'"' + b"x" * (size_of(size, "size", least=2) - 2) + b'"'


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ScenarioFault(f"this is no base64: {error}") from error


def _text(value: Json, what: str) -> str:
    if isinstance(value, Mapping | list) or value is None:
        raise ScenarioFault(f"{what} is a text, and this is {describe(value)}")
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


ESCAPES: dict[str, Verb] = {"request": request, "frame": frame, "bytes": bytes_}
