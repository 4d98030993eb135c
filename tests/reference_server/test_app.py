"""Serving, and stopping in order."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import httpx
import pytest
import trio

from reference_server import app
from reference_server.core.limits import Limits
from reference_server.core.model import User
from reference_server.service import Service
from reference_server.service.kernel import Outcome
from reference_server.storage.base import Commands, StoreUnusable
from reference_server.storage.sqlite import FILE_NAME, SqliteStore

from .people import PASSWORD, direct, newcomer, say
from .running import Running, running_server
from .transport.peers import new_connection, online, over, reused_connection, send
from .transport.raw import Wire

PATIENCE_S = 30
FOREVER_S = 1e9


@pytest.mark.parametrize("connection", [new_connection, reused_connection])
async def test_a_stopping_server_closes_with_1012_and_ends(
    connection: Callable[[Running], Awaitable[trio.SocketStream]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """RT-8: everything that was said before is answered; it waits for nobody who is gone."""
    monkeypatch.setattr(app, "STOPPING_S", FOREVER_S)
    async with running_server(tmp_path, Limits(heartbeat_interval_ms=10**9)) as running:
        alice = await newcomer(running.service, "alice")
        chat = await direct(running.service, alice, await newcomer(running.service, "bob"))
        async with over(running, connection)(alice) as earlier:
            await online(earlier)
        async with over(running, connection)(alice) as phone:
            await online(phone)
            await phone.says(send(chat, "hello"))
            assert (await phone.next())["type"] == "sent"
            running.stop.set()
            assert await phone.ended() == 1012
        await running.has_ended()
        with pytest.raises(OSError, match="connect"):
            await running.connect()
    async with running_server(tmp_path, Limits()) as again:
        page = await again.service.messages.page(
            alice.identity, chat, limit=None, before=None, after=None
        )
        assert [item.client_message_id for item in page.items] == ["hello"]


@pytest.mark.usefixtures("commits_apart")
async def test_a_request_under_way_is_answered_before_the_end(tmp_path: Path) -> None:
    """What the writer has is committed; the client gets its 201."""
    busy, go = trio.Event(), threading.Event()
    token = trio.lowlevel.current_trio_token()

    def linger(_: Commands) -> Outcome[None]:
        token.run_sync_soon(busy.set)
        assert go.wait(PATIENCE_S)
        return Outcome(None)

    async with running_server(tmp_path, Limits()) as running:
        answers: list[int] = []

        async def register() -> None:
            async with httpx.AsyncClient(base_url=running.url, trust_env=False) as client:
                body = {"user_id": "alice", "password": PASSWORD}
                answers.append((await client.post("/v1.0/users", json=body)).status_code)

        running.service.kernel.do_soon(linger, lambda _: None)
        await busy.wait()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(register)
            try:
                with trio.fail_after(PATIENCE_S):
                    while not running.service.kernel.writer._waiting:
                        await trio.sleep(0)
                running.stop.set()
            finally:
                go.set()
        assert answers == [201]
        await running.has_ended()


async def test_a_request_that_never_ends_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the server stops in seconds, whatever its clients do."""
    monkeypatch.setattr(app, "STOPPING_S", 0.05)
    async with running_server(tmp_path, Limits()) as running, await running.connect() as stream:
        wire = Wire(stream)
        await wire.sends(b"POST /v1.0/users HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
        async with await running.connect() as silent:
            await silent.send_all(b"GET /")
            running.stop.set()
            await running.has_ended()


async def test_everything_survives_a_restart(tmp_path: Path) -> None:
    """PAG-5: tokens, cursors and watermarks are as good as before."""
    async with running_server(tmp_path, Limits()) as running:
        alice = await newcomer(running.service, "alice")
        chat = await direct(running.service, alice, await newcomer(running.service, "bob"))
        for text in "abc":
            await say(running.service, alice, chat, text)
        page = await running.service.messages.page(
            alice.identity, chat, limit="1", before=None, after=None
        )
        running.stop.set()
        await running.has_ended()
    async with running_server(tmp_path, Limits()) as running:
        assert await running.service.accounts.identify(alice.token) == alice.identity
        older = await running.service.messages.page(
            alice.identity, chat, limit="1", before=page.before, after=None
        )
        assert [item.seq for item in older.items] == [2]
        assert (await say(running.service, alice, chat, "d")).seq == 4


async def serve_on(data: Path, port: int) -> None:
    """Serve until cancelled."""
    await app.serve(data, host="127.0.0.1", port=port, stop=trio.Event())


async def test_a_port_in_use_is_told_and_the_store_is_closed(tmp_path: Path) -> None:
    """The folder can be used by another server at once."""
    async with running_server(tmp_path / "one", Limits()) as running:
        with pytest.raises(OSError, match="in use"):
            await serve_on(tmp_path / "two", running.address[1])
    SqliteStore(tmp_path / "two").close()
    assert not (tmp_path / "two" / f"{FILE_NAME}-wal").exists()


async def test_a_store_that_cannot_be_used_is_told_before_anybody_can_connect(
    tmp_path: Path,
) -> None:
    """No port is opened."""
    (tmp_path / FILE_NAME).write_bytes(b"Dear Bob, " * 1_000)
    with pytest.raises(StoreUnusable):
        await serve_on(tmp_path, 0)


async def test_it_listens_on_ipv6_as_well(tmp_path: Path) -> None:
    """With an address that can be put into a URL."""
    try:
        (probe,) = await trio.open_tcp_listeners(0, host="::1")
    except OSError:
        pytest.skip("there is no IPv6 loopback here")
    await probe.aclose()
    async with running_server(tmp_path, Limits(), host="::1") as running:
        assert running.url.startswith("http://[::1]:")
        async with httpx.AsyncClient(trust_env=False) as client:
            assert (await client.get(f"{running.url}/healthz")).status_code == 200


async def test_a_service_ends_when_its_writer_has_done_everything(tmp_path: Path) -> None:
    """What was queued before the end is durable afterwards."""
    store = SqliteStore(tmp_path)
    async with app.running_service(store, Limits()) as service:
        for number in range(5):
            service.kernel.do_soon(partial(add_user, service, number), lambda _: None)
    with store.reading() as queries:
        assert queries.unknown_users([f"user{number}" for number in range(6)]) == ["user5"]
    store.close()


def add_user(service: Service, number: int, commands: Commands) -> Outcome[None]:
    """A user who cannot log in."""
    name = f"user{number}"
    commands.add_user(User(name, name, ""), b"", service.kernel.now())
    return Outcome(None)
