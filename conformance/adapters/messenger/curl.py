"""A recorded request as a command for a shell."""

from __future__ import annotations

import shlex

import msgspec

from ...history import Event, Wire
from ..base import Json


def curl(base: str, event: Event) -> str | None:
    """The curl command that repeats `event`, its token masked; None if it is no request."""
    if not isinstance(event, Wire) or event.kind != "request":
        return None
    request: dict[str, Json] = event.content
    words = ["curl", "-i"]
    if request["method"] == "HEAD":
        words.append("--head")
    elif request["method"] != "GET" or request["body"] is not None:
        words += ["-X", request["method"]]
    for name, value in request["headers"].items():
        if name.lower() == "authorization":
            # Double quotes, so that the shell puts the token in.
            words.append('-H "Authorization: Bearer $TOKEN"')
        else:
            words.append(f"-H {shlex.quote(f'{name}: {value}')}")
    if request["body"] is not None:
        body = request["body"]
        text = body if isinstance(body, str) else msgspec.json.encode(body).decode()
        words.append(f"--data-binary {shlex.quote(text)}")
    if "file" in request:
        words.append("--data-binary @FILE")
    words.append(shlex.quote(base + request["path"]))
    return " ".join(words)
