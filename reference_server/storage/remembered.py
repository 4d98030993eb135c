"""What the writer remembers of the conversations in use: how they stand, who stays in them, who spoke last.

The writer is the only one who changes them, so what it remembers is true until a rollback. All of it is
bounded, and whatever is not here is in the database.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from itertools import islice

from ..core.model import Conversation, Membership, Message, SystemBody

CONVERSATIONS = 10_000
MEMBERS = 200_000
"""Of all of these conversations together: a large group takes the room of hundreds of small ones."""
STAYS = 50_000
SENDERS = 64
"""Of so many newest entries of a conversation the sender is remembered."""


class Remembered:
    """Conversations, of which the least recently changed is forgotten first, and stays."""

    def __init__(self) -> None:
        self._conversations: OrderedDict[str, Conversation] = OrderedDict()
        self._members = 0
        self._speaking: dict[str, _Speaking] = {}
        self._stays: dict[tuple[str, str], Membership] = {}

    def clear(self) -> None:
        """Forget everything."""
        self._conversations.clear()
        self._members = 0
        self._speaking.clear()
        self._stays.clear()

    def conversation(self, conversation_id: str) -> Conversation | None:
        """How a conversation stands."""
        return self._conversations.get(conversation_id)

    def keep(self, conversation: Conversation) -> None:
        """So it stands from now on."""
        conversation_id = conversation.conversation_id
        before = self._conversations.get(conversation_id)
        self._conversations[conversation_id] = conversation
        self._conversations.move_to_end(conversation_id)
        if before is None or before.members is not conversation.members:
            self._members += len(conversation.members) - (len(before.members) if before else 0)
            self._make_room()

    def _make_room(self) -> None:
        """Forget what is over the bounds, but not the latest."""
        while len(self._conversations) > 1 and (
            len(self._conversations) > CONVERSATIONS or self._members > MEMBERS
        ):
            conversation_id, forgotten = self._conversations.popitem(last=False)
            self._members -= len(forgotten.members)
            self._speaking.pop(conversation_id, None)

    def appended(self, entry: Message) -> None:
        """The newest entry of a conversation that is kept."""
        speaking = self._speaking.get(entry.conversation_id)
        if speaking is None:
            speaking = self._speaking[entry.conversation_id] = _Speaking()
        speaking.add(entry)

    def senders(self, conversation_id: str, after: int, up_to: int) -> list[str] | None:
        """Who sent a message (no system entry) with ``after < seq <= up_to``; None: not all is remembered."""
        speaking = self._speaking.get(conversation_id)
        return None if speaking is None else speaking.between(after, up_to)

    def stay(self, conversation_id: str, user_id: str) -> Membership | None:
        """The latest stay of a user."""
        return self._stays.get((conversation_id, user_id))

    def keep_stay(self, conversation_id: str, stay: Membership) -> None:
        """So it is from now on."""
        if len(self._stays) >= STAYS:
            self._stays.clear()
        self._stays[conversation_id, stay.user_id] = stay

    def forget_stay(self, conversation_id: str, user_id: str) -> None:
        """It changes in a way that is not followed here."""
        self._stays.pop((conversation_id, user_id), None)


class _Speaking:
    """The senders of a conversation's newest entries, without a gap; None where it is a system entry."""

    def __init__(self) -> None:
        self._head_seq = 0
        self._senders: deque[str | None] = deque(maxlen=SENDERS)

    def add(self, entry: Message) -> None:
        if entry.seq != self._head_seq + 1:
            self._senders.clear()
        self._head_seq = entry.seq
        self._senders.append(None if isinstance(entry.body, SystemBody) else entry.sender_id)

    def between(self, after: int, up_to: int) -> list[str] | None:
        begin = after - (self._head_seq - len(self._senders))
        end = up_to - (self._head_seq - len(self._senders))
        if begin < 0 or end > len(self._senders):
            return None
        found = set(islice(self._senders, begin, end))
        return [sender for sender in found if sender is not None]
