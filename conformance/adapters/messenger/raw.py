"""The escapes below the verbs: requests and messages exactly as a scenario wrote them.

What the server may take for a message being sent is noted as one all the same, because the checkers
would otherwise find entries in the log that nobody sent.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from ...history import Refused
from ..base import Json, RawMessage, RawRequest, SendCall, Unanswered
from . import shapes
from .jsontext import NotJson, parse
from .rest import Answer

if TYPE_CHECKING:
    from .client import MessengerClient

_POST_MESSAGE = re.compile(r"/v1\.0/conversations/([^/?]+)/messages(?:\?.*)?")
_SHOWN = 2000
"""Bytes of an undecodable body that the record keeps."""


class RawAccess:
    """The escapes below the verbs."""

    def __init__(self, client: MessengerClient) -> None:
        self._client = client

    async def request(self, request: RawRequest) -> Json:
        """One request as written; a message posted by it is noted as a send."""
        client = self._client
        call = _message_posted(request)
        op = client.note_sending(call) if call is not None else None
        answer = await client.rest.exchange(
            client.lane,
            request.method,
            request.path,
            token=client.token,
            content=request.content,
            headers=request.headers,
            shown=_readable(request.content),
        )
        if op is not None:
            self._note_outcome(op, answer)
        return {
            "status": answer.status,
            "headers": answer.headers,
            "body": answer.body,
        }

    def _note_outcome(self, op: int, answer: Answer) -> None:
        if answer.status < 300:
            posted = shapes.read(answer.body, shapes.Posted, "the answer to a message")
            self._client.note_accepted(op, posted, answer.event)
        elif isinstance(answer.body, dict) and isinstance(answer.body.get("code"), str):
            self._client.note(Refused(op=op, code=answer.body["code"], raw=answer.event))

    async def frame(self, value: Json) -> None:
        """One value on the WebSocket as a frame."""
        if self._client.connection is None:
            raise Unanswered(f"{self._client.lane} has no connection")
        await self._client.connection.write_value(value)

    async def message(self, message: RawMessage) -> None:
        """One message on the WebSocket as written."""
        if self._client.connection is None:
            raise Unanswered(f"{self._client.lane} has no connection")
        await self._client.connection.write_raw(message)


def _message_posted(request: RawRequest) -> SendCall | None:
    """The send that a request amounts to, if it is well enough formed to be one."""
    found = _POST_MESSAGE.fullmatch(request.path)
    if request.method != "POST" or found is None or request.content is None:
        return None
    body = _readable(request.content)
    if not isinstance(body, dict) or not isinstance(body.get("client_message_id"), str):
        return None
    return SendCall(
        conversation_id=unquote(found[1]),
        client_message_id=body["client_message_id"],
        body=body.get("body"),
        relates_to=body.get("relates_to"),
        expires_in_s=body.get("expires_in_s"),
    )


def _readable(content: bytes | None) -> Json:
    if content is None:
        return None
    try:
        return parse(content)
    except NotJson:
        return content[:_SHOWN].decode(errors="replace")
