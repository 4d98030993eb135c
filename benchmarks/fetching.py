"""Server CPU of HTTP: pages of history, and files up and down, beside a plain file server.

The plain one is Python's own `http.server`, which does nothing but send a file.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import httpx
import trio

from .serving import Serving, bearer, client_of, newcomer, serving, started
from .talking import make_pairs, run_pair

PAGE = 50
MB = 1_000_000


def history_page_ms(pages: int) -> float:
    """CPU milliseconds per page of 50 messages of 200 characters, from a log of twenty pages."""
    with serving() as server, client_of(server) as http:
        (pair,) = make_pairs(server, 1)
        trio.run(run_pair, server.url, pair, 20 * PAGE, 8, "text")
        path = f"/v1.0/conversations/{pair.conversation_id}/messages?limit={PAGE}"
        cursors = [""]
        while len(cursors) < 20:
            page = http.get(f"{path}&after={cursors[-1]}", headers=bearer(pair.sender)).json()
            cursors.append(page["after"])
        before = server.cpu_s()
        for number in range(pages):
            cursor = cursors[number % len(cursors)]
            answer = http.get(f"{path}&after={cursor}", headers=bearer(pair.sender))
            assert len(answer.json()["items"]) == PAGE
        return (server.cpu_s() - before) / pages * 1000


class Transfer(NamedTuple):
    """Moving bytes."""

    mb_per_s: float
    cpu_ms_per_mb: float


def _transfer(server: Serving, megabytes: int, move: Callable[[], object]) -> Transfer:
    cpu, wall = server.cpu_s(), time.perf_counter()
    move()
    seconds = time.perf_counter() - wall
    return Transfer(megabytes / seconds, (server.cpu_s() - cpu) / megabytes * 1000)


def _fetch(http: httpx.Client, path: str, headers: dict[str, str]) -> None:
    with http.stream("GET", path, headers=headers) as answer:
        answer.raise_for_status()
        for _ in answer.iter_raw(chunk_size=262_144):
            pass


def up_and_down(megabytes: int, times: int) -> tuple[Transfer, Transfer]:
    """Files of so many megabytes to the server and back, one after the other."""
    whole = megabytes * times
    with serving() as server, client_of(server) as http:
        headers = bearer(newcomer(http, "alice"))
        typed = {**headers, "Content-Type": "application/octet-stream"}
        files = [os.urandom(megabytes * MB) for _ in range(times)]
        assets: list[str] = []

        def upload() -> None:
            for content in files:
                answer = http.post("/v1.0/assets", content=content, headers=typed)
                assets.append(answer.raise_for_status().json()["asset_id"])

        def download() -> None:
            for asset_id in assets:
                _fetch(http, f"/v1.0/assets/{asset_id}", headers)

        return _transfer(server, whole, upload), _transfer(server, whole, download)


def plain_download(megabytes: int, times: int) -> Transfer:
    """The same downloads from a plain file server."""
    with tempfile.TemporaryDirectory(prefix="msgcheck-bench-") as folder:
        Path(folder, "file").write_bytes(os.urandom(megabytes * MB))
        plain = ("-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", folder)
        with started(*plain) as server, client_of(server) as http:

            def download() -> None:
                for _ in range(times):
                    _fetch(http, "/file", {})

            return _transfer(server, megabytes * times, download)
