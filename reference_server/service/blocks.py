"""Blocking: while either has blocked the other, nothing can be sent between the two (§2)."""

from __future__ import annotations

from collections.abc import Callable

from ..core import errors
from ..core.model import Conversation, Identity
from ..storage.base import Commands
from .kernel import Kernel, Outcome


class Blocks:
    """Use cases about one's own blocks; repeating one changes nothing."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    async def block(self, me: Identity, user_id: str) -> None:
        """Block a user; 404 `unknown_user`."""
        await self._change(me, user_id, lambda commands: commands.add_block(me.user_id, user_id))

    async def unblock(self, me: Identity, user_id: str) -> None:
        """Take a block back; 404 `unknown_user`."""
        await self._change(me, user_id, lambda commands: commands.remove_block(me.user_id, user_id))

    async def _change(self, me: Identity, user_id: str, change: Callable[[Commands], None]) -> None:
        if user_id == me.user_id:
            raise errors.InvalidRequest("Nobody blocks oneself.")

        def deed(commands: Commands) -> Outcome[None]:
            if commands.unknown_users([user_id]):
                raise errors.UnknownUser
            change(commands)
            return Outcome(None)

        await self._kernel.do(deed)


def check_blocks(commands: Commands, conversation: Conversation) -> None:
    """Refuse a send to a direct conversation with a block in it, from either side (`blocked`)."""
    if conversation.kind == "direct" and commands.blocked(*conversation.members):
        raise errors.Blocked
