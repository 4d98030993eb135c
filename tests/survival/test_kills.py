"""Killed again and again under load: whatever was answered is there, once, in order (DLV-8).

Users talk over the realtime channel and over HTTP, acknowledge what comes, and do after each kill what
a good client does: connect again, and send again what was never answered. Everything goes into one
history, across all kills, and the suite's own checkers judge that: order, delivery, statuses, and the pages
of the log at the end against all that was ever told.
"""

from __future__ import annotations

import random
import secrets
from pathlib import Path

import pytest
import trio

from conformance.adapters.base import Client, SendCall, Unanswered
from conformance.adapters.messenger import MessengerAdapter
from conformance.adapters.messenger.channel import Channel
from conformance.barrier import Barrier
from conformance.cast import Cast
from conformance.embedded import EmbeddedServer, embedded_server
from conformance.history import Accepted, History
from conformance.judging import judge
from conformance.language.scenario import Actor, Given, Scenario
from conformance.naming import Seeds
from conformance.patience import Patience
from conformance.sentinels import Sentinels
from conformance.setting import set_up

from ..e2e.processes import PATIENCE_S
from .scale import scale

KILLS = scale(usual=3, minutes=50)
IN_FLIGHT = 4
LATEST_KILL_S = 0.4
"""After everybody began to connect; so some kills meet handshakes and replays, most meet traffic."""

STORY = Scenario(
    id="survival.kills",
    title="Whatever was answered survives every kill",
    proves=["DLV-8"],
    actors={"alice": Actor(), "bob": Actor(devices=["phone", "laptop"]), "carol": Actor()},
    given={
        "pair": Given(direct=["alice", "bob"]),
        "group": Given(group=["carol", "alice", "bob"]),
    },
    steps=[],
    check=["order", "delivery", "status", "history"],
)


class Talker:
    """A device whose user talks without end, and gives nothing up that was not answered."""

    def __init__(self, client: Client, chats: list[str]) -> None:
        self._client = client
        self._chats = chats
        self._written = 0
        self._unanswered: dict[str, SendCall] = {}

    async def talk(self) -> None:
        """Connect, and talk until the connection ends."""
        line = await self.arrive()
        if line is None:
            return
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._acknowledge, line)
            nursery.start_soon(self._post)
            for _ in range(IN_FLIGHT):
                nursery.start_soon(self._chatter, line)

    async def arrive(self) -> Channel | None:
        """Connect, and send again what is still unanswered; None if the server went meanwhile."""
        try:
            await self._client.connect(auth="header", wait="ready")
        except Unanswered:
            return None
        line = self._client.connection
        assert isinstance(line, Channel)
        for call in list(self._unanswered.values()):
            await self._send(line, call)
        return line

    async def catch_up(self) -> None:
        """Connect for good: everything gets its answer, and what came is acknowledged."""
        line = await self.arrive()
        assert line is not None
        assert not self._unanswered
        for chat in self._chats:
            await line.acknowledge(chat, "delivered", _highest(line, chat))

    async def _chatter(self, line: Channel) -> None:
        while not line.closed:
            await self._send(line, self._next())

    async def _send(self, line: Channel, call: SendCall) -> None:
        self._unanswered[call.client_message_id] = call
        try:
            await line.settled(await line.send_message(call))
        except Unanswered:
            return
        del self._unanswered[call.client_message_id]

    async def _post(self) -> None:
        """Over HTTP, one after the other."""
        while True:
            call = self._next()
            self._unanswered[call.client_message_id] = call
            try:
                await self._client.send_message(call)
            except Unanswered:
                return
            del self._unanswered[call.client_message_id]

    async def _acknowledge(self, line: Channel) -> None:
        """Everything that comes, soon after it has come; every tenth time as read."""
        looked = rounds = 0
        while not line.closed:
            fresh, looked = line.inbox[looked:], len(line.inbox)
            heads = {
                frame.content["conversation_id"]: frame.content["seq"]
                for frame in fresh
                if frame.type == "message"
            }
            rounds += 1
            try:
                for chat, seq in heads.items():
                    await line.acknowledge(chat, "read" if rounds % 10 == 0 else "delivered", seq)
            except Unanswered:
                return
            if looked == len(line.inbox) and not line.closed:
                await line.news()

    def _next(self) -> SendCall:
        self._written += 1
        return SendCall(
            conversation_id=self._chats[self._written % len(self._chats)],
            client_message_id=f"{self._client.lane}-{self._written}",
            body={"kind": "text", "text": f"{self._written} from {self._client.lane}"},
        )


def _highest(line: Channel, chat: str) -> int:
    """The highest seq that the connection has shown of a conversation."""
    seqs = [
        frame.content["seq"]
        for frame in line.inbox
        if frame.type in ("message", "sent") and frame.content.get("conversation_id") == chat
    ]
    return max(seqs, default=0)


async def kill_at_some_moment(server: EmbeddedServer, moments: random.Random) -> None:
    """Let the traffic go on for a while, then kill the server and start it again."""
    await trio.sleep(moments.uniform(0, LATEST_KILL_S))
    await server.restart()


# httpx leaves the generator of a body behind when its request ends with the server.
@pytest.mark.filterwarnings("ignore:.*ByteStream:pytest.PytestUnraisableExceptionWarning")
async def test_whatever_was_answered_survives_every_kill(tmp_path: Path) -> None:
    """Nothing lost, nothing twice, one order, no status that falls, over all kills together."""
    seed = secrets.randbelow(2**32)
    print(f"the moments of this run's kills come from seed {seed}")  # shown when it fails
    moments = Seeds(seed, STORY.id).stream("kills")
    history, patience = History(), Patience(PATIENCE_S)
    async with embedded_server(tmp_path / "server.log", options=()) as server:
        adapter = MessengerAdapter(server.url, patience)
        target = await adapter.discover()
        async with adapter.session(history, scenario=STORY.id) as session:
            cast = Cast(STORY, Seeds(1, STORY.id), session, target, 1, history, patience)
            scope = await set_up(STORY, cast)
            pair, group = (scope[name]["conversation_id"] for name in STORY.given)
            talkers = [
                Talker(each.client, [group] if each.actor.name == "carol" else [pair, group])
                for each in cast.devices
            ]
            for _ in range(KILLS):
                async with trio.open_nursery() as nursery:
                    for talker in talkers:
                        nursery.start_soon(talker.talk)
                    await session.server_away(
                        "restart", lambda: kill_at_some_moment(server, moments)
                    )
            for talker in talkers:
                await talker.catch_up()
            barrier = Barrier(cast, history, patience, Sentinels(seed))
            await barrier.pass_through()
            for each in cast.devices:
                for chat in (pair, group) if each.actor.name != "carol" else (group,):
                    await each.client.walk(chat, "after", limit=200)
        findings = [finding.message for finding in judge(STORY, history, adapter)]
    assert findings == []
    assert sum(isinstance(event, Accepted) for event in history) > 10 * KILLS
    assert "Traceback" not in (tmp_path / "server.log").read_text()
