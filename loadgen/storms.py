"""Storms: every connection of the population is cut at once, and everybody comes back within moments.

So it is when a node dies, a proxy restarts or a train leaves its tunnel. A connection is cut without a
word, so the server learns of it when the next one comes. When each device comes back is planned as
arrivals are, and `connect_to_replayed` counts from there to the end of the replay.

A device that is back, after a storm or by itself, does what a client must: it sends again what was not
answered (sending is idempotent), acknowledges again what it has (the server may not have heard of it), and
reads how far the others are, because a status that is missed is not told again.
"""

from __future__ import annotations

from functools import partial
from random import Random

from .answers import Standing, understood
from .client import Status
from .crew import Comeback, Crew, Line, watermark
from .host import GiveUp, clock
from .schedule import cuts


class Storms:
    """The cuts of one process, and what follows on each."""

    def __init__(self, crew: Crew) -> None:
        self._crew = crew
        crew.is_back = self._is_back

    def rage(self, start: int) -> None:
        """Cut when the plan says, until its end; `start` is the plan's beginning in microseconds."""
        load = self._crew.plan.load
        for number, at in enumerate(cuts(load)):
            moment = start + int(at * 1e6)
            self._crew.host.sleep(max(0, moment - clock()) / 1e6)
            if self._crew.closing:
                return
            self._cut(moment, number, at >= load.warmup)

    def _cut(self, moment: int, number: int, measured: bool) -> None:
        plan = self._crew.plan
        assert plan.load.storm is not None
        width = plan.load.storm.within * 1e6
        draw = Random(f"{plan.seed}/storms/{number}")  # noqa: S311  # repeatable, not secret
        seats = plan.population.users * plan.population.devices
        delays = [int(draw.random() * width) for _ in range(seats)]
        for line in self._crew.lines:
            seat = line.seat
            delay = delays[seat.user * plan.population.devices + seat.device]
            line.cut(Comeback(moment + delay, measured))

    def _is_back(self, line: Line) -> None:
        device = line.device
        for number in list(device.unanswered):
            line.send(self._crew.frame(device, number))
        if device.stream.high > device.talk.base:
            device.talk.statuses.acknowledged(device.user_id, "delivered", device.stream.high)
            line.send(watermark("delivered", device, device.stream.high))
        if device.read_up_to:
            line.send(watermark("read", device, device.read_up_to))
        self._crew.host.spawn(partial(self._catch_up, line))

    def _catch_up(self, line: Line) -> None:
        """Read how far the others are."""
        books, device = self._crew.accounting, line.device
        conversation = device.talk.conversation_id
        books.asks()
        try:
            answer = self._crew.host.get(f"/v1.0/conversations/{conversation}", line.token)
            members = understood(answer, Standing, "GET of a conversation").members
        except GiveUp as refusal:
            books.refused(refusal.cause)
            return
        books.told()
        now = clock()
        for member in members:
            if member.user_id != device.user_id:
                for name, up_to in (("read", member.read_seq), ("delivered", member.delivered_seq)):
                    books.stands(device, Status(conversation, member.user_id, name, up_to), now)
