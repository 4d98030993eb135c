"""Messages that expire: whoever has not acknowledged one by its deadline never gets it (§5, STA-9).

The deadlines are in the store. One task sleeps until the next of them, fails what is due and tells the
senders; what fell due while no server ran, it fails before anybody is served. A failure is written for
each recipient concerned, so it is final, whatever clocks and acknowledgements do later.

An acknowledgement may overtake the task by a moment: it first fails, for whoever acknowledges, what is due
of what it covers. So an acknowledgement saves a message exactly if it comes before the deadline.
"""

from __future__ import annotations

from collections.abc import Iterable

import trio

from ..core.errors import ApiError
from ..core.model import Conversation, Membership, message_id_of
from ..core.receipts import recipients
from ..core.times import rfc3339
from ..events import Due, ExpiredEvent, Post
from ..storage.base import Commands, Deadline
from .kernel import Kernel, Outcome

AT_ONCE = 5
"""Deadlines in one transaction, for which everybody waits: in a group, each may be a thousand failures."""
TROUBLE_PAUSE_S = 1.0
"""How long to wait before trying again when the store is in trouble."""


class Expiry:
    """The task that fails what falls due."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Fail what falls due, for ever; started when nothing is overdue."""
        alarm = self._kernel.alarm
        alarm.set(self._kernel.now())
        while True:
            while alarm.rung():
                if not await self._fail_some():
                    await trio.sleep(TROUBLE_PAUSE_S)
            task_status.started()
            task_status = trio.TASK_STATUS_IGNORED
            await alarm.wait()

    async def _fail_some(self) -> bool:
        """Fail the first of what is due and move the alarm on; whether the store could do it."""
        settled = trio.Event()
        done = False

        def settle(result: int | ApiError | None) -> None:
            nonlocal done
            if not isinstance(result, ApiError):
                done = True
                self._kernel.alarm.move(result)
            settled.set()

        self._kernel.do_soon(self._fail_due, settle)
        await settled.wait()
        return done

    def _fail_due(self, commands: Commands) -> Outcome[int | None]:
        now = self._kernel.now()
        posts: list[Post] = []
        for deadline in commands.deadlines(now, AT_ONCE):
            posts += _fail(commands, deadline, now)
        return Outcome(commands.next_deadline(), tuple(posts))


def expire_at(commands: Commands, conversation: Conversation, lifetime_s: int) -> Due:
    """Give the newest entry of the conversation its deadline."""
    at = conversation.last_at + lifetime_s * 1000
    commands.add_deadline(Deadline(at, conversation.conversation_id, conversation.head_seq))
    return Due(at)


def fail_overdue(
    commands: Commands, conversation_id: str, stay: Membership, up_to_seq: int, kernel: Kernel
) -> tuple[Post, ...]:
    """Fail, for one recipient, what is due of what it is about to acknowledge up to `up_to_seq`.

    For everybody else the task does that, in its time: in a large group it may be much.
    """
    if not kernel.alarm.rung():
        return ()
    now = kernel.now()
    posts: list[Post] = []
    for deadline in commands.deadlines_in(conversation_id, now):
        if deadline.seq <= up_to_seq:
            posts += _fail_for([stay], commands, deadline, now)
    return tuple(posts)


def _fail(commands: Commands, deadline: Deadline, now: int) -> list[Post]:
    """Fail an entry for every recipient, once and for all."""
    commands.remove_deadline(deadline)
    return _fail_for(commands.stays(deadline.conversation_id), commands, deadline, now)


def _fail_for(
    stays: Iterable[Membership], commands: Commands, deadline: Deadline, now: int
) -> list[Post]:
    """Fail an entry for those of its recipients who have not acknowledged it; its sender is told of each."""
    conversation_id, seq = deadline.conversation_id, deadline.seq
    conversation = commands.conversation(conversation_id)
    entry = commands.entry(conversation_id, seq)
    assert conversation is not None
    assert entry is not None
    assert entry.sender_id is not None
    told = [entry.sender_id] if entry.sender_id in conversation.members else []
    posts: list[Post] = []
    for stay in recipients(stays, seq, entry.sender_id):
        if stay.delivered_seq < seq:
            commands.add_failure(conversation_id, seq, stay.user_id, now)
            event = ExpiredEvent(
                conversation_id, stay.user_id, message_id_of(conversation_id, seq), rfc3339(now)
            )
            posts.append(Post(event, told))
    return posts
