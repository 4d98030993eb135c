"""A close frame reaches its peer, also one that is still writing."""

from __future__ import annotations

from ..people import Person, login, newcomer
from ..running import Running
from .peers import new_connection, online, over


async def test_a_refused_peer_that_is_still_writing_sees_why(server: Running) -> None:
    """1009 and no reset, whatever is still under way: the server reads on for a moment."""
    alice: Person = await newcomer(server.service, "alice")
    async with over(server, new_connection)(alice) as phone:
        await online(phone)
        await phone.says("x" * 4_000_000)
        assert await phone.ended() == 1009
    async with over(server, new_connection)(await login(server.service, "alice", "phone")) as phone:
        assert await online(phone) == []
