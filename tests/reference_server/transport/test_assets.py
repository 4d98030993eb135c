"""Assets over HTTP, on a real socket: what is taken, refused and left behind, and who gets it back."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
import trio

from reference_server.core.limits import Limits
from reference_server.core.media import ORPHAN_MS
from reference_server.service.messages import SendRequest
from reference_server.storage.sqlite import BLOBS_NAME
from reference_server.transport import bodies

from ..people import Person, direct, newcomer
from ..running import Running, running_server

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0" + bytes(range(200))
MAX = 2_000_000


@pytest.fixture
def limits() -> Limits:
    """Assets small enough to try what is beyond."""
    return Limits(max_asset_bytes=MAX)


@asynccontextmanager
async def browsing(server: Running, who: Person) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody's HTTP client."""
    async with httpx.AsyncClient(
        base_url=server.url, headers=who.authorization, trust_env=False, timeout=20
    ) as client:
        yield client


def files(tmp_path: Path) -> list[str]:
    """What lies under the blobs' folder, incoming files included."""
    folder = tmp_path / "data" / BLOBS_NAME
    return sorted(file.name for file in folder.rglob("*") if file.is_file())


def digest_of(content: bytes) -> str:
    """As `Content-Digest` has it."""
    return f"sha-256=:{base64.b64encode(sha256(content).digest()).decode()}:"


class Pieces(httpx.AsyncByteStream):
    """A body in pieces that may be broken off (httpx leaves a generator behind where a server refuses)."""

    def __init__(self, content: bytes) -> None:
        self._rest = content

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if not self._rest:
            raise StopAsyncIteration
        piece, self._rest = self._rest[:50_000], self._rest[50_000:]
        return piece


async def upload(
    client: httpx.AsyncClient, content: bytes, media_type: str = "image/png", **headers: str
) -> httpx.Response:
    """One upload."""
    sent = {"Content-Type": media_type} | {k.replace("_", "-"): v for k, v in headers.items()}
    return await post(client, content, sent | {"Content-Length": str(len(content))})


async def post(
    client: httpx.AsyncClient, content: bytes, headers: dict[str, str]
) -> httpx.Response:
    """An upload with just these headers."""
    request = client.build_request("POST", "/v1.0/assets", headers=headers)
    request.stream = Pieces(content)
    if "Transfer-Encoding" in headers:
        request.headers.pop("Content-Length", None)
    return await client.send(request)


async def test_what_comes_back_is_what_went_in(server: Running) -> None:
    """Bytes, type, length, and the headers that keep a browser from opening it."""
    async with browsing(server, await newcomer(server.service, "alice")) as alice:
        answer = await upload(alice, PNG, Content_Digest=digest_of(PNG))
        assert answer.status_code == 201
        asset = answer.json()
        assert asset["size"] == len(PNG)
        assert asset["sha256"] == sha256(PNG).hexdigest()
        assert asset["media_type"] == "image/png"
        found = await alice.get(answer.headers["Location"])
        assert found.status_code == 200
        assert found.content == PNG
        assert found.headers["Content-Type"] == "image/png"
        assert found.headers["Content-Disposition"] == "attachment"
        assert found.headers["X-Content-Type-Options"] == "nosniff"
        head = await alice.head(answer.headers["Location"])
        assert head.status_code == 200
        assert head.headers["Content-Length"] == str(len(PNG))
        assert head.headers["ETag"] == found.headers["ETag"]
        assert head.content == b""


async def test_ranges_and_conditions(server: Running) -> None:
    """206 with the right bytes, 416 beyond the end, 304 for who has it."""
    async with browsing(server, await newcomer(server.service, "alice")) as alice:
        where = (await upload(alice, PNG)).headers["Location"]
        part = await alice.get(where, headers={"Range": "bytes=8-15"})
        assert (part.status_code, part.content) == (206, PNG[8:16])
        assert part.headers["Content-Range"] == f"bytes 8-15/{len(PNG)}"
        beyond = await alice.get(where, headers={"Range": f"bytes={len(PNG)}-"})
        assert (beyond.status_code, beyond.json()["code"]) == (416, "range_not_satisfiable")
        assert beyond.headers["Content-Range"] == f"bytes */{len(PNG)}"
        known = await alice.get(where, headers={"If-None-Match": part.headers["ETag"]})
        assert (known.status_code, known.content) == (304, b"")
        assert known.headers["ETag"] == part.headers["ETag"]


@pytest.mark.parametrize(
    ("content", "headers", "status", "code"),
    [
        (b"GIF89a" + bytes(40), {}, 422, "media_type_mismatch"),
        (b"", {}, 422, "media_type_mismatch"),
        (PNG, {"Content-Digest": digest_of(b"other")}, 422, "digest_mismatch"),
        (PNG, {"Content-Digest": "sha-256=abc"}, 422, "digest_mismatch"),
        (PNG, {"Content-Type": "image/svg+xml"}, 415, "unsupported_media_type"),
        (PNG, {"Content-Type": "text/html"}, 415, "unsupported_media_type"),
        (PNG, {"Content-Type": "image"}, 415, "unsupported_media_type"),
        (PNG + bytes(MAX), {}, 413, "asset_too_large"),
    ],
)
async def test_what_is_refused_leaves_nothing(
    server: Running,
    tmp_path: Path,
    content: bytes,
    headers: dict[str, str],
    status: int,
    code: str,
) -> None:
    """Not even a temporary file, whether the length was told or not; the connection's next goes well."""
    async with browsing(server, await newcomer(server.service, "alice")) as alice:
        sent = {"Content-Type": "image/png"} | headers
        told, untold = {"Content-Length": str(len(content))}, {"Transfer-Encoding": "chunked"}
        for length in (told, untold):
            answer = await post(alice, content, sent | length)
            assert (answer.status_code, answer.json()["code"]) == (status, code)
            assert files(tmp_path) == []
        assert (await upload(alice, PNG)).status_code == 201


async def test_no_token_is_401_before_anything_is_read(server: Running, tmp_path: Path) -> None:
    """Also for a body that is far too large."""
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as nobody:
        answer = await upload(nobody, bytes(MAX + 1), "text/html")
        assert answer.status_code == 401
        assert (await nobody.get("/v1.0/assets/unknown")).status_code == 401
    assert files(tmp_path) == []


async def test_an_upload_that_breaks_off_leaves_nothing(server: Running, tmp_path: Path) -> None:
    """The client is gone half-way."""
    alice = await newcomer(server.service, "alice")
    head = (
        "POST /v1.0/assets HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 5000\r\n"
        f"Authorization: Bearer {alice.token}\r\n\r\n"
    )
    with trio.fail_after(10):
        stream = await server.connect()
        await stream.send_all(head.encode() + PNG)
        while not files(tmp_path):
            await trio.lowlevel.checkpoint()
        await stream.aclose()
        while files(tmp_path):
            await trio.lowlevel.checkpoint()
    async with browsing(server, alice) as client:
        assert (await upload(client, PNG)).status_code == 201


async def test_a_body_that_hardly_comes_is_refused(
    server: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that sends a byte now and then does not hold a file open for ever."""
    monkeypatch.setattr(bodies, "PATIENCE_S", 0.0)
    alice = await newcomer(server.service, "alice")
    head = (
        "POST /v1.0/assets HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 5000\r\n"
        f"Authorization: Bearer {alice.token}\r\n\r\n"
    )
    answer = b""
    with trio.fail_after(10):
        async with await server.connect() as stream:
            await stream.send_all(head.encode())
            while data := await stream.receive_some():
                answer += data
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"connection: close" in answer.lower()
    assert files(tmp_path) == []


async def test_a_body_waits_in_the_network_and_not_in_memory() -> None:
    """More than the high-water mark is not taken before it is wanted."""
    body = bodies.StreamedBody()
    body.append(bytes(bodies.HIGH_WATER + 1))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(body.room)
        await trio.testing.wait_all_tasks_blocked()
        assert len(nursery.child_tasks) == 1
        assert len(await anext(body)) == bodies.HIGH_WATER + 1


async def carry(server: Running, who: Person, conversation_id: str, asset_id: str) -> None:
    """Send a message with an asset."""
    await server.service.messages.send(
        who.identity,
        SendRequest(
            conversation_id=conversation_id,
            client_message_id=f"carry-{asset_id}",
            body={"kind": "media", "asset_id": asset_id},
        ),
    )


async def test_who_can_see_a_message_with_it_can_read_it(server: Running) -> None:
    """Not before it is sent, and nobody else; a stranger cannot tell it from none."""
    people = [await newcomer(server.service, name) for name in ("alice", "bob", "mallory")]
    chat = await direct(server.service, people[0], people[1])
    async with (
        browsing(server, people[0]) as alice,
        browsing(server, people[1]) as bob,
        browsing(server, people[2]) as mallory,
    ):
        asset = (await upload(alice, PNG)).json()
        where = f"/v1.0/assets/{asset['asset_id']}"
        assert (await bob.get(where)).json()["code"] == "unknown_asset"
        await carry(server, people[0], chat, asset["asset_id"])
        assert (await bob.get(where)).content == PNG
        refused = await mallory.get(where)
        nothing = await mallory.get("/v1.0/assets/none")
        assert (refused.status_code, refused.json()) == (404, nothing.json())
        assert "etag" not in refused.headers


async def test_an_orphan_is_cleared_away_after_a_day_and_nothing_else(
    server: Running, tmp_path: Path
) -> None:
    """A sent asset stays, so does a fresh one, and bytes that another asset still has."""
    people = [await newcomer(server.service, name) for name in ("alice", "bob")]
    chat = await direct(server.service, people[0], people[1])
    kernel = server.service.kernel
    async with browsing(server, people[0]) as alice:
        sent = (await upload(alice, PNG)).json()
        await carry(server, people[0], chat, sent["asset_id"])
        twin = (await upload(alice, PNG)).json()
        orphan = (await upload(alice, PNG + b"orphan")).json()
        now = kernel.now()
        kernel.now = lambda: now + ORPHAN_MS + 1
        fresh = (await upload(alice, PNG + b"fresh")).json()
        await server.service.media.clear_away()
        kernel.now = lambda: now
        assert files(tmp_path) == sorted([sent["sha256"], fresh["sha256"]])
        statuses = [
            (await alice.get(f"/v1.0/assets/{each['asset_id']}")).status_code
            for each in (sent, twin, orphan, fresh)
        ]
        assert statuses == [200, 404, 404, 200]


async def test_what_a_killed_server_left_is_gone_at_the_next_start(
    tmp_path: Path, limits: Limits
) -> None:
    """A file that was still arriving, and a blob whose row was never committed."""
    folder = tmp_path / "data" / BLOBS_NAME
    (folder / "incoming").mkdir(parents=True)
    (folder / "incoming" / "half").write_bytes(b"half")
    lost = sha256(b"lost").hexdigest()
    (folder / lost[:2]).mkdir()
    (folder / lost[:2] / lost).write_bytes(b"lost")
    async with running_server(tmp_path / "data", limits):
        with trio.fail_after(10):
            while files(tmp_path):
                await trio.lowlevel.checkpoint()


async def test_assets_outlive_the_server(tmp_path: Path, limits: Limits) -> None:
    """What was answered with 201 is there after a start on the same data."""
    async with running_server(tmp_path / "data", limits) as first:
        person = await newcomer(first.service, "alice")
        async with browsing(first, person) as alice:
            where = (await upload(alice, PNG)).headers["Location"]
    async with (
        running_server(tmp_path / "data", limits) as second,
        browsing(second, person) as alice,
    ):
        assert (await alice.get(where)).content == PNG
