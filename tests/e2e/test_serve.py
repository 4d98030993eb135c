"""`msgcheck serve` as a process of its own: what it says, how it ends, and what survives a kill."""

from __future__ import annotations

import json
import signal
import socket
import sqlite3
from pathlib import Path

import httpx
import pytest
import trio
from trio_websocket import ConnectionClosed, WebSocketConnection

from .processes import PATIENCE_S, msgcheck
from .serving import Client, client_of, newcomer, served


def assert_one_line(text: str, *words: str) -> None:
    """The message is one line, for a person, about this."""
    assert "Traceback" not in text
    assert len(text.strip().splitlines()) == 1, text
    for word in words:
        assert word in text


def test_it_serves_in_a_folder_and_stops_with_its_input(tmp_path: Path) -> None:
    """`--until-stdin-closes`: no server outlives the program that started it."""
    with served("--data", str(tmp_path / "data"), "--until-stdin-closes") as server:
        assert httpx.get(f"{server.url}/readyz", trust_env=False).status_code == 200
        assert server.process.stdin is not None
        server.process.stdin.close()
        server.process.stdin = None
        assert server.ends() == (0, "msgcheck serve: stopping\n")
    kept = sorted(file.name for file in (tmp_path / "data").iterdir())
    assert kept == ["blobs", "messenger.sqlite3", "uploads"]


def test_without_a_folder_it_says_where_it_keeps_everything_and_removes_it() -> None:
    """And stops at Ctrl-C without a traceback."""
    with served() as server:
        server.process.send_signal(signal.SIGINT)
        status, errors = server.ends()
    assert status == 0
    told, stopping = errors.splitlines()
    assert "keeping everything in" in told
    assert stopping == "msgcheck serve: stopping"
    assert not Path(told.split()[-1]).exists()


async def test_a_terminated_server_closes_channels_with_1012(tmp_path: Path) -> None:
    """RT-8: SIGTERM, with a connection open; it ends by itself."""
    with served("--data", str(tmp_path)) as server:
        async with client_of(server) as http:
            alice = await newcomer(http, "alice")
            async with alice.channel() as channel:
                assert json.loads(await channel.get_message())["type"] == "welcome"
                server.process.terminate()
                assert await close_code(channel) == 1012
        status, errors = await trio.to_thread.run_sync(server.ends)
        assert (status, errors) == (0, "msgcheck serve: stopping\n")


async def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    """DLV-8: killed with -9 in the middle of a burst, everything that was `sent` is there, once."""
    acknowledged: dict[str, int] = {}
    with served("--data", str(tmp_path)) as server:
        async with client_of(server) as http:
            alice, bob = [await newcomer(http, name) for name in ("alice", "bob")]
            body = {"kind": "direct", "members": [bob.user_id]}
            chat = (await alice.ask("POST", "/v1.0/conversations", body))["conversation_id"]
            async with alice.channel() as channel:
                try:
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(flood, channel, chat)
                        while len(acknowledged) < 200:
                            frame = json.loads(await channel.get_message())
                            if frame["type"] == "sent":
                                acknowledged[frame["client_message_id"]] = frame["seq"]
                        server.process.kill()
                        while True:
                            frame = json.loads(await channel.get_message())
                            acknowledged[frame["client_message_id"]] = frame["seq"]
                except* ConnectionClosed:
                    pass
    with served("--data", str(tmp_path)) as server:
        async with client_of(server) as http:
            entries = await Client(http, "bob", bob.headers["Authorization"][7:]).history(chat)
    seqs = [entry["seq"] for entry in entries]
    assert seqs == list(range(1, len(seqs) + 1))
    kept = {entry["client_message_id"]: entry["seq"] for entry in entries}
    assert len(kept) == len(entries)
    assert acknowledged.items() <= kept.items()
    assert list(kept) == [f"m{number}" for number in range(len(kept))]


async def close_code(channel: WebSocketConnection) -> int | None:
    """The code that the server closes with, once it does."""
    try:
        with trio.fail_after(PATIENCE_S):
            while True:
                await channel.get_message()
    except ConnectionClosed as closed:
        return None if closed.reason is None else closed.reason.code


async def flood(channel: WebSocketConnection, chat: str) -> None:
    """Send without end."""
    number = 0
    while True:
        frame = {
            "type": "send",
            "id": f"m{number}",
            "conversation_id": chat,
            "client_message_id": f"m{number}",
            "body": {"kind": "text", "text": "x" * 200},
        }
        await channel.send_message(json.dumps(frame))
        number += 1


def test_a_port_in_use_is_one_line_and_exit_status_2(tmp_path: Path) -> None:
    """It names the address."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = msgcheck("serve", "--port", str(port), "--data", str(tmp_path), cwd=tmp_path)
    assert (done.status, done.stdout) == (2, "")
    assert_one_line(done.stderr, f"127.0.0.1:{port}", "in use")


def test_an_address_that_is_not_ours_is_one_line_and_exit_status_2(tmp_path: Path) -> None:
    """Reserved for documentation (RFC 5737), so it is nobody's."""
    done = msgcheck("serve", "--host", "192.0.2.1", "--data", str(tmp_path), cwd=tmp_path)
    assert (done.status, done.stdout) == (2, "")
    assert_one_line(done.stderr, "192.0.2.1")


def test_a_file_in_place_of_the_folder_is_told_with_exit_status_2(tmp_path: Path) -> None:
    """And left as it was."""
    file = tmp_path / "letter"
    file.write_text("Dear Bob")
    done = msgcheck("serve", "--data", str(file), cwd=tmp_path)
    assert (done.status, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    assert str(file) in done.stderr
    assert file.read_text() == "Dear Bob"


def test_a_foreign_database_is_one_line_and_exit_status_2(tmp_path: Path) -> None:
    """And left as it was."""
    file = tmp_path / "messenger.sqlite3"
    with sqlite3.connect(file) as foreign:
        foreign.execute("CREATE TABLE recipes (name)")
    foreign.close()
    before = file.read_bytes()
    done = msgcheck("serve", "--port", "0", "--data", str(tmp_path), cwd=tmp_path)
    assert (done.status, done.stdout) == (2, "")
    assert_one_line(done.stderr, str(file), "something else")
    assert file.read_bytes() == before


def test_a_folder_in_use_is_one_line_and_exit_status_2(tmp_path: Path) -> None:
    """The first server serves on, and a killed one is in nobody's way."""
    with served("--data", str(tmp_path)) as first:
        done = msgcheck("serve", "--port", "0", "--data", str(tmp_path), cwd=tmp_path)
        assert (done.status, done.stdout) == (2, "")
        assert_one_line(done.stderr, str(tmp_path), "in use")
        assert httpx.get(f"{first.url}/readyz", trust_env=False).status_code == 200
        first.process.kill()
        first.process.wait(PATIENCE_S)
    with served("--data", str(tmp_path)) as second:
        assert httpx.get(f"{second.url}/readyz", trust_env=False).status_code == 200


def test_a_store_that_cannot_be_read_is_one_line_and_exit_status_2(tmp_path: Path) -> None:
    """Damaged where the server looks first."""
    with served("--data", str(tmp_path)):
        pass
    file = tmp_path / "messenger.sqlite3"
    with sqlite3.connect(file) as database:
        database.execute("PRAGMA writable_schema = ON")
        database.execute("UPDATE sqlite_schema SET rootpage = 10000 WHERE name = 'meta'")
    database.close()
    done = msgcheck("serve", "--port", "0", "--data", str(tmp_path), cwd=tmp_path)
    assert (done.status, done.stdout) == (2, "")
    assert_one_line(done.stderr, str(tmp_path), "malformed")


def test_it_serves_on_ipv6() -> None:
    """`--host ::1`, with brackets in the URL that it prints."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("there is no IPv6 loopback here")
    with served("--host", "::1") as server:
        assert server.url.startswith("http://[::1]:")
        assert httpx.get(f"{server.url}/healthz", trust_env=False).status_code == 200
