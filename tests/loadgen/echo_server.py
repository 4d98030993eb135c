"""A server that speaks just enough of the API to be loaded, and takes as long as it is told.

``python -m tests.loadgen.echo_server [--delay MS] [--stall FROM:FOR] [--mistreat HOW,…]`` prints where it
listens and ends with its standard input. Every message is answered, delivered and acknowledged back after
the delay; while it stalls (seconds after the first message), after the stall. It keeps everything in
memory, in no particular way: how it is measured is what it is for.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

import msgspec
import trio
from hypercorn.config import Config
from hypercorn.trio import serve
from quart import request, websocket
from quart_trio import QuartTrio

SEQS = {"lost": 5, "duplicated": 7, "reordered": 9, "history_mismatch": 11, "status_mismatch": 13}
"""Which entry of each conversation is mistreated in which way."""

Frame = dict[str, Any]
Put = Callable[[Frame], None]


class Echo:
    """Users, conversations and connections, by their ids."""

    def __init__(self, delay: float, stall: tuple[float, float], mistreat: list[str]) -> None:
        self._delay = delay
        self._stall = stall
        self._mistreat = {SEQS[how]: how for how in mistreat}
        self._began: float | None = None
        self._ids = count(1)
        self.members: dict[str, list[str]] = {}
        self.logs: dict[str, list[Frame]] = defaultdict(list)
        self.puts: dict[str, Put] = {}
        self._withheld: dict[tuple[str, str], list[Frame]] = {}
        self._watermarks: dict[tuple[str, str, str], int] = defaultdict(int)

    def create(self, creator: str, others: list[str]) -> Frame:
        """A new conversation."""
        identity = f"c{next(self._ids)}"
        self.members[identity] = [creator, *others]
        return {"conversation_id": identity, "head_seq": 0}

    def answer_at(self, now: float) -> float:
        """When something that comes now is answered."""
        if self._began is None:
            self._began = now
        begin, length = self._stall
        begin += self._began
        return max(now + self._delay, begin + length if begin <= now < begin + length else 0.0)

    def store(self, sender: str, frame: Frame) -> None:
        """Append a message and tell everybody."""
        conversation = frame["conversation_id"]
        log = self.logs[conversation]
        entry = {
            "message_id": f"m{next(self._ids)}",
            "conversation_id": conversation,
            "seq": len(log) + 1,
            "sender_id": sender,
            "client_message_id": frame["client_message_id"],
            "body": frame["body"],
        }
        log.append(entry)
        self.puts[sender]({**entry, "type": "sent", "id": frame["id"], "duplicate": False})
        for member in self.members[conversation]:
            if member != sender:
                for each in self._deliveries(entry, member):
                    self.puts[member]({"type": "message", "message": each})

    def _deliveries(self, entry: Frame, member: str) -> list[Frame]:
        """What a member is given when this entry is its turn."""
        withheld = self._withheld.pop((entry["conversation_id"], member), [])
        match self._mistreat.get(entry["seq"]):
            case "lost":
                return []
            case "duplicated":
                return [entry, entry]
            case "reordered":
                self._withheld[entry["conversation_id"], member] = [entry]
                return []
        return [entry, *withheld]

    def history(self, conversation: str) -> list[Frame]:
        """A conversation's entries, all of them in one page."""
        return [
            entry
            for entry in self.logs[conversation]
            if self._mistreat.get(entry["seq"]) != "history_mismatch"
        ]

    def acknowledge(self, user: str, frame: Frame) -> None:
        """Tell the others of a watermark that rises; of one that is mistreated, then also that it falls."""
        key = (frame["conversation_id"], user, frame["type"])
        told = [frame["up_to_seq"]]
        if told[0] <= self._watermarks[key]:
            return
        self._watermarks[key] = told[0]
        if frame["type"] == "delivered" and self._mistreat.get(told[0]) == "status_mismatch":
            told.append(told[0] - 1)
        for member in self.members[frame["conversation_id"]]:
            for up_to in told if member != user else ():
                self.puts[member](
                    {
                        "type": "status",
                        "conversation_id": frame["conversation_id"],
                        "user_id": user,
                        "status": frame["type"],
                        "up_to_seq": up_to,
                    }
                )


def application(echo: Echo) -> QuartTrio:
    """The few routes that a load needs."""
    app = QuartTrio(__name__)

    def user() -> str:
        return request.headers["Authorization"].removeprefix("Bearer ")

    @app.get("/.well-known/messenger")
    async def discovery() -> Frame:
        return {"versions": ["v1.0"], "capabilities": [], "limits": {}}

    @app.post("/v1.0/users")
    async def register() -> tuple[Frame, int]:
        asked = await request.get_json()
        return {"user_id": asked["user_id"]}, 201

    @app.post("/v1.0/sessions")
    async def log_in() -> tuple[Frame, int]:
        asked = await request.get_json()
        return {"token": asked["user_id"]}, 201

    @app.post("/v1.0/conversations")
    async def create() -> tuple[Frame, int]:
        asked = await request.get_json()
        return echo.create(user(), asked["members"]), 201

    @app.get("/v1.0/conversations/<conversation>/messages")
    async def history(conversation: str) -> Frame:
        return {
            "items": echo.history(conversation),
            "before": None,
            "after": "",
            "has_older": False,
        }

    @app.websocket("/v1.0/chat")
    async def chat() -> None:
        await _converse(echo, websocket.headers["Authorization"].removeprefix("Bearer "))

    return app


async def _converse(echo: Echo, user: str) -> None:
    """One connection: what comes waits its time in a queue, so order is kept."""
    outgoing_in, outgoing = trio.open_memory_channel[Frame](10_000)
    waiting_in, waiting = trio.open_memory_channel[tuple[float, Callable[[], None]]](10_000)
    echo.puts[user] = outgoing_in.send_nowait

    async def write() -> None:
        async for frame in outgoing:
            await websocket.send(msgspec.json.encode(frame).decode())

    async def answer() -> None:
        async for moment, act in waiting:
            await trio.sleep_until(moment)
            act()

    echo.puts[user]({"type": "welcome", "user_id": user})
    echo.puts[user]({"type": "replay_complete", "count": 0})
    async with trio.open_nursery() as nursery:
        nursery.start_soon(write)
        nursery.start_soon(answer)
        while True:
            frame = msgspec.json.decode(await websocket.receive())
            act = {"send": echo.store}.get(frame["type"], echo.acknowledge)
            moment = echo.answer_at(trio.current_time())
            waiting_in.send_nowait((moment, partial(act, user, frame)))


async def main() -> None:
    """Serve until the standard input closes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--delay", type=float, default=0.0, help="milliseconds")
    parser.add_argument("--stall", default="0:0", help="seconds after the first message: how long")
    parser.add_argument("--mistreat", default="", help="ways, with commas between them")
    options = parser.parse_args()
    begin, _, length = options.stall.partition(":")
    echo = Echo(
        options.delay / 1000,
        (float(begin), float(length)),
        options.mistreat.split(",") if options.mistreat else [],
    )
    config = Config()
    config.bind = ["127.0.0.1:0"]
    config.errorlog = None
    async with trio.open_nursery() as nursery:
        binds = await nursery.start(partial(serve, application(echo), config))
        print(f"echo: listening on {binds[0]}", flush=True)
        await trio.lowlevel.FdStream(sys.stdin.fileno()).receive_some(1)
        nursery.cancel_scope.cancel()


if __name__ == "__main__":
    trio.run(main)
