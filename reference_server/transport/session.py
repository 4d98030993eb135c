"""One connected device: from `welcome` to the closing, over any channel (§6).

A session is three tasks in one nursery. The *reader* takes whatever frames have arrived and acts on
them in order; sends and acknowledgements go into the writer's queue without waiting, and their answers
come back into the outbox in commit order. The *replay* shows the backlog and then goes live.
The *flusher* writes what has gathered in the outbox, everything in one go::

    channel ─> reader ─> service ─> (commit) ─> outbox ─> flusher ─> channel
                          replay ─────────────────^

Acknowledgements and pings are served while the replay runs; a send waits for its end, so that its `sent`
keeps its place in the order. How much a client may have under way is bounded (`under_way`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Protocol

import trio
from msgspec.structs import replace

from ..core import errors, inputs
from ..core.errors import ApiError
from ..core.model import Identity
from ..core.parcels import shipment
from ..core.receipts import Acknowledged
from ..core.times import rfc3339
from ..events import KeysLowEvent, MessageEvent
from ..hub import TO_DEVICE, Closing, Encoding, Item, Outbox, Outgoing, Subscriber
from ..logs import note
from ..service import Service
from ..service.messages import SendRequest, Sent, Waiting
from ..storage.base import Backlog
from . import exchange, frames
from .decoding import DECODERS, convert
from .under_way import UnderWay

log = logging.getLogger("reference_server.access")

REPLAY_PAGE = 200
QUEUE_PAGE = 32
REPLAY_BYTES = 262_144
"""A replay goes no further ahead of its reader than this, nor than a quarter of what may wait for it."""


class Channel(Protocol):
    """A WebSocket, whatever carries it."""

    async def receive(self) -> list[str | bytes] | None:
        """The messages that have arrived, text as str, binary as bytes; None: no more will come."""

    async def send(self, batch: list[Item]) -> None:
        """Write frames, all together. Raises `trio.BrokenResourceError` when the peer is gone."""

    async def close(self, closing: Closing) -> None:
        """Write a close frame, the last of all; without a code, only what is left to answer."""


class Session:
    """A device's connection; `run` returns when it is over."""

    def __init__(self, service: Service, identity: Identity, encoding: Encoding = "text") -> None:
        self._service = service
        self._kernel = service.kernel
        self._me = identity
        buffer = service.kernel.limits.max_connection_buffer_bytes
        self._outbox = Outbox(buffer)
        self._lead = min(REPLAY_BYTES, buffer // 4)
        self.subscriber = Subscriber(identity, self._outbox, encoding)
        self._decode = DECODERS[encoding]
        self._under_way = UnderWay()
        self._watermarks: dict[tuple[str, Acknowledged], list[tuple[int, Any]]] = {}
        self._replayed = trio.Event()

    async def run(self, channel: Channel) -> None:
        """Serve the channel until either side ends it."""
        limits = self._kernel.limits
        began = trio.current_time()
        self._tell(
            frames.WelcomeFrame(
                self._me.user_id,
                self._me.device_id,
                rfc3339(self._kernel.now()),
                limits.heartbeat_interval_ms,
            )
        )
        first = self._kernel.hub.attach(self.subscriber)
        self._service.presence.seen_soon(self._me, "online" if first else None)
        try:
            async with trio.open_nursery() as nursery:
                read_to_end = trio.Event()
                nursery.start_soon(self._read, channel, read_to_end)
                nursery.start_soon(self._replay)
                await self._flush(channel, read_to_end)
                nursery.cancel_scope.cancel()
        finally:
            last = self._kernel.hub.detach(self.subscriber)
            self._note_end(trio.current_time() - began)
            self._service.presence.seen_soon(self._me, "offline" if last else None)

    def _note_end(self, lasted_s: float) -> None:
        closing = self._outbox.closing
        self._kernel.metrics.ended(closing)
        asked = exchange.current()
        note(
            log,
            logging.INFO,
            "connection ended",
            request_id=asked and asked.request_id,
            scenario=asked and asked.scenario,
            user=self._me.user_id,
            device=self._me.device_id,
            close_code=closing and closing.code,
            duration_ms=round(lasted_s * 1000),
        )

    # writing

    def _tell(self, frame: Any) -> None:
        self.subscriber.tell(Outgoing(frame))

    async def _flush(self, channel: Channel, read_to_end: trio.Event) -> None:
        outbox = self._outbox
        try:
            with outbox.writing:
                while batch := await outbox.next_batch():
                    await channel.send(batch)
                if outbox.closing is not None:
                    await channel.close(outbox.closing)
                    await read_to_end.wait()  # for the peer's own close frame
        except trio.BrokenResourceError:
            pass

    # replaying

    async def _replay(self) -> None:
        try:
            waiting = await self._waiting()
            if waiting.one_time_keys is not None:
                self._tell(KeysLowEvent(waiting.one_time_keys))
            count = await self._catch_up(waiting.to_device, waiting.backlog)
            partners = await self._service.presence.partners(self._me)
            while missed := self.subscriber.missed():
                waiting = await self._waiting()
                count += await self._catch_up(
                    waiting.to_device,
                    [part for part in waiting.backlog if part.conversation_id in missed],
                )
        except errors.Unauthorized:
            self._outbox.close(Closing(4401, "token revoked"))
            return
        except ApiError as error:
            self._outbox.close(Closing(1012, error.detail))
            return
        # No await up to going live: nothing can be published in between.
        self._tell(frames.ReplayCompleteFrame(count))
        self.subscriber.go_live()
        self._replayed.set()
        for event in self._service.presence.online(partners):
            self._tell(event)
            await self._keep_pace()

    async def _waiting(self) -> Waiting:
        """What is waiting; all of it has been published by now."""
        waiting = await self._service.messages.waiting(self._me)
        await self._kernel.writer.answered()
        return waiting

    async def _catch_up(self, to_device: int, backlog: list[Backlog]) -> int:
        """Show the queue, what was held, and the backlog; how many messages that were.

        In this order: what was queued before a message may hold its key, and what was held may announce
        its conversation.
        """
        await self._show_queue(to_device)
        self._outbox.release()
        return await self._show(backlog)

    async def _show_queue(self, up_to: int) -> None:
        while (after := self.subscriber.shown(TO_DEVICE)) < up_to:
            waiting = await self._service.to_device.queued(self._me, after, QUEUE_PAGE)
            for event in waiting:
                self._tell(event)
                await self._keep_pace()
            self.subscriber.showing(TO_DEVICE, waiting[-1].position if waiting else up_to)

    async def _show(self, backlog: list[Backlog]) -> int:
        count = 0
        for whole in backlog:
            after = max(whole.after, self.subscriber.shown(whole.conversation_id))
            rest = replace(whole, after=after)
            while rest.after < rest.up_to:
                for entry in await self._service.messages.replay(self._me, rest, REPLAY_PAGE):
                    self._tell(MessageEvent(entry))
                    rest = replace(rest, after=entry.seq)
                    count += 1
                    await self._keep_pace()
                self.subscriber.showing(rest.conversation_id, rest.after)
        return count

    async def _keep_pace(self) -> None:
        """Let the reader catch up, if the replay is far ahead of it."""
        if self._outbox.size > self._lead:
            await self._outbox.drained()

    # reading

    async def _read(self, channel: Channel, read_to_end: trio.Event) -> None:
        while (messages := await channel.receive()) is not None:
            if self._me.expires_at <= self._kernel.now():
                self._outbox.close(Closing(4401, "token expired"))
            for message in messages:
                if self._outbox.closing is not None:
                    break
                await self._take(message)
            await self._acknowledge()
        read_to_end.set()
        self._outbox.close(Closing(None))

    async def _take(self, message: str | bytes) -> None:
        try:
            frame = self._decode(message)
        except errors.Malformed as error:
            self._outbox.close(Closing(4400, error.detail[:100]))
            return
        kind = frame.get("type") if isinstance(frame, dict) else None
        act = _ACTS.get(kind) if isinstance(kind, str) else None
        try:
            if act is None:
                raise errors.pointed(
                    errors.InvalidRequest, "/type", "Expected a frame of a known type."
                )
            await act(self, frame, len(message))
        except ApiError as error:
            self._refuse(error, frame.get("id") if isinstance(frame, dict) else None)

    def _refuse(self, error: ApiError, frame_id: Any) -> None:
        self._kernel.metrics.refused(error.code)
        failure = frames.refusal(error)
        if inputs.is_id(frame_id):
            self._tell(frames.ErrorFrame(failure, frame_id))
        else:
            self._tell(frames.ErrorFrame(failure))

    async def _send(self, raw: dict[str, Any], size: int) -> None:
        frame = convert(raw, frames.SendFrame)
        frame_id = inputs.check_id(frame.id, "/id")
        try:
            self._service.rates.spend("sends", self._me.user_id)
            request = SendRequest(
                conversation_id=inputs.check_id(frame.conversation_id, "/conversation_id"),
                client_message_id=inputs.check_id(frame.client_message_id, "/client_message_id"),
                body=frame.body,
                relates_to=frame.relates_to,
                expires_in_s=frame.expires_in_s,
            )
        except ApiError as error:
            self._fail(error, frame_id, frame.client_message_id)
            return

        def answer(result: Sent | ApiError) -> None:
            self._under_way.arrive(size)
            if isinstance(result, ApiError):
                self._fail(result, frame_id, request.client_message_id)
            else:
                batch = self._kernel.writer.batch
                timing = frames.Timing(
                    queue_us=(batch.departed - departed) // 1000,
                    commit_us=(batch.durable - batch.departed) // 1000,
                )
                self._tell(
                    frames.sent(frame_id, result.message, timing, duplicate=result.duplicate)
                )

        if self._watermarks:
            await self._acknowledge()
        if not self._replayed.is_set():
            await self._replayed.wait()
        await self._under_way.depart(size)
        departed = time.perf_counter_ns()
        self._service.messages.send_soon(self._me, request, self.subscriber, answer)

    def _fail(self, error: ApiError, frame_id: str, client_message_id: Any) -> None:
        self._kernel.metrics.refused(error.code)
        self._tell(frames.failed(frame_id, client_message_id, error))

    async def _delivered(self, raw: dict[str, Any], _size: int) -> None:
        self._gather("delivered", raw)

    async def _read_up_to(self, raw: dict[str, Any], _size: int) -> None:
        self._gather("read", raw)

    def _gather(self, status: Acknowledged, raw: dict[str, Any]) -> None:
        frame = convert(raw, frames.WatermarkFrame)
        gathered = self._watermarks.setdefault((frame.conversation_id, status), [])
        gathered.append((frame.up_to_seq, raw.get("id")))

    async def _acknowledge(self) -> None:
        """Hand over the acknowledgements that came together: one rise for each conversation."""
        watermarks, self._watermarks = self._watermarks, {}
        for (conversation_id, status), gathered in watermarks.items():
            await self._under_way.depart(0)
            self._service.receipts.acknowledge_soon(
                self._me,
                conversation_id,
                status,
                [up_to_seq for up_to_seq, _ in gathered],
                self.subscriber,
                partial(self._acknowledged, gathered),
            )

    def _acknowledged(self, gathered: list[tuple[int, Any]], result: int | ApiError) -> None:
        self._under_way.arrive(0)
        for up_to_seq, frame_id in gathered:
            if isinstance(result, ApiError):
                self._refuse(result, frame_id)
            elif up_to_seq > result:
                self._refuse(errors.OutOfRange(), frame_id)

    async def _typing(self, raw: dict[str, Any], size: int) -> None:
        frame = convert(raw, frames.TypingFrame)
        await self._under_way.depart(size)
        done = self._done(raw, size)
        self._service.typing.tell_soon(self._me, frame.conversation_id, frame.active, done)

    def _done(self, raw: dict[str, Any], size: int) -> Callable[[ApiError | None], None]:
        """What happens when a frame is dealt with that has no answer but a refusal."""

        def done(result: ApiError | None) -> None:
            self._under_way.arrive(size)
            if result is not None:
                self._refuse(result, raw.get("id"))

        return done

    async def _to_device(self, raw: dict[str, Any], size: int) -> None:
        frame = convert(raw, frames.ToDeviceFrame)
        frame_id = inputs.check_id(frame.id, "/id")
        self._service.rates.spend("sends", self._me.user_id)

        def answer(result: list[tuple[str, str]] | ApiError) -> None:
            self._under_way.arrive(size)
            if isinstance(result, ApiError):
                self._refuse(result, frame_id)
            else:
                self._tell(frames.AcceptedFrame(frame_id, result))

        sent = shipment(frame.messages)
        await self._under_way.depart(size)
        self._service.to_device.send_soon(self._me, frame_id, sent, answer)

    async def _to_device_ack(self, raw: dict[str, Any], size: int) -> None:
        frame = convert(raw, frames.ToDeviceAckFrame)
        await self._under_way.depart(size)
        self._service.to_device.acknowledge_soon(self._me, frame.up_to, self._done(raw, size))

    async def _ping(self, raw: dict[str, Any], _size: int) -> None:
        frame = convert(raw, frames.PingFrame)
        frame_id = inputs.check_id(frame.id, "/id")
        self._tell(frames.PongFrame(frame_id, rfc3339(self._kernel.now())))


_ACTS: dict[str, Callable[[Session, dict[str, Any], int], Awaitable[None]]] = {
    "send": Session._send,
    "delivered": Session._delivered,
    "read": Session._read_up_to,
    "typing": Session._typing,
    "to_device": Session._to_device,
    "to_device_ack": Session._to_device_ack,
    "ping": Session._ping,
}
