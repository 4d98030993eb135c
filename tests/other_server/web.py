"""HTTP: one table of calls, one way in, one way out."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from .line import Line
from .messenger import Messenger
from .people import Device, User, stamp
from .rooms import Entry
from .wire import NAME, Refused, Undecodable, decode, members

Json = Any


@dataclass(frozen=True)
class Call:
    """One call, its token checked."""

    request: web.Request
    named: dict[str, str]
    device: Device | None

    @property
    def who(self) -> Device:
        """The device that calls."""
        assert self.device is not None
        return self.device

    @property
    def user_id(self) -> str:
        """The user who calls."""
        return self.who.user.user_id

    async def json(self) -> Json:
        """The body. Raises `Refused`."""
        try:
            return decode(await self.request.read())
        except web.HTTPRequestEntityTooLarge:
            raise Refused("message_too_large") from None
        except Undecodable as error:
            raise Refused("malformed", str(error)) from None


Handler = Callable[["Site", Call], Awaitable[web.StreamResponse]]


class Site:
    """The API over HTTP."""

    def __init__(self, messenger: Messenger) -> None:
        self.messenger = messenger
        self._house = messenger.house
        self._show = messenger.house.show
        self._cursors: dict[str, tuple[str, str, int]] = {}

    def application(self) -> web.Application:
        """For aiohttp to serve."""
        application = web.Application(client_max_size=self._house.limits["max_frame_bytes"])
        application.router.add_route("*", r"/{anything:[\s\S]*}", self._enter)
        return application

    async def _enter(self, request: web.Request) -> web.StreamResponse:
        try:
            response = await self._dispatch(request)
        except Refused as refused:
            response = self._answer(self._show(**refused.problem()), refused.problem()["status"])
            response.content_type = "application/problem+json"
            response.headers.update(refused.headers)
        if not isinstance(response, web.WebSocketResponse):
            response.headers["Connection"] = "close"
            response.force_close()
            if self._house.has("server_timing"):
                response.headers["Server-Timing"] = "total;dur=0.5"
        return response

    async def _dispatch(self, request: web.Request) -> web.StreamResponse:
        path = unquote(request.rel_url.raw_path, errors="replace")
        raw = request.rel_url.raw_path
        found = {
            method: (handler, match)
            for method, template, handler in CALLS
            if (match := re.fullmatch(template, raw))
            if self._house.has(NEEDS.get(handler, "")) or handler not in NEEDS
        }
        if not found:
            raise Refused("not_found", f"There is nothing at {path}.")
        method = "GET" if request.method == "HEAD" else request.method
        is_open = any(handler in OPEN for handler, _ in found.values())
        if Site.chat in (handler for handler, _ in found.values()):
            device: Device | None = self._house.device_of(_token(request) or _offered(request))
        else:
            device = None if is_open else self._house.device_of(_token(request))
        if method not in found:
            raise Refused("method_not_allowed", headers={"Allow": ", ".join(found)})
        handler, match = found[method]
        named = {name: unquote(each, errors="replace") for name, each in match.groupdict().items()}
        return await handler(self, Call(request, named, device))

    def _answer(self, content: Json, status: int = 200) -> web.Response:
        response = web.json_response(content, status=status)
        if self._house.nature.compresses:
            response.enable_compression()
        else:
            response.enable_chunked_encoding()
        return response

    # ── discovery, accounts ───────────────────────────────────────────────────────────────────────

    async def discovery(self, _call: Call) -> web.Response:
        nature = self._house.nature
        return self._answer(
            self._show(
                versions=["v0.9", "v1.0"],
                capabilities=list(nature.capabilities),
                limits=nature.limits,
            )
        )

    async def health(self, _call: Call) -> web.Response:
        return web.Response(text="fine")

    def _profile(self, user: User) -> dict[str, Json]:
        return self._show(
            user_id=user.user_id,
            display_name=user.display_name,
            created_at=stamp(user.created_at),
        )

    async def register(self, call: Call) -> web.Response:
        return self._answer(self._profile(self._house.register(await call.json())), 201)

    async def log_in(self, call: Call) -> web.Response:
        device = self.messenger.log_in(await call.json())
        assert device.expires_at is not None
        session = self._show(
            token=device.token,
            user_id=device.user.user_id,
            device_id=device.device_id,
            expires_at=stamp(device.expires_at),
        )
        return self._answer(session, 201)

    async def log_out(self, call: Call) -> web.Response:
        self._house.close_session(call.who)
        return web.Response(status=204)

    async def user(self, call: Call) -> web.Response:
        return self._answer(self._profile(self._house.user(call.named["user_id"])))

    async def rename_oneself(self, call: Call) -> web.Response:
        name = members(await call.json(), display_name=NAME)["display_name"]
        call.who.user.display_name = name
        return self._answer(self._profile(call.who.user))

    async def devices(self, call: Call) -> web.Response:
        devices = [
            self._show(
                device_id=each.device_id,
                name=each.name,
                created_at=stamp(each.created_at),
                last_seen_at=stamp(each.last_seen_at),
            )
            for each in self._house.shuffled(call.who.user.devices.values())
        ]
        return self._answer(self._show(devices=devices))

    async def remove_device(self, call: Call) -> web.Response:
        device = call.who.user.devices.get(call.named["device_id"])
        if device is None:
            raise Refused("unknown_device")
        self._house.close_session(device)
        del call.who.user.devices[device.device_id]
        return web.Response(status=204)

    async def block(self, call: Call) -> web.Response:
        other = self._house.user(call.named["user_id"])
        if other is call.who.user:
            raise Refused("invalid_request", "Nobody blocks oneself.")
        blocked = call.who.user.blocked
        (blocked.add if call.request.method == "PUT" else blocked.discard)(other.user_id)
        return web.Response(status=204)

    # ── conversations ─────────────────────────────────────────────────────────────────────────────

    async def create(self, call: Call) -> web.Response:
        asked = await call.json()
        await self._house.hesitate()
        key = call.request.headers.get("Idempotency-Key")
        room, is_new = self.messenger.create(call.who.user, asked, key)
        return self._answer(room.shown(call.user_id), 201 if is_new else 200)

    async def conversations(self, call: Call) -> web.Response:
        limit = self._limit(call)
        below: int | None = None
        if "cursor" in call.request.query:
            below = self._position(call.request.query["cursor"], call.user_id, "list")
        rooms = [
            room
            for room in self.messenger.rooms_of(call.who.user)
            if below is None or room.last_activity(call.user_id) < below
        ]
        page, more = rooms[:limit], len(rooms) > limit
        last = page[-1].last_activity(call.user_id) if page else 0
        return self._answer(
            self._show(
                items=[room.shown(call.user_id) for room in page],
                next_cursor=self._cursor(call.user_id, "list", last) if more else None,
            )
        )

    async def conversation(self, call: Call) -> web.Response:
        return self._answer(self.messenger.room(call.named["id"]).shown(call.user_id))

    async def rename(self, call: Call) -> web.Response:
        asked = await call.json()
        await self._house.hesitate()
        room = self.messenger.rename(call.who.user, call.named["id"], asked)
        return self._answer(room.shown(call.user_id))

    async def put_member(self, call: Call) -> web.Response:
        asked = await call.json() if call.request.can_read_body else {}
        await self._house.hesitate()
        room = self.messenger.put_member(
            call.who.user, call.named["id"], call.named["user_id"], asked
        )
        return self._answer(room.shown(call.user_id))

    async def remove_member(self, call: Call) -> web.Response:
        await self._house.hesitate()
        self.messenger.remove_member(call.who.user, call.named["id"], call.named["user_id"])
        return web.Response(status=204)

    # ── messages ──────────────────────────────────────────────────────────────────────────────────

    async def send(self, call: Call) -> web.Response:
        asked = await call.json()
        await self._house.hesitate()
        entry, is_repeat = self.messenger.post.take(call.who, call.named["id"], asked, None)
        message = entry.shown(self._house, call.user_id)
        await self._house.hesitate()
        answer = self._show(message=message, duplicate=is_repeat)
        return self._answer(answer, 200 if is_repeat else 201)

    async def history(self, call: Call) -> web.Response:
        room_id = call.named["id"]
        entries = self.messenger.room(room_id).visible(call.user_id)
        limit = self._limit(call)
        query = call.request.query
        if "before" in query and "after" in query:
            raise Refused("invalid_cursor", "One direction at a time.")
        if "after" in query:
            after = query["after"]
            above = self._position(after, room_id, "after") if after else 0
            page = [each for each in entries if each.seq > above][:limit]
        elif "before" in query:
            above = self._position(query["before"], room_id, "before")
            page = [each for each in entries if each.seq < above][-limit:]
        else:
            above = 0
            page = entries[-limit:]
        return self._answer(self._page(page, entries, room_id, above, call.user_id))

    def _page(
        self, page: list[Entry], entries: list[Entry], room_id: str, asked: int, user_id: str
    ) -> dict[str, Json]:
        first = page[0].seq if page else asked + 1
        last = page[-1].seq if page else asked
        older = any(each.seq < first for each in entries)
        return self._show(
            items=[each.shown(self._house, user_id) for each in page],
            before=self._cursor(room_id, "before", first) if older else None,
            after=self._cursor(room_id, "after", last),
            has_older=older,
            has_newer=any(each.seq > last for each in entries),
        )

    async def message(self, call: Call) -> web.Response:
        entry = self.messenger.entry(call.user_id, call.named["id"])
        return self._answer(entry.shown(self._house, call.user_id))

    async def status(self, call: Call) -> web.Response:
        entry = self.messenger.entry(call.user_id, call.named["id"])
        if entry.sender_id != call.user_id:
            raise Refused("not_sender")
        return self._answer(entry.room.status_of(entry))

    def _limit(self, call: Call) -> int:
        limit = call.request.query.get("limit", "50")
        if (
            not re.fullmatch(r"[0-9]{1,9}", limit)
            or not 1 <= int(limit) <= self._house.limits["max_page_limit"]
        ):
            raise Refused("invalid_limit")
        # A page holds at most `limit`; nothing says that it is full: this one is half full.
        return (int(limit) + 1) // 2

    def _cursor(self, place: str, direction: str, position: int) -> str:
        """A handle into a table; nothing can be read from it."""
        digest = hashlib.sha256(repr((place, direction, position)).encode()).hexdigest()
        cursor = f"{direction} & on/é?{digest[:24]}=+%2F#"
        self._cursors[cursor] = (place, direction, position)
        return cursor

    def _position(self, cursor: str, place: str, direction: str) -> int:
        known = self._cursors.get(cursor)
        if known is None or known[:2] != (place, direction):
            raise Refused("invalid_cursor")
        return known[2]

    # ── files, the channel ────────────────────────────────────────────────────────────────────────

    async def upload(self, call: Call) -> web.Response:
        asset = await self.messenger.shelf.store(call.request, call.user_id)
        response = self._answer(
            self._show(
                asset_id=asset.asset_id,
                media_type=asset.media_type,
                size=len(asset.content),
                sha256=hashlib.sha256(asset.content).hexdigest(),
            ),
            201,
        )
        response.headers["Location"] = str(
            call.request.url.with_path(f"/v1.0/assets/{asset.asset_id}")
        )
        return response

    async def asset(self, call: Call) -> web.Response:
        return self.messenger.shelf.answer(call.request, call.user_id, call.named["id"])

    async def chat(self, call: Call) -> web.StreamResponse:
        encoding = call.request.query.get("encoding", "text")
        encodings = ("text", "msgpack") if self._house.has("encoding.msgpack") else ("text",)
        if encoding not in encodings:
            raise Refused("invalid_encoding")
        socket = web.WebSocketResponse(
            protocols=("messenger.v1",),
            autoping=False,
            # aiohttp cuts off what is larger without a word as soon as more of it comes, so that the
            # close code may be lost: it is to come into that only beyond what the line itself refuses.
            max_msg_size=2 * self._house.limits["max_frame_bytes"],
        )
        if not socket.can_prepare(call.request).ok:
            raise Refused("upgrade_required", headers={"Upgrade": "websocket"})
        device, token = call.who, call.who.token
        await socket.prepare(call.request)
        if device.token != token:
            await socket.close(code=4401)
            return socket
        line = Line(self.messenger, device, socket, packed=encoding == "msgpack")
        before, device.line = device.line, line
        if before is not None:
            before.end(4409)
        self.messenger.presence_changed(device.user)
        await line.live(call.request)
        return socket


def _token(request: web.Request) -> str | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _offered(request: web.Request) -> str | None:
    """The token that a browser hides among the subprotocols."""
    for each in request.headers.get("Sec-WebSocket-Protocol", "").split(","):
        if each.strip().startswith("bearer."):
            return each.strip().removeprefix("bearer.")
    return None


ROOM = r"/v1\.0/conversations/(?P<id>[^/]+)"
MEMBER = ROOM + r"/members/(?P<user_id>[^/]+)"
USER = r"(?P<user_id>[^/]+)"
CALLS: tuple[tuple[str, str, Handler], ...] = (
    ("GET", r"/\.well-known/messenger", Site.discovery),
    ("GET", r"/healthz|/readyz", Site.health),
    ("POST", r"/v1\.0/users", Site.register),
    ("POST", r"/v1\.0/sessions", Site.log_in),
    ("DELETE", r"/v1\.0/sessions/current", Site.log_out),
    ("PATCH", r"/v1\.0/users/me", Site.rename_oneself),
    ("GET", rf"/v1\.0/users/{USER}", Site.user),
    ("GET", r"/v1\.0/devices", Site.devices),
    ("DELETE", r"/v1\.0/devices/(?P<device_id>[^/]+)", Site.remove_device),
    ("PUT", rf"/v1\.0/blocks/{USER}", Site.block),
    ("DELETE", rf"/v1\.0/blocks/{USER}", Site.block),
    ("POST", r"/v1\.0/conversations", Site.create),
    ("GET", r"/v1\.0/conversations", Site.conversations),
    ("GET", ROOM, Site.conversation),
    ("PATCH", ROOM, Site.rename),
    ("PUT", MEMBER, Site.put_member),
    ("DELETE", MEMBER, Site.remove_member),
    ("POST", ROOM + "/messages", Site.send),
    ("GET", ROOM + "/messages", Site.history),
    ("GET", r"/v1\.0/messages/(?P<id>[^/]+)", Site.message),
    ("GET", r"/v1\.0/messages/(?P<id>[^/]+)/status", Site.status),
    ("POST", r"/v1\.0/assets", Site.upload),
    ("GET", r"/v1\.0/assets/(?P<id>[^/]+)", Site.asset),
    ("GET", r"/v1\.0/chat", Site.chat),
)
OPEN: tuple[Handler, ...] = (Site.discovery, Site.health, Site.register, Site.log_in)
NEEDS: dict[Handler, str] = {Site.block: "blocking", Site.upload: "media", Site.asset: "media"}
