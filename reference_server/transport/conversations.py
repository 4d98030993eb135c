"""The routes of conversations and their members (§3)."""

from __future__ import annotations

from msgspec import Struct
from quart import Blueprint, Response, request

from ..core.model import Identity, Role
from ..service import Service
from ..service.conversations import CreateRequest
from .answers import answer, nothing
from .decoding import convert
from .gate import Gate, body_as, body_as_json


class _Title(Struct):
    title: str


class _Member(Struct):
    role: Role | None = None


def conversations(service: Service, gate: Gate) -> Blueprint:
    """Creating, listing, changing."""
    routes = Blueprint("conversations", __name__, url_prefix="/v1.0/conversations")
    use = service.conversations

    @routes.post("")
    @gate.authenticated
    async def create(me: Identity) -> Response:
        content = await body_as_json()
        created = await use.create(
            me,
            convert(content, CreateRequest),
            request.headers.get("Idempotency-Key"),
            content,
        )
        return answer(created.conversation, 201 if created.created else 200)

    @routes.get("")
    @gate.authenticated
    async def chats(me: Identity) -> Response:
        page = await use.list(
            me, limit=request.args.get("limit"), cursor=request.args.get("cursor")
        )
        return answer(page)

    @routes.get("/<conversation_id>")
    @gate.authenticated
    async def conversation(me: Identity, conversation_id: str) -> Response:
        return answer(await use.get(me, conversation_id))

    @routes.patch("/<conversation_id>")
    @gate.authenticated
    async def rename(me: Identity, conversation_id: str) -> Response:
        title = (await body_as(_Title)).title
        return answer(await use.rename(me, conversation_id, title))

    @routes.put("/<conversation_id>/members/<user_id>")
    @gate.authenticated
    async def set_member(me: Identity, conversation_id: str, user_id: str) -> Response:
        content = await body_as(_Member) if await request.get_data() else _Member()
        return answer(await use.set_member(me, conversation_id, user_id, content.role))

    @routes.delete("/<conversation_id>/members/<user_id>")
    @gate.authenticated
    async def remove_member(me: Identity, conversation_id: str, user_id: str) -> Response:
        await use.remove_member(me, conversation_id, user_id)
        return nothing()

    return routes
