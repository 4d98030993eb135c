"""A disk that is full: what would need room is `unavailable`, the rest goes on, and room is enough to recover.

The disk is made small by the limit on the size of a file (setrlimit(2), RLIMIT_FSIZE), which the test sets
on the running server and lifts again, as an operator makes room without a restart.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
import trio
from trio_websocket import WebSocketConnection

from ..e2e.processes import PATIENCE_S
from ..e2e.serving import Client, Server, client_of, newcomer, served

if sys.platform != "linux":
    pytest.skip("setting the limit of another process is Linux's", allow_module_level=True)

import resource

FILE = "messenger.sqlite3"
ROOM = 50_000
"""Bytes by which a file may still grow."""


class Disk:
    """The room that a server has."""

    def __init__(self, server: Server, data: Path) -> None:
        self._pid = server.process.pid
        self._data = data
        self._limits = resource.prlimit(self._pid, resource.RLIMIT_FSIZE)

    def fill(self) -> None:
        """Leave hardly any; the hard limit stays, so that the soft one can be raised again."""
        largest = max(os.path.getsize(each) for each in self._data.glob(f"{FILE}*"))
        small = (largest + ROOM, self._limits[1])
        resource.prlimit(self._pid, resource.RLIMIT_FSIZE, small)

    def make_room(self) -> None:
        """As it was."""
        resource.prlimit(self._pid, resource.RLIMIT_FSIZE, self._limits)


async def send(channel: WebSocketConnection, chat: str, name: str) -> dict[str, Any]:
    """Send two thousand characters; what it was answered with."""
    body = {"kind": "text", "text": name.ljust(2_000, ".")}
    ids = {"id": name, "conversation_id": chat, "client_message_id": name}
    await channel.send_message(json.dumps({"type": "send", **ids, "body": body}))
    while True:
        frame: dict[str, Any] = json.loads(await channel.get_message())
        if frame["type"] in ("sent", "failed"):
            return frame


async def until_refused(channel: WebSocketConnection, chat: str) -> tuple[list[str], str]:
    """Send until it fails: what was accepted, and what was not."""
    accepted: list[str] = []
    while True:
        name = f"m{len(accepted)}"
        answer = await send(channel, chat, name)
        if answer["type"] == "failed":
            assert answer["error"]["code"] == "unavailable"
            assert answer["error"]["retryable"] is True
            return accepted, name
        accepted.append(name)


async def refused_for_want_of_room(alice: Client, chat: str) -> None:
    """Over HTTP it is 503, for whatever would be stored."""
    stranger = {"user_id": "mallory", "password": "long enough"}
    media = {**alice.headers, "Content-Type": "application/octet-stream"}
    message = {"client_message_id": "late", "body": {"kind": "text", "text": "." * 10_000}}
    path = f"/v1.0/conversations/{chat}/messages"
    refusals = (
        await alice.http.post(path, json=message, headers=alice.headers),
        await alice.http.post("/v1.0/assets", content=bytes(2**20), headers=media),
    )
    for refusal in refusals:
        assert refusal.status_code == 503, refusal.text
        assert refusal.json()["code"] == "unavailable"
    # What is small may still find room, so this one may go either way; but never as a bug.
    assert (await alice.http.post("/v1.0/users", json=stranger)).status_code in (201, 503)


async def logged_in(http: httpx.AsyncClient) -> tuple[Client, Client, str]:
    """Alice, Bob, and their conversation."""
    alice, bob = [await newcomer(http, name) for name in ("alice", "bob")]
    body = {"kind": "direct", "members": [bob.user_id]}
    return alice, bob, (await alice.ask("POST", "/v1.0/conversations", body))["conversation_id"]


class Full(NamedTuple):
    """A server without room, who uses it, and Alice's connection."""

    server: Server
    disk: Disk
    alice: Client
    bob: Client
    chat: str
    channel: WebSocketConnection


@asynccontextmanager
async def on_a_full_disk(data: Path) -> AsyncIterator[Full]:
    """Everybody is there, and then the disk fills."""
    with served("--data", str(data)) as server, trio.fail_after(2 * PATIENCE_S):
        disk = Disk(server, data)
        async with client_of(server) as http:
            alice, bob, chat = await logged_in(http)
            async with alice.channel() as channel:
                disk.fill()
                yield Full(server, disk, alice, bob, chat, channel)


async def test_a_full_disk_refuses_sends_serves_reads_and_is_got_over(tmp_path: Path) -> None:
    """§9: `unavailable` and retryable, nothing by halves, and with room again all is well without a restart."""
    async with on_a_full_disk(tmp_path) as (server, disk, alice, bob, chat, channel):
        accepted, refused = await until_refused(channel, chat)
        await refused_for_want_of_room(alice, chat)
        kept = [entry["client_message_id"] for entry in await bob.history(chat)]
        assert kept == accepted
        assert (await alice.http.get("/healthz")).status_code == 200
        disk.make_room()
        assert (await send(channel, chat, refused))["seq"] == len(accepted) + 1
        entries = await bob.history(chat)
        server.process.terminate()
        status, log = await trio.to_thread.run_sync(server.ends)
    assert [entry["client_message_id"] for entry in entries] == [*accepted, refused]
    assert [entry["seq"] for entry in entries] == [*range(1, len(accepted) + 2)]
    assert status == 0
    assert "Traceback" not in log
    assert "the store is in trouble" in log


async def test_a_server_killed_on_a_full_disk_starts_whole(tmp_path: Path) -> None:
    """What was accepted is there, and the file is sound; what was refused has left nothing."""
    async with on_a_full_disk(tmp_path) as (server, _, _, bob, chat, channel):
        accepted, _ = await until_refused(channel, chat)
        server.process.kill()
        server.process.wait(PATIENCE_S)
    with served("--data", str(tmp_path)) as server:
        async with client_of(server) as http:
            bob.http = http
            kept = [entry["client_message_id"] for entry in await bob.history(chat)]
    assert kept == accepted
    with sqlite3.connect(tmp_path / FILE) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    database.close()
    assert [file for file in (tmp_path / "blobs").rglob("*") if file.is_file()] == []
