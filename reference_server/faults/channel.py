"""Faults in the realtime channel: its beginning, its frames, its end, its encodings (RT)."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import trio
from websockets.protocol import Protocol

from .. import hub as hub_module
from ..core import errors
from ..core.errors import ApiError
from ..core.model import Identity
from ..events import MessageEvent, Revoked
from ..hub import Closing, Hub, Outbox, Outgoing, Subscriber
from ..service.messages import Messages, Waiting
from ..storage.base import Backlog
from ..storage.sqlite import SqliteStore
from ..transport import decoding, handshake, session
from ..transport.frames import ReplayCompleteFrame, WelcomeFrame
from ..transport.session import Session
from .seams import Genuine, Seams, fault


@fault("RT-1")
def browsers_get_no_subprotocol(seams: Seams) -> None:
    """A browser gives up at once, because no subprotocol that it offered is selected."""

    @seams.instead(handshake, "select")
    def select(_genuine: Genuine, _offered: Any) -> None:
        return None


@fault("RT-1")
def browsers_may_add_to_their_token(seams: Seams) -> None:
    """Of the token that a browser offers as a subprotocol, the beginning alone is looked at."""

    @seams.instead(handshake, "authenticate")
    async def authenticate(
        genuine: Genuine, service: Any, authorization: str | None, offered: Any = ()
    ) -> Any:
        whole = len("bearer.") + 43
        return await genuine(service, authorization, [each[:whole] for each in offered])


@fault("RT-1", "ERR-1")
def encodings_come_before_tokens(seams: Seams) -> None:
    """Without a token, a wrong encoding is told before the missing token is."""

    @seams.instead(handshake, "admit")
    async def admit(
        genuine: Genuine, service: Any, authorization: Any, offered: Any, encoding: str | None
    ) -> Any:
        if encoding is not None and encoding not in handshake.ENCODINGS:
            raise errors.InvalidEncoding
        return await genuine(service, authorization, offered, encoding)


@fault("RT-2")
def welcome_comes_last(seams: Seams) -> None:
    """What was missed comes before `welcome`."""

    @seams.instead(Session, "_tell")
    def tell(genuine: Genuine, at: Session, frame: Any) -> None:
        if isinstance(frame, WelcomeFrame):
            waiting[at] = frame
            return
        if isinstance(frame, ReplayCompleteFrame) and at in waiting:
            genuine(at, waiting.pop(at))
        genuine(at, frame)

    waiting: dict[Session, WelcomeFrame] = {}


@fault("RT-2")
def replay_complete_comes_first(seams: Seams) -> None:
    """`replay_complete` is there before what was missed."""

    @seams.instead(Session, "_tell")
    def tell(genuine: Genuine, at: Session, frame: Any) -> None:
        if isinstance(frame, MessageEvent) and not at._replayed.is_set():
            waiting.setdefault(at, []).append(frame)
            return
        genuine(at, frame)
        if isinstance(frame, ReplayCompleteFrame):
            for entry in waiting.pop(at, []):
                genuine(at, entry)

    waiting: dict[Session, list[MessageEvent]] = {}


@fault("RT-2")
def replays_are_miscounted(seams: Seams) -> None:
    """`replay_complete` counts one message more than came."""

    @seams.instead(Session, "_show")
    async def show(genuine: Genuine, at: Session, backlog: list[Backlog]) -> int:
        count: int = await genuine(at, backlog)
        return count + (count > 0)


@fault("RT-3")
def errors_end_connections(seams: Seams) -> None:
    """A frame that the server does not know ends the connection."""

    @seams.instead(Session, "_refuse")
    def refuse(genuine: Genuine, at: Session, error: ApiError, frame_id: Any) -> None:
        genuine(at, error, frame_id)
        if error.code == "invalid_request":
            at._outbox.close(Closing(4400, error.detail[:100]))


@fault("RT-3")
def garbage_is_answered(seams: Seams) -> None:
    """What cannot be decoded is answered with an `error`, and the connection goes on out of step."""

    @seams.instead(Session, "_take")
    async def take(genuine: Genuine, at: Session, message: str | bytes) -> None:
        try:
            at._decode(message)
        except errors.Malformed as error:
            at._refuse(error, None)
        else:
            await genuine(at, message)


@fault("RT-3")
def unknown_frames_are_ignored(seams: Seams) -> None:
    """A frame of an unknown type is passed over in silence."""

    @seams.instead(Session, "_take")
    async def take(genuine: Genuine, at: Session, message: str | bytes) -> None:
        try:
            frame = at._decode(message)
        except errors.Malformed:
            await genuine(at, message)
            return
        kind = frame.get("type") if isinstance(frame, dict) else None
        if not isinstance(kind, str) or kind in session._ACTS:
            await genuine(at, message)


@fault("RT-4")
def two_connections_of_a_device_live(seams: Seams) -> None:
    """A device that connects again has two connections, of which the first one falls silent."""

    @seams.instead(Hub, "attach")
    def attach(genuine: Genuine, hub: Hub, subscriber: Subscriber) -> Any:
        identity = subscriber.identity
        devices = hub._users.get(identity.user_id, {})
        before = devices.pop(identity.device_id, None)
        first = genuine(hub, subscriber)
        return first and before is None


@fault("RT-4", "DLV-2", "DLV-3")
def taking_over_loses_what_was_on_its_way(seams: Seams) -> None:
    """What was on its way to a connection that a newer one of the same device replaces is lost."""
    replaced: set[tuple[str, str]] = set()

    @seams.instead(Hub, "attach")
    def attach(genuine: Genuine, hub: Hub, subscriber: Subscriber) -> Any:
        identity = subscriber.identity
        if identity.device_id in hub._users.get(identity.user_id, {}):
            replaced.add((identity.user_id, identity.device_id))
        return genuine(hub, subscriber)

    @seams.instead(Messages, "waiting")
    async def waiting(genuine: Genuine, use: Messages, me: Identity) -> Any:
        found: Waiting = await genuine(use, me)
        if (me.user_id, me.device_id) in replaced:
            replaced.discard((me.user_id, me.device_id))
            return msgspec.structs.replace(found, backlog=[])
        return found


@fault("RT-4")
def a_replaced_connection_is_told_to_go_away(seams: Seams) -> None:
    """A replaced connection is closed with 1001, so that its client connects again, and again."""

    @seams.instead(Outbox, "close")
    def close(genuine: Genuine, outbox: Outbox, closing: Closing) -> None:
        genuine(outbox, Closing(1001, closing.reason) if closing.code == 4409 else closing)


@fault("RT-5", "SEC-5")
def logging_out_closes_nothing(seams: Seams) -> None:
    """A device that was logged out still receives messages on the connection that it had."""

    @seams.instead(Hub, "revoke")
    def revoke(genuine: Genuine, hub: Hub, ended: Revoked) -> None:
        if ended.reason != "logged out":
            genuine(hub, ended)


@fault("RT-5", "SEC-5")
def removed_devices_listen_on(seams: Seams) -> None:
    """A device that was removed, because it was stolen, still receives messages."""

    @seams.instead(Hub, "revoke")
    def revoke(genuine: Genuine, hub: Hub, ended: Revoked) -> None:
        if ended.reason != "device removed":
            genuine(hub, ended)


@fault("RT-5", "SEC-5")
def a_new_login_leaves_the_old_connection(seams: Seams) -> None:
    """A device that logs in again keeps its connection with the token that no longer works."""

    @seams.instead(Hub, "revoke")
    def revoke(genuine: Genuine, hub: Hub, ended: Revoked) -> None:
        if ended.reason != "logged in again":
            genuine(hub, ended)


@fault("RT-6")
def slow_readers_are_kept(seams: Seams) -> None:
    """For a device that does not read, the server keeps everything in memory, however much it is."""

    @seams.instead(Outbox, "_count")
    def count(_genuine: Genuine, outbox: Outbox, item: Any) -> None:
        outbox.size += item.size


@fault("RT-6", "DLV-1")
def slow_readers_lose_messages(seams: Seams) -> None:
    """A device that does not read for a moment misses what is said meanwhile, and is not told."""

    @seams.instead(Outbox, "push")
    def push(genuine: Genuine, outbox: Outbox, item: Any) -> None:
        is_entry = isinstance(item, Outgoing) and isinstance(item.frame, MessageEvent)
        if not is_entry or outbox.size < 32_768:
            genuine(outbox, item)


@fault("RT-7")
def messagepack_rounds_times(seams: Seams) -> None:
    """In MessagePack, times are those of the last full second."""

    @seams.instead(hub_module, "_encode_msgpack")
    def encode(genuine: Genuine, frame: Any) -> Any:
        text = msgspec.json.encode(frame).decode()
        return genuine(msgspec.json.decode(re.sub(r"\.\d{3}Z", ".000Z", text)))


@fault("RT-7", "STA-2")
def messagepack_acknowledges_nothing(seams: Seams) -> None:
    """What a device acknowledges in MessagePack is not taken in."""

    @seams.instead(Session, "_gather")
    def gather(genuine: Genuine, at: Session, status: Any, raw: dict[str, Any]) -> None:
        if not at.subscriber._packs:
            genuine(at, status, raw)


@fault("RT-7", "RT-3")
def messagepack_is_not_checked(seams: Seams) -> None:
    """Bytes that JSON has no word for are taken in MessagePack."""

    @seams.instead(decoding, "decode_msgpack")
    def decode(_genuine: Genuine, data: bytes) -> Any:
        try:
            return msgspec.msgpack.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return {}


@fault("RT-8")
def stopping_cuts_the_line(seams: Seams) -> None:
    """When the server is stopped in order, connections break off without a word."""

    @seams.instead(Hub, "close_all")
    def close_all(genuine: Genuine, hub: Hub, _closing: Closing) -> None:
        genuine(hub, Closing(None))


@fault("RT-8")
def stopping_looks_like_a_goodbye(seams: Seams) -> None:
    """A server that is restarted closes with 1000, so that clients stay away."""

    @seams.instead(Hub, "close_all")
    def close_all(genuine: Genuine, hub: Hub, _closing: Closing) -> None:
        genuine(hub, Closing(1000, "bye"))


@fault("RT-8")
def stopping_forgets_the_rest(seams: Seams) -> None:
    """When the server is stopped in order, what it had not written yet is lost: all but eleven entries."""

    @seams.instead(SqliteStore, "close")
    def close(genuine: Genuine, store: SqliteStore) -> None:
        store.commands._do("DELETE FROM entries WHERE seq > 11")
        store.commands._do("UPDATE conversations SET head_seq = 11 WHERE head_seq > 11")
        genuine(store)


@fault("RT-2", "ORD-2", "DLV-1", "DLV-2")
def live_overtakes_the_backlog(seams: Seams) -> None:
    """What is sent while a device is still being told what it missed comes amid that."""

    @seams.instead(Subscriber, "offer")
    def offer(genuine: Genuine, subscriber: Subscriber, item: Outgoing, entry: Any) -> None:
        genuine(subscriber, item, entry)
        if entry is not None and not subscriber._live:
            subscriber.tell(item)

    @seams.instead(Messages, "waiting")
    async def waiting(genuine: Genuine, use: Messages, me: Identity) -> Any:
        found = await genuine(use, me)
        await trio.sleep(0.05)
        return found


@fault("RT-2")
def heartbeats_are_told_in_seconds(seams: Seams) -> None:
    """`welcome` tells the heartbeat in seconds, so that clients take every connection for dead."""

    @seams.instead(Session, "_tell")
    def tell(genuine: Genuine, at: Session, frame: Any) -> None:
        if isinstance(frame, WelcomeFrame):
            in_seconds = frame.heartbeat_interval_ms // 1000
            frame = msgspec.structs.replace(frame, heartbeat_interval_ms=in_seconds)
        genuine(at, frame)


@fault("RT-3", "SEC-4")
def failures_look_like_goodbyes(seams: Seams) -> None:
    """Whoever sends too much, or what is no UTF-8, is closed with 1000, as if all had been well."""

    @seams.instead(Protocol, "fail")
    def fail(genuine: Genuine, protocol: Protocol, _code: int, reason: str = "") -> None:
        genuine(protocol, 1000, reason)


@fault("RT-7")
def messagepack_is_ascii(seams: Seams) -> None:
    """In MessagePack, letters with accents and emoji come as question marks."""

    @seams.instead(hub_module, "_encode_msgpack")
    def encode(genuine: Genuine, frame: Any) -> Any:
        text = msgspec.json.encode(frame).decode().encode("ascii", "replace")
        return genuine(msgspec.json.decode(text))
