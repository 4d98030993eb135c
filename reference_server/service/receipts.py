"""Acknowledging, and asking for a message's status (§5)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial

from msgspec import Struct

from ..core import errors
from ..core.errors import ApiError
from ..core.model import Identity, Membership
from ..core.receipts import Acknowledged, Marks, RecipientStatus, Status, overall, recipients
from ..core.times import rfc3339
from ..events import Post, StatusEvent
from ..storage.base import Commands, Queries
from .access import to_see, to_see_entry
from .expiry import fail_overdue
from .kernel import Kernel, Outcome


class MessageStatus(Struct, frozen=True):
    """A message's status, overall and by recipient."""

    message_id: str
    status: Status
    recipients: list[RecipientStatus]


class Receipts:
    """Use cases about watermarks."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def acknowledge_soon(
        self,
        me: Identity,
        conversation_id: str,
        status: Acknowledged,
        up_to_seqs: Sequence[int],
        origin: object,
        done: Callable[[int | ApiError], None],
    ) -> None:
        """Raise the device's watermark, and the user's if it is higher; tell whom a rise concerns.

        Several acknowledgements at once are one rise, to the highest. `done` gets the highest visible
        seq: what was above it was out of range and changed nothing.
        """
        self._kernel.do_soon(
            partial(self._acknowledge, me, conversation_id, status, up_to_seqs, origin), done
        )

    def _acknowledge(
        self,
        me: Identity,
        conversation_id: str,
        status: Acknowledged,
        up_to_seqs: Sequence[int],
        origin: object,
        commands: Commands,
    ) -> Outcome[int]:
        conversation, stay = to_see(commands, conversation_id, me.user_id)
        head = stay.visible_head(conversation.head_seq)
        up_to_seq = max((seq for seq in up_to_seqs if seq <= head), default=0)
        if up_to_seq == 0:
            return Outcome(head)
        # What fell due before this acknowledgement is not saved by it.
        late = fail_overdue(commands, conversation_id, stay, up_to_seq, self._kernel)
        commands.raise_device_mark(me.user_id, me.device_id, conversation_id, up_to_seq)
        old = Marks(stay.delivered_seq, stay.read_seq)
        new = old.raised(status, up_to_seq)
        if new == old:
            return Outcome(head, late)
        now = self._kernel.now()
        commands.set_marks(conversation_id, stay, new)
        for level in ("delivered", "read"):
            if new.level(level) > old.level(level):
                commands.add_rise(conversation_id, me.user_id, level, new.level(level), now)
        event = StatusEvent(conversation_id, me.user_id, status, up_to_seq, rfc3339(now))
        senders = commands.senders_between(conversation_id, old.level(status), up_to_seq)
        told = [
            user_id
            for user_id in senders
            if user_id != me.user_id and user_id in conversation.members
        ]
        own = [me.user_id] if status == "read" else []
        # A device that reads and connects anew at once is the same device: it is not told either.
        device = (me.user_id, me.device_id)
        return Outcome(head, (*late, Post(event, told + own, origin, device)))

    async def status_of(self, me: Identity, message_id: str) -> MessageStatus:
        """The status of a message of one's own (STA-5, STA-7)."""
        return await self._kernel.ask_at_length(partial(self._status_of, me, message_id))

    def _status_of(self, me: Identity, message_id: str, queries: Queries) -> MessageStatus:
        entry = to_see_entry(queries, message_id, me)
        if entry.sender_id != me.user_id:
            raise errors.NotSender
        stays = recipients(queries.stays(entry.conversation_id), entry.seq, me.user_id)
        failed: Collection[str] = ()
        if entry.expires_at is not None:
            failed = queries.failures(entry.conversation_id, entry.seq)
        return MessageStatus(
            message_id,
            overall(stays, entry.seq, failed),
            [
                RecipientStatus(user_id=stay.user_id, status="failed", reason="expired")
                if stay.user_id in failed
                else _recipient(queries, entry.conversation_id, stay, entry.seq)
                for stay in stays
            ],
        )


def _recipient(
    queries: Queries, conversation_id: str, stay: Membership, seq: int
) -> RecipientStatus:
    def at(status: Acknowledged) -> str | None:
        moment = queries.risen_at(conversation_id, stay.user_id, status, seq)
        return None if moment is None else rfc3339(moment)

    status = Marks(stay.delivered_seq, stay.read_seq).status_of(seq)
    return RecipientStatus(
        user_id=stay.user_id,
        status=status,
        delivered_at=at("delivered") if status != "sent" else None,
        read_at=at("read") if status == "read" else None,
    )
