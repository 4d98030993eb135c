"""The barrier: a proof that what could still arrive has arrived, without a sleep.

That nothing comes cannot be observed by waiting, but it can be by order: a *sentinel* is a hidden user
who shares a direct conversation with each actor that is connected. A barrier has four phases:

0. whatever is known to be accepted arrives on every open connection that it is owed to (`ledger`);
1. each open connection sends the sentinel a message and has its answer: what it wrote before has been
   processed. The sentinel receives them all;
2. the sentinel acknowledges them, and each open connection is told so: statuses that came before have
   arrived. Then it sends each actor a message, and each open connection receives it: what was
   published before has arrived;
3. each connection acknowledges that, and makes a last `ping` round trip.

Frozen connections take no part. Connections that end meanwhile drop out. Phase 0 may run out of
patience without a verdict: the delivery checker tells what was lost, unless the host was overloaded:
then nobody can tell late from lost, and the run ends there, inconclusive. When one of the sentinel's own
messages is lost, however, a promise is broken like any other, and the barrier says which.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import trio

from .adapters.base import Client, Connection, Incoming, SendCall, Unanswered
from .cast import Cast
from .concurrently import side_by_side
from .findings import StepFailed
from .history import Drained, History
from .ledger import Ledger
from .patience import Patience
from .sentinels import Sentinels

Json = Any


class Barrier:
    """The barriers of one scenario's run; the sentinel is borrowed for the first."""

    def __init__(
        self, cast: Cast, history: History, patience: Patience, sentinels: Sentinels
    ) -> None:
        self._cast = cast
        self._sentinels = sentinels
        self._history = history
        self._patience = patience
        self._ledger = Ledger(history)
        self._sentinel: Client | None = None
        self._chats: dict[str, str] = {}
        self._messages = 0
        self._one_at_a_time = trio.Lock()

    async def pass_through(self) -> None:
        """Return when the barrier has been passed. Raises `StepFailed` and the adapters' troubles."""
        async with self._one_at_a_time:
            since = len(self._history)
            lines = [
                connection
                for device in self._cast.devices
                if (connection := device.client.connection) and not connection.frozen
            ]
            await side_by_side(lines, self._receive_what_is_owed)
            users = {
                line.user_id: [each for each in lines if each.user_id == line.user_id]
                for line in lines
                if not line.closed
            }
            if not users:
                return
            sentinel = await self._present()
            watch = _standing(sentinel.connection)
            await side_by_side(
                users,
                lambda user_id: self._there_and_back(sentinel, watch, user_id, users[user_id]),
            )
            await side_by_side(
                users, lambda user_id: self._out_again(watch, user_id, users[user_id])
            )
            for line in lines:
                if not line.closed:
                    self._history.add(Drained(conn=line.conn, since=since))

    def release(self) -> None:
        """The run is over: give the sentinel back."""
        if self._sentinel is not None:
            self._sentinels.give_back(self._sentinel)

    # ── phase 0 ───────────────────────────────────────────────────────────────────────────────

    async def _receive_what_is_owed(self, line: Connection) -> None:
        began = trio.current_time()
        with trio.move_on_after(self._patience.seconds) as waiting:
            try:
                await line.ready()
            except Unanswered:
                return
            while self._ledger.owes(line.conn) and not line.closed:
                await line.news()
        overload = self._patience.overload_while_waiting(began)
        if waiting.cancelled_caught and overload is not None:
            # The checkers would take what is late for lost.
            raise StepFailed(
                f"not everything that was accepted arrived on an open connection of {line.user_id} "
                f"within {self._patience.seconds:g} s",
                overload=overload,
            )
        self._ledger.forgive(line.conn)

    # ── phase 1 ───────────────────────────────────────────────────────────────────────────────

    async def _there_and_back(
        self, sentinel: Client, watch: Connection, user_id: str, lines: list[Connection]
    ) -> None:
        chat = await self._chat(sentinel, user_id)
        sent: list[dict[str, Json]] = []

        async def send(line: Connection) -> None:
            if not line.closed:
                answer = await self._send(line, chat)
                if answer is not None:
                    sent.append(answer)

        await side_by_side(lines, send)
        if not sent:
            return
        for message in sent:
            await self._message(watch, message, f"sent by {user_id}")
        head = max(message["seq"] for message in sent)
        await watch.acknowledge(chat, "delivered", head)

        async def be_told(line: Connection) -> None:
            await self._arrival(
                line,
                lambda frame: (
                    frame.type == "status"
                    and frame.content.get("conversation_id") == chat
                    and frame.content.get("user_id") == sentinel.user_id
                    and _at_least(frame.content.get("up_to_seq"), head)
                ),
                f"the `delivered` status of the last of {len(sent)} messages that {user_id} sent in "
                "a direct conversation",
                "STA-2",
            )

        await side_by_side(lines, be_told)

    # ── phases 2 and 3 ────────────────────────────────────────────────────────────────────────

    async def _out_again(self, watch: Connection, user_id: str, lines: list[Connection]) -> None:
        chat = self._chats[user_id]
        message = await self._send(watch, chat)
        if message is None:
            raise Unanswered("the barrier's own connection ended")
        # Its own entries, too, would be replayed to its next connection.
        await watch.acknowledge(chat, "delivered", message["seq"])

        async def receive(line: Connection) -> None:
            try:
                if await self._message(line, message, f"sent to {user_id}"):
                    await line.acknowledge(chat, "delivered", message["seq"])
                    await line.round_trip()
            except Unanswered:
                if not line.closed:
                    raise

        await side_by_side(lines, receive)

    # ── the sentinel ──────────────────────────────────────────────────────────────────────────

    async def _present(self) -> Client:
        if self._sentinel is None:
            self._sentinel = await self._sentinels.borrow(self._cast.session)
        if self._sentinel.connection is None or self._sentinel.connection.closed:
            await self._sentinel.connect(auth="header", wait="ready")
        return self._sentinel

    async def _chat(self, sentinel: Client, user_id: str) -> str:
        if user_id not in self._chats:
            chat = await sentinel.create_direct([user_id])
            self._chats[user_id] = chat["conversation_id"]
        return self._chats[user_id]

    async def _send(self, line: Connection, chat: str) -> dict[str, Json] | None:
        """Send one of the barrier's messages; None if the connection ended."""
        self._messages += 1
        call = SendCall(
            conversation_id=chat,
            client_message_id=f"barrier-{self._messages}",
            body={"kind": "text", "text": f"barrier {self._messages}"},
        )
        try:
            answer: dict[str, Json] = await line.settled(await line.send_message(call))
        except Unanswered:
            if line.closed:
                return None
            raise
        return answer

    async def _message(self, line: Connection, message: dict[str, Json], what: str) -> bool:
        return await self._arrival(
            line,
            lambda frame: (
                frame.type == "message" and frame.content.get("message_id") == message["message_id"]
            ),
            f"message #{message['seq']} of a direct conversation, {what} and accepted,",
            "DLV-1",
        )

    async def _arrival(
        self, line: Connection, wanted: Callable[[Incoming], bool], what: str, requirement: str
    ) -> bool:
        """Wait for one of the sentinel's frames; False if the connection ended."""
        looked = 0
        with trio.move_on_after(self._patience.seconds):
            while True:
                fresh = line.aside[looked:]
                looked += len(fresh)
                if any(wanted(frame) for frame in fresh):
                    return True
                if line.closed:
                    return False
                await line.news()
        raise StepFailed(
            f"{what} did not arrive on an open connection of {line.user_id} within "
            f"{self._patience.seconds:g} s",
            requirements=(requirement,),
            impatient=True,
        )


def _at_least(seq: Json, head: int) -> bool:
    return isinstance(seq, int) and seq >= head


def _standing(connection: Connection | None) -> Connection:
    if connection is None:
        raise Unanswered("the barrier has no connection")
    return connection
