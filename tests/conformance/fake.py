"""A small chat in memory behind the adapter interface, for tests of the engine.

It keeps its promises unless told to break one: `World.deliver` may be replaced. Nothing here waits for
anything but other tasks, so the virtual clock may jump.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from itertools import count
from typing import Any, Literal

import trio
import trio.testing

from conformance.adapters.base import (
    Impatient,
    Incoming,
    Json,
    Outcome,
    Raw,
    Refusal,
    SendCall,
    Target,
    Unanswered,
    Walked,
)
from conformance.checkers.base import Violation
from conformance.history import (
    Accepted,
    Closed,
    ConversationSeen,
    Direction,
    Entry,
    Event,
    History,
    Opened,
    Received,
    ReplayDone,
    Sending,
    Watermarks,
    Wire,
)
from conformance.outages import Manner, Outage
from reports.model import Met

PATIENCE = 5.0


class World:
    """The server: users, direct conversations and groups, logs, and who is connected."""

    def __init__(self) -> None:
        self.users: dict[str, str] = {}
        self.members: dict[str, list[str]] = {}
        self.logs: dict[str, list[dict[str, Json]]] = {}
        self.lines: list[FakeConnection] = []
        self.deliver: Callable[[FakeConnection, dict[str, Json]], Iterable[dict[str, Json]]] = (
            lambda _line, entry: [entry]
        )
        self.hold_answers: trio.Event | None = None
        self.takes_s = 0.0
        self.restarts = 0

    def create(self, members: Sequence[str]) -> str:
        """A conversation of these users, the one they have if they are two."""
        for conversation_id, others in self.members.items():
            if len(members) == 2 and set(others) == set(members):
                return conversation_id
        conversation_id = f"c{len(self.members) + 1}"
        self.members[conversation_id] = list(members)
        self.logs[conversation_id] = []
        return conversation_id

    def append(self, sender: str, call: SendCall, origin: FakeConnection | None) -> dict[str, Json]:
        """Store a message and deliver it to everybody but the connection it came from."""
        log = self.logs.get(call.conversation_id)
        if log is None or sender not in self.members[call.conversation_id]:
            raise Refusal("unknown_conversation", 404, {"code": "unknown_conversation"})
        entry = {
            "conversation_id": call.conversation_id,
            "seq": len(log) + 1,
            "message_id": f"{call.conversation_id}.{len(log) + 1}",
            "sender_id": sender,
            "client_message_id": call.client_message_id,
            "created_at": "2026-11-22T10:00:00.000Z",
            "body": call.body,
        }
        log.append(entry)
        for line in list(self.lines):
            if line is not origin and line.user_id in self.members[call.conversation_id]:
                for delivered in self.deliver(line, entry):
                    line.take("message", delivered)
        return entry

    def told(self, line: FakeConnection, conversation_id: str, up_to_seq: int) -> None:
        """An acknowledgement: tell the other members."""
        for other in list(self.lines):
            if other.user_id != line.user_id and other.user_id in self.members[conversation_id]:
                other.take(
                    "status",
                    {
                        "conversation_id": conversation_id,
                        "user_id": line.user_id,
                        "status": "delivered",
                        "up_to_seq": up_to_seq,
                    },
                )


class Answer:
    """A send's outcome."""

    def __init__(self) -> None:
        self.came = trio.Event()
        self.value: Json = None
        self.trouble: Exception | None = None

    async def wait(self) -> None:
        await self.came.wait()

    def result(self) -> Json:
        if self.trouble is not None:
            raise self.trouble
        return self.value


class FakeConnection:
    """A connection in memory."""

    raw: Raw | None = None

    def __init__(self, client: FakeClient, conn: int) -> None:
        self.client = client
        self.conn = conn
        self.user_id = client.user_id
        self.inbox: list[Incoming] = []
        self.aside: list[Incoming] = []
        self.closed = False
        self.frozen = False
        self.flying: list[Answer] = []
        self._news = trio.Event()

    def take(self, kind: str, content: dict[str, Json]) -> None:
        """A frame arrives."""
        if self.closed:
            return
        session = self.client.session
        hidden = self.client.hidden or session.conceals(content)
        event = session.wire(self.client.lane, "in", f"{kind}", content, hidden=hidden)
        if not hidden and kind == "message":
            entry = Entry(**content)
            session.history.add(Received(conn=self.conn, entry=entry, raw=event))
        box = self.aside if hidden else self.inbox
        box.append(Incoming(type=kind, content=content, event=event))
        self._tell()

    def _tell(self) -> None:
        self._news.set()
        self._news = trio.Event()

    async def news(self) -> None:
        await self._news.wait()

    async def ready(self) -> None:
        await trio.lowlevel.checkpoint()

    async def send_message(self, call: SendCall) -> Answer:
        await trio.lowlevel.checkpoint()
        answer = Answer()
        self.flying.append(answer)
        self.client.session.nursery.start_soon(self._answer, call, answer)
        return answer

    async def _answer(self, call: SendCall, answer: Answer) -> None:
        world = self.client.world
        if world.hold_answers is not None:
            await world.hold_answers.wait()
        await trio.sleep(world.takes_s)
        if answer.came.is_set():
            return
        try:
            answer.value = self.client.record(call, self, world)
        except Refusal as refusal:
            answer.trouble = refusal
        answer.came.set()

    async def settled(self, outcome: Outcome) -> Json:
        with trio.move_on_after(PATIENCE):
            await outcome.wait()
            return outcome.result()
        raise Impatient("no answer to a send")

    async def acknowledge(
        self, conversation_id: str, status: Literal["delivered", "read"], up_to_seq: int
    ) -> None:
        await trio.lowlevel.checkpoint()
        self.client.world.told(self, conversation_id, up_to_seq)

    async def tell_typing(self, conversation_id: str, active: Json) -> None:
        await trio.lowlevel.checkpoint()

    async def send_to_device(self, frame_id: str, messages: Json) -> Answer:
        await trio.lowlevel.checkpoint()
        raise Refusal(
            "unavailable", None, {"code": "unavailable", "detail": f"{frame_id} {messages}"}
        )

    async def acknowledge_to_device(self, up_to: Json) -> None:
        await trio.lowlevel.checkpoint()

    async def round_trip(self) -> None:
        await trio.lowlevel.checkpoint()

    async def close(self) -> None:
        await self.cut()

    async def cut(self) -> None:
        await trio.lowlevel.checkpoint()
        self.end(1006)

    def end(self, code: int) -> None:
        """The connection ends."""
        if self.closed:
            return
        if not self.client.hidden:
            self.client.session.history.add(Closed(conn=self.conn, code=None, by="cut"))
        self.inbox.append(Incoming(type="closed", content={"code": code}, event=0))
        self.closed = True
        self.client.world.lines.remove(self)
        for answer in self.flying:
            if not answer.came.is_set():
                answer.trouble = Unanswered("the connection ended")
                answer.came.set()
        self._tell()

    def freeze(self) -> None:
        self.frozen = True

    async def thaw(self) -> None:
        await trio.lowlevel.checkpoint()
        self.frozen = False


class FakeClient:
    """A device in memory."""

    raw: Raw | None = None

    def __init__(self, lane: str, session: FakeSession, *, hidden: bool) -> None:
        self.lane = lane
        self.session = session
        self.world = session.world
        self.hidden = hidden
        self.user_id = ""
        self.device_id: str | None = None
        self.token: str | None = None
        self.connection: FakeConnection | None = None

    def record(
        self, call: SendCall, connection: FakeConnection | None, world: World
    ) -> dict[str, Json]:
        """Send, with the events of a sender."""
        history = self.session.history
        hidden = self.hidden or call.conversation_id in self.session.hidden_conversations
        op = history.next_op()
        if not hidden:
            history.add(
                Sending(
                    op=op,
                    conn=connection.conn if connection else None,
                    user_id=self.user_id,
                    device_id=self.device_id or "",
                    conversation_id=call.conversation_id,
                    client_message_id=call.client_message_id,
                    body=call.body,
                    expires_in_s=call.expires_in_s,
                )
            )
        entry = world.append(self.user_id, call, connection)
        if not hidden:
            history.add(
                Accepted(
                    op=op,
                    conversation_id=entry["conversation_id"],
                    message_id=entry["message_id"],
                    seq=entry["seq"],
                    created_at=entry["created_at"],
                    duplicate=False,
                )
            )
        return entry

    async def register(self, user_id: str, password: str, display_name: Json) -> Json:
        await trio.lowlevel.checkpoint()
        if user_id in self.world.users:
            raise Refusal("user_exists", 409, {"code": "user_exists"})
        self.world.users[user_id] = password
        self.user_id = user_id
        return {"user_id": user_id, "display_name": display_name}

    async def login(
        self, user_id: str, password: str, device_id: Json = None, name: Json = None
    ) -> Json:
        await trio.lowlevel.checkpoint()
        self.user_id, self.device_id, self.token = user_id, device_id, f"t-{user_id}"
        return {"token": self.token}

    async def connect(
        self, *, auth: str, wait: str, token: str | None = None, encoding: str = "text"
    ) -> Json:
        await trio.lowlevel.checkpoint()
        connection = FakeConnection(self, next(self.session.conns))
        self.connection = connection
        if not self.hidden:
            self.session.history.add(
                Opened(
                    conn=connection.conn,
                    user_id=self.user_id,
                    device_id=self.device_id or "",
                    lane=self.lane,
                )
            )
            self.session.history.add(ReplayDone(conn=connection.conn, count=0))
        self.world.lines.append(connection)
        connection.take("welcome", {"user_id": self.user_id})
        return {"welcome": {"user_id": self.user_id}, "replayed": [], "count": 0}

    async def create_direct(self, other: Sequence[Json], *, encrypted: Json = None) -> Json:
        return await self.create_group(list(other), encrypted=encrypted)

    async def create_group(
        self,
        members: Sequence[Json],
        title: Json = None,
        idempotency_key: str | None = None,
        *,
        encrypted: Json = None,
    ) -> Json:
        await trio.lowlevel.checkpoint()
        everybody = [self.user_id, *members]
        conversation_id = self.world.create(everybody)
        if self.hidden:
            self.session.hidden_conversations.add(conversation_id)
        else:
            self.session.history.add(
                ConversationSeen(
                    user_id=self.user_id,
                    conn=None,
                    conversation_id=conversation_id,
                    kind="direct",
                    head_seq=0,
                    members={
                        user: Watermarks(role="member", joined_seq=1, delivered_seq=0, read_seq=0)
                        for user in everybody
                    },
                    asked=len(self.session.history),
                )
            )
        return {
            "conversation_id": conversation_id,
            "title": title,
            "encrypted": encrypted is True,
            "created": True,
        }

    async def send_message(self, call: SendCall) -> Json:
        await trio.lowlevel.checkpoint()
        return self.record(call, None, self.world)

    async def walk(
        self, conversation_id: str, direction: Direction, *, limit: Json = None, start: Json = None
    ) -> Walked:
        await trio.lowlevel.checkpoint()
        if self.user_id not in self.world.members[conversation_id]:
            raise Refusal("unknown_conversation", 404, {"code": "unknown_conversation"})
        return Walked(items=self.world.logs[conversation_id], pages=[], after="end")

    def __getattr__(self, verb: str) -> Any:
        """Every other verb is refused: no test needs it."""

        async def refuse(*_args: Json, **_options: Json) -> Json:
            await trio.lowlevel.checkpoint()
            raise Refusal("unavailable", 404, {"code": "unavailable", "detail": verb})

        return refuse


class FakeSession:
    """A scenario's run in memory."""

    def __init__(self, world: World, history: History, nursery: trio.Nursery) -> None:
        self.world = world
        self.history = history
        self.nursery = nursery
        self.conns = count(1)
        self.hidden_users: set[str] = set()
        self.hidden_conversations: set[str] = set()

    def conceals(self, content: dict[str, Json]) -> bool:
        return content.get("conversation_id") in self.hidden_conversations

    def wire(
        self,
        lane: str,
        direction: Literal["out", "in"],
        label: str,
        content: Json,
        *,
        hidden: bool = False,
    ) -> int:
        event: Event = Wire(
            lane=lane,
            direction=direction,
            kind="frame",
            label=label,
            content=content,
            hidden=hidden,
        )
        return self.history.add(event)

    def client(self, lane: str) -> FakeClient:
        return FakeClient(lane, self, hidden=False)

    def sentinel(self, user_id: str) -> FakeClient:
        self.hidden_users.add(user_id)
        return FakeClient("sentinel", self, hidden=True)

    async def server_away(self, manner: Manner, outage: Outage) -> None:
        await trio.testing.wait_all_tasks_blocked()  # what has arrived is answered
        for line in list(self.world.lines):
            line.end({"restart": 1006, "stop": 1012}[manner])
        await outage()


class FakeAdapter:
    """The adapter of one world."""

    name = "fake"

    def __init__(self, world: World) -> None:
        self.world = world
        self.violations: list[Violation] = []

    async def discover(self) -> Target:
        await trio.lowlevel.checkpoint()
        return Target(url="memory:", capabilities=frozenset({"groups"}), limits={})

    @asynccontextmanager
    async def session(self, history: History, *, scenario: str) -> AsyncIterator[FakeSession]:
        async with trio.open_nursery() as nursery:
            yield FakeSession(self.world, history, nursery)
            nursery.cancel_scope.cancel()

    def manners(self, history: History) -> Iterable[Violation]:
        return self.violations

    def met(self, history: History, since: int) -> Met:
        return Met(answers=[type(event).__name__ for event in list(history)[since:]])

    def repeat_by_hand(self, event: int, history: History) -> str | None:
        return None
