"""Faults in statuses: what is told of a message, to whom, and when it expires (STA)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from ..core.errors import ApiError
from ..core.model import Identity, Membership, Message
from ..core.receipts import RANK, Marks
from ..core.times import rfc3339
from ..events import Post, StatusEvent
from ..hub import Hub
from ..service import expiry, receipts
from ..service.access import to_see_entry
from ..service.kernel import system_clock
from ..service.messages import Messages, SendRequest
from ..service.receipts import Receipts
from ..storage.base import Commands, Deadline, Queries
from ..storage.sqlite import SqliteCommands, SqliteStore
from ..storage.sqlite_queries import SqliteQueries
from ..storage.sqlite_standings import StandingQueries
from ..transport import frames
from ..transport.session import Session
from .seams import Genuine, Seams, fault


@fault("STA-1")
def history_lags_behind(seams: Seams) -> None:
    """A message that is `sent` is in the history a fifth of a second later."""

    @seams.instead(SqliteQueries, "entries_before")
    def entries(genuine: Genuine, queries: Queries, *which: Any) -> list[Message]:
        shown = rfc3339(system_clock() - 200)
        return [each for each in genuine(queries, *which) if each.created_at <= shown]


@fault("STA-2")
def the_first_device_is_not_enough(seams: Seams) -> None:
    """A message is `delivered` only when all devices of its receiver have acknowledged it."""
    marks: dict[tuple[str, str], dict[str, int]] = {}

    @seams.instead(Receipts, "_acknowledge")
    def acknowledge(
        genuine: Genuine,
        use: Receipts,
        me: Identity,
        chat: str,
        status: str,
        up_to_seqs: Sequence[int],
        origin: object,
        commands: Commands,
    ) -> Any:
        own = marks.setdefault((me.user_id, chat), {})
        own[me.device_id] = max((own.get(me.device_id, 0), *up_to_seqs))
        if status == "delivered":
            lowest = min(own.get(each.device_id, 0) for each in commands.devices(me.user_id))
            up_to_seqs = [min(seq, lowest) for seq in up_to_seqs]
        return genuine(use, me, chat, status, up_to_seqs, origin, commands)


@fault("STA-2")
def sending_is_delivering(seams: Seams) -> None:
    """A message shows as `delivered` as soon as it is sent, although no device has acknowledged it."""

    @seams.instead(Messages, "_send")
    def send(genuine: Genuine, use: Messages, me: Identity, request: SendRequest, *r: Any) -> Any:
        outcome = genuine(use, me, request, *r)
        commands: Commands = r[-1]
        for stay in commands.current_stays(request.conversation_id):
            if stay.user_id != me.user_id and not outcome.answer.duplicate:
                marks = Marks(stay.delivered_seq, stay.read_seq)
                risen = marks.raised("delivered", outcome.answer.message.seq)
                commands.set_marks(request.conversation_id, stay, risen)
        return outcome


@fault("STA-2")
def one_device_of_the_sender_is_told(seams: Seams) -> None:
    """Of the sender's devices, one is told that a message was delivered or read."""

    @seams.instead(Hub, "publish")
    def publish(genuine: Genuine, hub: Hub, post: Post) -> None:
        if not isinstance(post.event, StatusEvent):
            genuine(hub, post)
            return
        everybody = hub._users
        hub._users = {
            user_id: dict(list(devices.items())[: None if user_id == post.event.user_id else 1])
            for user_id, devices in everybody.items()
        }
        try:
            genuine(hub, post)
        finally:
            hub._users = everybody


@fault("STA-3", "STA-2")
def statuses_fall(seams: Seams) -> None:
    """A lower acknowledgement that comes late takes `read` back to `delivered`, or that to `sent`."""

    @seams.instead(Marks, "raised")
    def raised(_genuine: Genuine, marks: Marks, status: str, up_to_seq: int) -> Marks:
        return Marks(up_to_seq, up_to_seq if status == "read" else min(marks.read_seq, up_to_seq))

    @seams.instead(SqliteCommands, "add_rise")
    def add_rise(genuine: Genuine, commands: SqliteCommands, *rise: Any) -> None:
        again = commands._one(
            "SELECT 1 FROM rises WHERE conversation_id = ? AND user_id = ? AND status = ?"
            " AND up_to_seq = ?",
            *rise[:4],
        )
        if again is None:
            genuine(commands, *rise)


@fault("STA-3")
def repeats_are_told_again(seams: Seams) -> None:
    """An acknowledgement that is repeated is told to the senders each time."""

    @seams.instead(Receipts, "_acknowledge")
    def acknowledge(
        genuine: Genuine,
        use: Receipts,
        me: Identity,
        chat: str,
        status: Any,
        up_to_seqs: Sequence[int],
        origin: object,
        commands: Commands,
    ) -> Any:
        outcome = genuine(use, me, chat, status, up_to_seqs, origin, commands)
        known = [seq for seq in up_to_seqs if 0 < seq <= outcome.answer]
        if outcome.posts or not known:
            return outcome
        event = StatusEvent(chat, me.user_id, status, max(known), rfc3339(system_clock()))
        conversation = commands.conversation(chat)
        assert conversation is not None
        others = [user_id for user_id in conversation.members if user_id != me.user_id]
        return replace(outcome, posts=(Post(event, others),))


@fault("STA-3")
def a_restart_unreads(seams: Seams) -> None:
    """After a restart of the server, what was read is only delivered."""

    @seams.instead(SqliteStore, "__init__")
    def opened(genuine: Genuine, store: SqliteStore, *where: Any) -> None:
        genuine(store, *where)
        store.commands._do("UPDATE stays SET read_seq = 0")


@fault("STA-4")
def reading_does_not_deliver(seams: Seams) -> None:
    """A message that was read but never acknowledged as delivered is not `delivered`."""

    @seams.instead(Marks, "raised")
    def raised(_genuine: Genuine, marks: Marks, status: str, up_to_seq: int) -> Marks:
        if status == "read":
            return Marks(marks.delivered_seq, max(marks.read_seq, up_to_seq))
        return Marks(max(marks.delivered_seq, up_to_seq), marks.read_seq)

    @seams.instead(Marks, "status_of")
    def status_of(_genuine: Genuine, marks: Marks, seq: int) -> str:
        if marks.delivered_seq < seq:
            return "sent"
        return "read" if marks.read_seq >= seq else "delivered"


@fault("STA-5")
def one_reader_is_enough(seams: Seams) -> None:
    """In a group, a message is `read` as soon as one member has read it."""

    @seams.instead(receipts, "overall")
    def overall(genuine: Genuine, stays: Sequence[Membership], seq: int, failed: Any = ()) -> Any:
        if genuine(stays, seq, failed) == "failed":
            return "failed"
        found = [Marks(stay.delivered_seq, stay.read_seq).status_of(seq) for stay in stays]
        return max(found, key=RANK.__getitem__, default="sent")


@fault("STA-5")
def who_left_is_waited_for(seams: Seams) -> None:
    """In a group, a message stays `sent` because somebody left who never acknowledged it."""

    @seams.instead(receipts, "overall")
    def overall(genuine: Genuine, stays: Sequence[Membership], *rest: Any) -> Any:
        return genuine([replace(stay, left_seq=None) for stay in stays], *rest)


@fault("STA-6", "DLV-7")
def refusals_are_errors(seams: Seams) -> None:
    """A refused message is answered with `error` where the client waits for `failed`."""

    @seams.instead(Session, "_fail")
    def fail(_genuine: Genuine, session: Session, error: ApiError, frame_id: str, _: Any) -> None:
        session._refuse(error, frame_id)


@fault("STA-6")
def every_refusal_is_retryable(seams: Seams) -> None:
    """Every refused message is marked as worth trying again, so that clients try for ever."""

    @seams.instead(frames, "failed")
    def failed(genuine: Genuine, *what: Any) -> Any:
        frame = genuine(*what)
        return replace(frame, error=replace(frame.error, retryable=True))


@fault("STA-6", "DLV-7")
def refusals_use_up_the_id(seams: Seams) -> None:
    """A message that was refused cannot be sent again when the reason is gone."""
    refused: dict[tuple[str, str, str], ApiError] = {}

    @seams.instead(Messages, "_send")
    def send(genuine: Genuine, use: Messages, me: Identity, request: SendRequest, *r: Any) -> Any:
        key = (request.conversation_id, me.user_id, request.client_message_id)
        if key in refused:
            raise refused[key]
        try:
            return genuine(use, me, request, *r)
        except ApiError as refusal:
            refused[key] = refusal
            raise


@fault("STA-7")
def everybody_hears_of_every_status(seams: Seams) -> None:
    """In a group, each member is told of each acknowledgement, also of others' messages."""

    @seams.instead(Receipts, "_acknowledge")
    def acknowledge(genuine: Genuine, use: Receipts, me: Identity, chat: str, *rest: Any) -> Any:
        outcome = genuine(use, me, chat, *rest)
        commands: Commands = rest[-1]
        conversation = commands.conversation(chat)
        assert conversation is not None
        posts = tuple(
            replace(post, to=list(conversation.members))
            if isinstance(post.event, StatusEvent)
            else post
            for post in outcome.posts
        )
        return replace(outcome, posts=posts)


@fault("STA-7")
def everybody_may_ask_for_statuses(seams: Seams) -> None:
    """Whoever can see a message can see who has read it."""

    @seams.instead(Receipts, "_status_of")
    def status_of(
        genuine: Genuine, use: Receipts, me: Identity, message_id: str, queries: Queries
    ) -> Any:
        entry = to_see_entry(queries, message_id, me)
        return genuine(use, replace(me, user_id=entry.sender_id or ""), message_id, queries)


@fault("STA-8")
def acknowledgements_beyond_the_end_are_taken(seams: Seams) -> None:
    """Acknowledging a message that is not there yet is not refused."""

    @seams.instead(Receipts, "_acknowledge")
    def acknowledge(
        genuine: Genuine,
        use: Receipts,
        me: Identity,
        chat: str,
        status: str,
        up_to_seqs: Sequence[int],
        *rest: Any,
    ) -> Any:
        outcome = genuine(use, me, chat, status, up_to_seqs, *rest)
        return replace(outcome, answer=max((outcome.answer, *up_to_seqs)))


@fault("STA-9")
def the_expired_are_delivered_late(seams: Seams) -> None:
    """A message that expired before its receiver had it is there in full when they come back."""

    @seams.instead(StandingQueries, "expired")
    def expired(_genuine: Genuine, *_which: Any) -> set[int]:
        return set()


@fault("STA-9")
def expiring_is_not_told(seams: Seams) -> None:
    """The sender of a message that expires is not told."""

    @seams.instead(expiry, "_fail")
    def fail(genuine: Genuine, *what: Any) -> list[Post]:
        genuine(*what)
        return []


@fault("STA-9")
def a_restart_forgets_deadlines(seams: Seams) -> None:
    """A message whose time runs out after a restart of the server never expires."""

    @seams.instead(SqliteStore, "__init__")
    def opened(genuine: Genuine, store: SqliteStore, *where: Any) -> None:
        genuine(store, *where)
        store.commands._do("DELETE FROM deadlines")


@fault("STA-9", "STA-3")
def the_acknowledged_expire(seams: Seams) -> None:
    """A message expires although its receiver acknowledged it in time."""

    @seams.instead(expiry, "_fail")
    def fail(genuine: Genuine, commands: Commands, deadline: Deadline, now: int) -> Any:
        conversation_id, seq = deadline.conversation_id, deadline.seq
        found = genuine(commands, deadline, now)
        entry = commands.entry(conversation_id, seq)
        for stay in commands.current_stays(conversation_id):
            if entry is not None and stay.user_id != entry.sender_id and stay.delivered_seq >= seq:
                commands.add_failure(conversation_id, seq, stay.user_id, now)
        return found


@fault("STA-10")
def ones_own_devices_do_not_hear_of_reading(seams: Seams) -> None:
    """What was read on the phone stays unread on the laptop."""

    @seams.instead(Hub, "publish")
    def publish(genuine: Genuine, hub: Hub, post: Post) -> None:
        if isinstance(post.event, StatusEvent):
            reader = post.event.user_id
            post = replace(post, to=[user_id for user_id in post.to if user_id != reader])
        genuine(hub, post)


@fault("STA-2", "STA-5")
def newcomers_count_as_recipients(seams: Seams) -> None:
    """The status of a message in a group waits for members who joined after it was sent."""

    @seams.instead(receipts, "recipients")
    def recipients(_genuine: Genuine, stays: Any, _seq: int, sender_id: str) -> list[Membership]:
        return [stay for stay in stays if stay.user_id != sender_id and stay.left_seq is None]


@fault("STA-2")
def groups_are_told_of_one_reader(seams: Seams) -> None:
    """Of a burst of messages by several senders, only the newest one's sender is told that they were read."""

    @seams.instead(SqliteCommands, "senders_between")
    def senders(genuine: Genuine, queries: Queries, chat: str, _after: int, up_to: int) -> Any:
        return genuine(queries, chat, up_to - 1, up_to)


@fault("STA-5")
def alone_is_read(seams: Seams) -> None:
    """A message in a group of one is `read`, although there is nobody to read it."""

    @seams.instead(receipts, "overall")
    def overall(genuine: Genuine, stays: Sequence[Membership], *rest: Any) -> Any:
        return genuine(stays, *rest) if stays else "read"


@fault("STA-7")
def who_left_is_told_on(seams: Seams) -> None:
    """Who left a group is still told who reads there what they once wrote."""

    @seams.instead(Receipts, "_acknowledge")
    def acknowledge(genuine: Genuine, use: Receipts, me: Identity, chat: str, *rest: Any) -> Any:
        outcome = genuine(use, me, chat, *rest)
        commands: Commands = rest[-1]
        gone = [stay.user_id for stay in commands.stays(chat) if stay.left_seq is not None]
        return replace(
            outcome, posts=tuple(replace(post, to=[*post.to, *gone]) for post in outcome.posts)
        )


@fault("STA-2", "DLV-3", "DLV-2")
def answering_is_reading(seams: Seams) -> None:
    """Who sends something in a conversation counts as having received and read all that was said before."""

    @seams.instead(Messages, "_send")
    def send(genuine: Genuine, use: Messages, me: Identity, request: SendRequest, *r: Any) -> Any:
        outcome = genuine(use, me, request, *r)
        commands: Commands = r[-1]
        chat, seq = request.conversation_id, outcome.answer.message.seq
        stay = commands.stay(chat, me.user_id)
        if stay is not None and not outcome.answer.duplicate:
            risen = Marks(stay.delivered_seq, stay.read_seq).raised("read", seq)
            commands.set_marks(chat, stay, risen)
            commands.raise_device_mark(me.user_id, me.device_id, chat, seq)
        return outcome
