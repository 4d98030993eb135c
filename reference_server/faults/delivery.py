"""Faults in delivery: live, in the replay, and of what was refused (DLV)."""

from __future__ import annotations

from typing import Any

import trio
from msgspec.structs import replace

from ..core import errors, inputs
from ..core.errors import ApiError
from ..core.limits import Limits
from ..core.model import Conversation, Identity, Message
from ..events import MessageEvent, Post
from ..hub import Hub, Outbox, Subscriber
from ..service.messages import Messages, SendRequest, Waiting
from ..storage.base import Backlog, Commands, Queries
from ..storage.sqlite import SqliteCommands
from ..storage.sqlite_order import OrderQueries
from ..transport.session import Session
from .frames import delivered
from .seams import Genuine, Seams, fault


@fault("DLV-1", "ORD-2")
def a_delivery_is_lost(seams: Seams) -> None:
    """Once in 50, a message does not reach one of the connected devices."""

    @seams.instead(Subscriber, "offer")
    def offer(genuine: Genuine, subscriber: Subscriber, item: Any, entry: Any) -> None:
        if entry is None or not seams.once_in(50):
            genuine(subscriber, item, entry)


@fault("DLV-1")
def a_delivery_comes_twice(seams: Seams) -> None:
    """Once in 50, a connected device gets a message twice."""

    @seams.instead(Outbox, "push")
    def push(genuine: Genuine, outbox: Outbox, item: Any) -> None:
        genuine(outbox, item)
        if delivered(item)[1] and seams.once_in(50):
            genuine(outbox, item)


@fault("DLV-1", "DLV-6", "STA-10", "STA-2")
def only_the_newest_device_hears(seams: Seams) -> None:
    """With two devices connected, a user gets messages on the one alone that connected last."""

    @seams.instead(Hub, "publish")
    def publish(genuine: Genuine, hub: Hub, post: Post) -> None:
        everybody = hub._users
        hub._users = {
            user_id: dict(list(devices.items())[-1:]) for user_id, devices in everybody.items()
        }
        try:
            genuine(hub, post)
        finally:
            hub._users = everybody


@fault("DLV-2", "ORD-2")
def the_third_is_not_replayed(seams: Seams) -> None:
    """Of what was sent while a device was away, the third message never comes."""

    @seams.instead(Messages, "replay")
    async def replay(genuine: Genuine, use: Messages, me: Identity, part: Backlog, n: int) -> Any:
        entries: list[Message] = await genuine(use, me, part, n)
        return entries[:2] + entries[3:] if len(entries) > 3 else entries


@fault("DLV-2", "ORD-2")
def replays_run_backwards(seams: Seams) -> None:
    """Of what was sent while a device was away, the newest comes first."""

    @seams.instead(Messages, "replay")
    async def replay(genuine: Genuine, use: Messages, me: Identity, part: Backlog, n: int) -> Any:
        entries: list[Message] = await genuine(use, me, part, n)
        # The last one stays behind, because it tells how far the replay has come.
        return [*entries[-2::-1], *entries[-1:]]


@fault("DLV-2", "ORD-2")
def replays_end_early(seams: Seams) -> None:
    """A device that was away for long gets the first five messages of each conversation alone."""

    @seams.instead(OrderQueries, "backlog")
    def backlog(genuine: Genuine, queries: Queries, user_id: str, device_id: str) -> Any:
        return [
            replace(part, up_to=min(part.up_to, part.after + 5))
            for part in genuine(queries, user_id, device_id)
        ]


@fault("DLV-2", "RT-2", "ORD-2")
def the_moment_of_connecting_is_lost(seams: Seams) -> None:
    """What is sent to a device while it is still being told what it missed never comes."""

    @seams.instead(Subscriber, "missed")
    def missed(genuine: Genuine, subscriber: Subscriber) -> set[str]:
        genuine(subscriber)
        return set()

    @seams.instead(Messages, "waiting")
    async def waiting(genuine: Genuine, use: Messages, me: Identity) -> Any:
        found = await genuine(use, me)
        await trio.sleep(0.05)
        return found


@fault("DLV-3")
def acknowledging_is_forgotten(seams: Seams) -> None:
    """A device gets all that it has acknowledged again, each time it connects."""

    @seams.instead(SqliteCommands, "raise_device_mark")
    def raise_mark(_genuine: Genuine, *_mark: Any) -> None: ...


@fault("DLV-3", "DLV-2")
def written_is_acknowledged(seams: Seams) -> None:
    """What was once written to a device is not replayed, though the device never said that it has it."""

    @seams.instead(Messages, "waiting")
    async def waiting(genuine: Genuine, use: Messages, me: Identity) -> Any:
        found: Waiting = await genuine(use, me)
        rest = []
        for part in found.backlog:
            key = (me.user_id, me.device_id, part.conversation_id)
            shown, written[key] = written.get(key, 0), part.up_to
            if shown < part.up_to:
                rest.append(replace(part, after=max(part.after, shown)))
        return replace(found, backlog=rest)

    written: dict[tuple[str, str, str], int] = {}


@fault("DLV-3", "DLV-2")
def one_device_acknowledges_for_all(seams: Seams) -> None:
    """What one device of a user has acknowledged is not replayed to the others."""

    @seams.instead(SqliteCommands, "raise_device_mark")
    def raise_mark(
        genuine: Genuine, commands: Commands, user_id: str, _device_id: str, *rest: Any
    ) -> None:
        for device in commands.devices(user_id):
            genuine(commands, user_id, device.device_id, *rest)


@fault("DLV-3")
def acknowledging_less_takes_back(seams: Seams) -> None:
    """A lower acknowledgement that comes late makes the device get everything above it again."""

    @seams.instead(SqliteCommands, "raise_device_mark")
    def raise_mark(
        _genuine: Genuine, commands: SqliteCommands, user: str, device: str, chat: str, up_to: int
    ) -> None:
        commands._do(
            "INSERT OR REPLACE INTO device_marks VALUES (?, ?, ?, ?)", user, device, chat, up_to
        )


@fault("DLV-6", "DLV-1")
def senders_hear_themselves(seams: Seams) -> None:
    """The device that sent a message gets it as well, beside `sent`."""

    @seams.instead(Hub, "publish")
    def publish(genuine: Genuine, hub: Hub, post: Post) -> None:
        is_entry = isinstance(post.event, MessageEvent)
        genuine(hub, replace(post, but=None) if is_entry else post)


@fault("DLV-6", "DLV-1", "ORD-2")
def own_devices_hear_nothing(seams: Seams) -> None:
    """What one writes on the phone does not come to one's laptop."""

    @seams.instead(Hub, "publish")
    def publish(genuine: Genuine, hub: Hub, post: Post) -> None:
        if isinstance(post.event, MessageEvent):
            sender = post.event.message.sender_id
            is_system = post.event.message.client_message_id is None
            others = [user_id for user_id in post.to if user_id != sender or is_system]
            post = replace(post, to=others)
        genuine(hub, post)


@fault("DLV-7", "ORD-1")
def refused_messages_use_numbers(seams: Seams) -> None:
    """A refused message leaves a gap in the conversation's numbers."""

    @seams.instead(Messages, "_send")
    def send(
        genuine: Genuine, use: Messages, me: Identity, request: SendRequest, *rest: Any
    ) -> Any:
        try:
            return genuine(use, me, request, *rest)
        except ApiError as refusal:
            commands: SqliteCommands = rest[-1]
            _skip(commands, request.conversation_id, me, refusal)
            raise

    def _skip(commands: SqliteCommands, chat: str, me: Identity, refusal: ApiError) -> None:
        conversation = commands.conversation(chat)
        known = isinstance(refusal, errors.IdempotencyConflict)
        if conversation is None or me.user_id not in conversation.members or known:
            return
        head_seq = conversation.head_seq + 1
        commands._do(
            "UPDATE conversations SET head_seq = ? WHERE conversation_id = ?", head_seq, chat
        )
        commands._remember(replace(conversation, head_seq=head_seq))


@fault("DLV-7", "CONV-9", "CONV-4")
def refused_messages_arrive(seams: Seams) -> None:
    """A message by somebody who was blocked or has left is refused, and delivered all the same."""
    loops: list[trio.lowlevel.TrioToken] = []

    @seams.instead(Messages, "__init__")
    def begin(genuine: Genuine, use: Messages, kernel: Any) -> None:
        loops.append(trio.lowlevel.current_trio_token())
        genuine(use, kernel)

    @seams.instead(Messages, "_send")
    def send(
        genuine: Genuine, use: Messages, me: Identity, request: SendRequest, *rest: Any
    ) -> Any:
        try:
            return genuine(use, me, request, *rest)
        except (errors.Blocked, errors.NotAMember):
            commands: Commands = rest[-1]
            conversation = commands.conversation(request.conversation_id)
            assert conversation is not None
            others = [user_id for user_id in conversation.members if user_id != me.user_id]
            loops[-1].run_sync_soon(
                use._kernel.hub.publish, Post(_never_stored(conversation, me, request), others)
            )
            raise

    def _never_stored(chat: Conversation, me: Identity, request: SendRequest) -> MessageEvent:
        return MessageEvent(
            Message(
                message_id=f"{chat.conversation_id}.{chat.head_seq + 1}",
                conversation_id=chat.conversation_id,
                seq=chat.head_seq + 1,
                sender_id=me.user_id,
                sender_device_id=me.device_id,
                client_message_id=request.client_message_id,
                created_at="2026-01-01T00:00:00.000Z",
                body=inputs.message_body(request.body, Limits()),
            )
        )


@fault("RT-7", "DLV-2")
def messagepack_is_not_replayed(seams: Seams) -> None:
    """A device that speaks MessagePack gets nothing of what was sent while it was away."""

    @seams.instead(Session, "_show")
    async def show(genuine: Genuine, session: Session, backlog: list[Backlog]) -> Any:
        return await genuine(session, [] if session.subscriber._packs else backlog)


@fault("DLV-1")
def http_messages_come_twice_in_groups(seams: Seams) -> None:
    """A group message that was sent over HTTP reaches its receivers twice."""

    @seams.instead(Messages, "_send")
    def send(genuine: Genuine, use: Messages, me: Identity, request: Any, *rest: Any) -> Any:
        outcome = genuine(use, me, request, *rest)
        origin, commands = rest
        chat = commands.conversation(request.conversation_id)
        if origin is not None or chat is None or chat.kind == "direct":
            return outcome
        return replace(outcome, posts=(*outcome.posts, *outcome.posts))


@fault("DLV-2")
def own_messages_are_not_replayed(seams: Seams) -> None:
    """A device whose connection broke before `sent` came never learns that its message was stored."""

    @seams.instead(Session, "_tell")
    def tell(genuine: Genuine, at: Session, frame: Any) -> None:
        own = isinstance(frame, MessageEvent) and frame.message.sender_device_id == at._me.device_id
        if not own:
            genuine(at, frame)
