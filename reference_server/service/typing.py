"""Telling the other members that one is writing (§6, EPH-1).

Nothing is stored, yet it goes through the writer: there it keeps its place among the sender's messages
and the changes of membership, so that no former member is told anything after its removal. The writer
knows the members of the conversations in use by heart, and a transaction that wrote nothing waits for
no disk.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ..core.errors import ApiError
from ..core.model import Identity
from ..events import Post, TypingEvent
from ..storage.base import Commands
from .access import to_change
from .kernel import Kernel, Outcome


class Typing:
    """The use case about who is writing."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def tell_soon(
        self,
        me: Identity,
        conversation_id: str,
        active: bool,
        done: Callable[[ApiError | None], None],
    ) -> None:
        """Tell the connections of the other members; `done` gets the refusal if there is one."""
        self._kernel.do_soon(partial(self._tell, me, conversation_id, active), done)

    def _tell(
        self, me: Identity, conversation_id: str, active: bool, commands: Commands
    ) -> Outcome[None]:
        conversation = to_change(commands, conversation_id, me.user_id)
        others = [user_id for user_id in conversation.members if user_id != me.user_id]
        return Outcome(None, (Post(TypingEvent(conversation_id, me.user_id, active), others),))
