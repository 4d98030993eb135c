"""One device of one user: the language's verbs as requests and connections.

Each verb makes its request, reads the answer into the history's events, and answers it as JSON. What a
hidden user does stays out of the events, and what others are shown of it is taken out of the answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any, cast

import trio

from ...history import (
    Accepted,
    Entry,
    Event,
    LoggedIn,
    Refused,
    RemovingDevice,
    Sending,
    Shown,
    StatusAsked,
)
from ..base import Json, Malformed, Refusal, SendCall
from . import shapes
from .channel import Channel
from .encodings import ENCODINGS
from .files import Files
from .handshake import Auth, Doorway
from .keys import Keys
from .notebook import Notebook
from .pages import MAX_PAGES, Pages
from .raw import RawAccess
from .rest import Answer, Rest, path_of
from .resumable import Resumable


class MessengerClient(Pages, Files, Resumable, Keys):
    """A device; see `adapters.base.Client` for what the verbs promise."""

    def __init__(
        self,
        lane: str,
        *,
        hidden: bool,
        rest: Rest,
        doorway: Doorway,
        notebook: Notebook,
        nursery: trio.Nursery,
    ) -> None:
        self.lane = lane
        self.user_id = ""
        self.device_id: str | None = None
        self.token: str | None = None
        self.connection: Channel | None = None
        self.raw: RawAccess | None = RawAccess(self)
        self.notebook = notebook
        self.rest = rest
        self._hidden = hidden
        self._doorway = doorway
        self._nursery = nursery

    async def call(
        self, method: str, path: str, body: Json = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """One request with this device's token."""
        return await self.rest.call(
            self.lane,
            method,
            path,
            token=self.token,
            body=body,
            headers=headers,
            hidden=self._hidden,
        )

    def note(self, event: Event) -> int | None:
        """Record what an answer means, unless this is a hidden user's."""
        return None if self._hidden else self.notebook.add(event)

    # ── accounts ──────────────────────────────────────────────────────────────────────────────

    async def register(self, user_id: str, password: str, display_name: Json) -> Json:
        """``POST /users``; the device is this user's from now on."""
        body = _given(user_id=user_id, password=password, display_name=display_name)
        answer = await self.call("POST", path_of("users"), body)
        self.user_id = user_id
        return answer.body

    async def login(
        self, user_id: str, password: str, device_id: Json = None, name: Json = None
    ) -> Json:
        """``POST /sessions``."""
        device = _given(device_id=device_id, name=name)
        body = _given(user_id=user_id, password=password, device=device or None)
        answer = await self.call("POST", path_of("sessions"), body)
        session = shapes.read(answer.body, shapes.Session, "the answer to a login")
        self.user_id, self.device_id = session.user_id, session.device_id
        self.token = session.token
        self.notebook.holders[session.token] = (session.user_id, session.device_id)
        self.note(LoggedIn(user_id=session.user_id, device_id=session.device_id, raw=answer.event))
        return answer.body

    async def logout(self) -> Json:
        """``DELETE /sessions/current``; the token is kept, so that a scenario can try it again."""
        return (await self.call("DELETE", path_of("sessions", "current"))).body

    async def devices(self) -> Json:
        """``GET /devices``."""
        return (await self.call("GET", path_of("devices"))).body

    async def remove_device(self, device_id: str) -> Json:
        """``DELETE /devices/{device_id}``."""
        self.note(RemovingDevice(user_id=self.user_id, device_id=device_id))
        return (await self.call("DELETE", path_of("devices", device_id))).body

    async def profile(self, user_id: str) -> Json:
        """``GET /users/{user_id}``."""
        return (await self.call("GET", path_of("users", user_id))).body

    async def block(self, user_id: str) -> Json:
        """``PUT /blocks/{user_id}``."""
        return (await self.call("PUT", path_of("blocks", user_id))).body

    async def unblock(self, user_id: str) -> Json:
        """``DELETE /blocks/{user_id}``."""
        return (await self.call("DELETE", path_of("blocks", user_id))).body

    # ── the realtime connection ───────────────────────────────────────────────────────────────

    async def connect(
        self, *, auth: str, wait: str, token: str | None = None, encoding: str = "text"
    ) -> Json:
        """Open the WebSocket, and wait for `welcome` or for the end of the backlog."""
        presented = token or self.token or ""
        holder = self.notebook.holders.get(presented, (self.user_id, self.device_id or ""))
        told = "connect" if encoding == "text" else f"connect, in {encoding}"
        asked = self.notebook.wire(self.lane, "out", "handshake", told, hidden=self._hidden)

        def make(stream: Any, socket: Any) -> Channel:
            return Channel(
                lane=self.lane,
                conn=self.notebook.next_conn(),
                holder=holder,
                hidden=self._hidden,
                asked=asked,
                notebook=self.notebook,
                patience=self._doorway.patience,
                stream=stream,
                socket=socket,
                encoding=ENCODINGS[encoding],
            )

        try:
            opened = await self._nursery.start(
                self._doorway.keep_open, cast("Auth", auth), presented, encoding, make
            )
        except Refusal as refusal:
            self.notebook.wire(
                self.lane, "in", "refused", f"{told} → {refusal}", refusal.body, hidden=self._hidden
            )
            raise
        channel = self.connection = cast("Channel", opened)
        await (channel.ready() if wait == "ready" else channel.welcomed())
        return _connected(channel)

    # ── conversations ─────────────────────────────────────────────────────────────────────────

    async def create_direct(self, other: Sequence[Json], *, encrypted: Json = None) -> Json:
        """``POST /conversations`` of kind ``direct``."""
        body = {"kind": "direct", "members": list(other), **_given(encrypted=encrypted)}
        return await self._create(body, {})

    async def create_group(
        self,
        members: Sequence[Json],
        title: Json = None,
        idempotency_key: str | None = None,
        *,
        encrypted: Json = None,
    ) -> Json:
        """``POST /conversations`` of kind ``group``."""
        headers = {} if idempotency_key is None else {"Idempotency-Key": idempotency_key}
        given = _given(title=title, encrypted=encrypted)
        body = {"kind": "group", "members": list(members), **given}
        return await self._create(body, headers)

    async def _create(self, body: Json, headers: dict[str, str]) -> Json:
        answer = await self.call("POST", path_of("conversations"), body, headers)
        return {**self._conversation_in(answer), "created": answer.status == 201}

    def _conversation_in(self, answer: Answer) -> dict[str, Json]:
        shape = shapes.read(answer.body, shapes.Conversation, "the conversation in an answer")
        if self._hidden:
            self.notebook.hidden_conversations.add(shape.conversation_id)
        self._note_seen(shape, answer)
        return cast("dict[str, Json]", answer.body)

    def _note_seen(self, shape: shapes.Conversation, answer: Answer) -> None:
        self.note(shape.seen(user_id=self.user_id, conn=None, asked=answer.asked, raw=answer.event))

    async def conversation(self, conversation_id: str) -> Json:
        """``GET /conversations/{id}``."""
        return self._conversation_in(
            await self.call("GET", path_of("conversations", conversation_id))
        )

    async def conversations(self, *, limit: Json = None, cursor: Json = None) -> Json:
        """``GET /conversations``, without what is hidden users'."""
        path = path_of("conversations", query={"limit": limit, "cursor": cursor})
        answer = await self.call("GET", path)
        page = shapes.read(answer.body, shapes.ConversationPage, "the list of conversations")
        items: list[Json] = []
        for item, shape in zip(answer.body.get("items") or [], page.items, strict=True):
            if not self.notebook.conceals_conversation(item):
                items.append(item)
                self._note_seen(shape, answer)
        return {**answer.body, "items": items, "next_cursor": page.next_cursor}

    async def walk_conversations(self, *, limit: Json = None) -> Json:
        """``GET /conversations`` until there is no next page."""
        items: list[Json] = []
        cursor: str | None = None
        for pages in count(1):
            page = await self.conversations(limit=limit, cursor=cursor)
            items.extend(page["items"])
            cursor = page["next_cursor"]
            if cursor is None:
                return {"items": items, "pages": pages}
            if pages == MAX_PAGES:
                break
        raise Malformed(f"the list of conversations has no end after {MAX_PAGES} pages")

    async def set_member(self, conversation_id: str, user_id: str, role: Json = None) -> Json:
        """``PUT /conversations/{id}/members/{user_id}``."""
        path = path_of("conversations", conversation_id, "members", user_id)
        return self._conversation_in(await self.call("PUT", path, _given(role=role)))

    async def remove_member(self, conversation_id: str, user_id: str) -> Json:
        """``DELETE /conversations/{id}/members/{user_id}``."""
        path = path_of("conversations", conversation_id, "members", user_id)
        return (await self.call("DELETE", path)).body

    async def rename(self, conversation_id: str, title: Json) -> Json:
        """``PATCH /conversations/{id}``."""
        path = path_of("conversations", conversation_id)
        return self._conversation_in(await self.call("PATCH", path, {"title": title}))

    # ── messages ──────────────────────────────────────────────────────────────────────────────

    async def send_message(self, call: SendCall) -> Json:
        """``POST /conversations/{id}/messages``."""
        path = path_of("conversations", call.conversation_id, "messages")
        body = {
            "client_message_id": call.client_message_id,
            **_given(body=call.body, relates_to=call.relates_to, expires_in_s=call.expires_in_s),
        }
        op = self.note_sending(call)
        try:
            answer = await self.call("POST", path, body)
        except Refusal as refusal:
            if op is not None and refusal.code is not None:
                self.note(Refused(op=op, code=refusal.code))
            raise
        posted = shapes.read(answer.body, shapes.Posted, "the answer to a message")
        self.note_accepted(op, posted, answer.event)
        self.note_shown(posted.message, answer.event)
        entry = posted.message
        return {
            **answer.body["message"],
            **answer.body,
            "client_message_id": entry.client_message_id or call.client_message_id,
        }

    def note_sending(self, call: SendCall) -> int | None:
        """Record a send over HTTP; answer its operation's number."""
        if self._hidden:
            return None
        op = self.notebook.history.next_op()
        self.notebook.add(
            Sending(
                op=op,
                conn=None,
                user_id=self.user_id,
                device_id=self.device_id or "",
                conversation_id=call.conversation_id,
                client_message_id=call.client_message_id,
                body=call.body,
                relates_to=call.relates_to,
                expires_in_s=call.expires_in_s,
            )
        )
        return op

    def note_accepted(self, op: int | None, posted: shapes.Posted, event: int) -> None:
        """Record that a send over HTTP was accepted."""
        if op is not None:
            self.note(
                Accepted(
                    op=op,
                    conversation_id=posted.message.conversation_id,
                    message_id=posted.message.message_id,
                    seq=posted.message.seq,
                    created_at=posted.message.created_at,
                    duplicate=posted.duplicate,
                    raw=event,
                )
            )

    async def message(self, message_id: str) -> Json:
        """``GET /messages/{message_id}``."""
        answer = await self.call("GET", path_of("messages", message_id))
        entry = shapes.read(answer.body, Entry, "a message")
        self.note_shown(entry, answer.event)
        return answer.body

    def note_shown(self, entry: Entry, event: int) -> None:
        """Record an entry that came as an answer."""
        device_id = self.device_id or ""
        self.note(Shown(user_id=self.user_id, device_id=device_id, entry=entry, raw=event))

    async def status_of(self, message_id: str) -> Json:
        """``GET /messages/{message_id}/status``."""
        answer = await self.call("GET", path_of("messages", message_id, "status"))
        status = shapes.read(answer.body, shapes.MessageStatus, "a message's status")
        self.note(
            StatusAsked(
                user_id=self.user_id,
                message_id=status.message_id,
                status=status.status,
                recipients=status.recipients,
                asked=answer.asked,
                raw=answer.event,
            )
        )
        return {"recipients": [], **answer.body}


def _given(**members: Json) -> dict[str, Json]:
    """The members that are there."""
    return {name: value for name, value in members.items() if value is not None}


def _connected(channel: Channel) -> Json:
    """What `connect` answers: the first frame, and what was replayed so far."""
    first = channel.inbox[0] if channel.inbox else None
    replayed: list[Json] = []
    replay_count: Json = None
    for frame in channel.inbox:
        if frame.type == "message":
            replayed.append(frame.content)
        elif frame.type == "replay_complete":
            replay_count = frame.content.get("count")
            break
    welcome = first.content if first is not None and first.type == "welcome" else None
    return {"welcome": welcome, "replayed": replayed, "count": replay_count}
