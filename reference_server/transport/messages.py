"""The routes of messages: sending, history, statuses (§4, §5)."""

from __future__ import annotations

from quart import Blueprint, Response, request

from ..core import errors, inputs
from ..core.model import Identity
from ..service import Service
from ..service.messages import SendRequest
from .answers import answer
from .gate import Gate, body_as_json


def messages(service: Service, gate: Gate) -> Blueprint:
    """One message, a page of them, what became of one."""
    routes = Blueprint("messages", __name__, url_prefix="/v1.0")
    use = service.messages

    @routes.post("/conversations/<conversation_id>/messages")
    @gate.authenticated
    async def send(me: Identity, conversation_id: str) -> Response:
        content = await body_as_json()
        if not isinstance(content, dict):
            raise errors.pointed(errors.InvalidRequest, "", "Expected an object.")
        sent = await use.send(
            me,
            SendRequest(
                conversation_id=conversation_id,
                client_message_id=inputs.check_id(
                    content.get("client_message_id"), "/client_message_id"
                ),
                body=content.get("body"),
                relates_to=content.get("relates_to"),
                expires_in_s=content.get("expires_in_s"),
            ),
        )
        return answer(sent, 200 if sent.duplicate else 201)

    @routes.get("/conversations/<conversation_id>/messages")
    @gate.authenticated
    async def history(me: Identity, conversation_id: str) -> Response:
        page = await use.page(
            me,
            conversation_id,
            limit=request.args.get("limit"),
            before=request.args.get("before"),
            after=request.args.get("after"),
        )
        return answer(page)

    @routes.get("/messages/<message_id>")
    @gate.authenticated
    async def message(me: Identity, message_id: str) -> Response:
        return answer(await use.message(me, message_id))

    @routes.get("/messages/<message_id>/status")
    @gate.authenticated
    async def status(me: Identity, message_id: str) -> Response:
        return answer(await service.receipts.status_of(me, message_id))

    return routes
