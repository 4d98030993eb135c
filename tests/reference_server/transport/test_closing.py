"""A close frame reaches its peer, also one that is still writing; who has left is let go at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from reference_server import app
from reference_server.core.limits import Limits

from ..people import Person, login, newcomer
from ..running import PATIENCE_S, Running, running_server
from .peers import CONNECTIONS, new_connection, online, over, reused_connection
from .raw import Wire, chatting

Connect = Callable[[Running], Awaitable[trio.SocketStream]]


@pytest.fixture
async def unhurried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Running]:
    """A server whose timeouts are all longer than a test waits."""
    long_s = 10 * PATIENCE_S
    monkeypatch.setattr(app, "KEEP_ALIVE_S", long_s)
    monkeypatch.setattr(app, "STOPPING_S", long_s)
    async with running_server(
        tmp_path / "data", Limits(heartbeat_interval_ms=long_s * 1000)
    ) as running:
        yield running


async def test_a_refused_peer_that_is_still_writing_sees_why(server: Running) -> None:
    """1009 and no reset, whatever is still under way: the server reads on for a moment."""
    alice: Person = await newcomer(server.service, "alice")
    async with over(server, new_connection)(alice) as phone:
        await online(phone)
        await phone.says("x" * 4_000_000)
        assert await phone.ended() == 1009
    async with over(server, new_connection)(await login(server.service, "alice", "phone")) as phone:
        assert await online(phone) == []


@pytest.mark.parametrize("connect", CONNECTIONS.values(), ids=CONNECTIONS)
async def test_a_channel_whose_peer_has_left_is_let_go(
    unhurried: Running, connect: Connect
) -> None:
    """Without a close frame, too, and not only when the next ping would be due."""
    alice = await newcomer(unhurried.service, "alice")
    async with chatting(unhurried, alice, connect) as wire:
        await half_close(wire)
        await wire.ends()


async def test_a_client_that_has_left_is_let_go(unhurried: Running) -> None:
    """An answered request is followed by the connection's end, not by waiting for another one."""
    alone = tasks()
    async with await reused_connection(unhurried):
        await wait_all_tasks_blocked()  # the server waits for the next request now
        assert tasks() > alone
    with trio.fail_after(PATIENCE_S):
        while tasks() > alone:
            await trio.lowlevel.checkpoint()


@pytest.mark.parametrize("connect", CONNECTIONS.values(), ids=CONNECTIONS)
async def test_who_has_left_holds_up_no_stop(unhurried: Running, connect: Connect) -> None:
    """Nothing of a connection sleeps on behind its end."""
    alice = await newcomer(unhurried.service, "alice")
    async with chatting(unhurried, alice, connect):
        pass
    unhurried.stop.set()
    await unhurried.has_ended()


def tasks() -> int:
    """How many tasks there are in this process, the server's among them."""
    return trio.lowlevel.current_statistics().tasks_living


async def half_close(wire: Wire) -> None:
    """Say that nothing more will come, and stay to read."""
    assert isinstance(wire.stream, trio.SocketStream)
    await wire.stream.send_eof()
