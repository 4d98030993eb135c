"""Resumable uploads: tus on real sockets, broken off anywhere, and played by somebody else's client."""

from __future__ import annotations

import base64
import io
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from hashlib import sha1, sha256
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
import trio
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError
from tusclient.uploader import uploader as tuspy

from reference_server.core import tus
from reference_server.core.limits import Limits
from reference_server.storage.sqlite import PARTIALS_NAME

from ..people import Person, newcomer
from ..running import Running, running_server

VIDEO = b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + bytes(range(256)) * 40
MAX = 2_000_000
UPLOADS = "/v1.0/uploads"


@pytest.fixture
def limits() -> Limits:
    """Assets small enough to try what is beyond."""
    return Limits(max_asset_bytes=MAX)


@pytest.fixture
async def alice(server: Running) -> Person:
    """Alice, on her phone."""
    return await newcomer(server.service, "alice")


@pytest.fixture
async def client(server: Running, alice: Person) -> AsyncIterator[httpx.AsyncClient]:
    """Alice's HTTP client, which speaks tus."""
    headers = alice.authorization | {"Tus-Resumable": "1.0.0"}
    async with httpx.AsyncClient(
        base_url=server.url, headers=headers, trust_env=False, timeout=20
    ) as opened:
        yield opened


def files(tmp_path: Path) -> list[str]:
    """What lies in the uploads' folder."""
    return sorted(file.name for file in (tmp_path / "data" / PARTIALS_NAME).iterdir())


async def begin(client: httpx.AsyncClient, size: int, media_type: str | None = "video/mp4") -> str:
    """Create an upload; its path."""
    headers = {"Upload-Length": str(size)}
    if media_type is not None:
        headers["Upload-Metadata"] = f"filetype {base64.b64encode(media_type.encode()).decode()}"
    answer = await client.post(UPLOADS, headers=headers)
    assert answer.status_code == 201
    assert answer.headers["Tus-Resumable"] == "1.0.0"
    return str(answer.headers["Location"])


async def proceed(
    client: httpx.AsyncClient, where: str, offset: int, data: bytes, **headers: str
) -> httpx.Response:
    """Send a piece."""
    sent = {"Upload-Offset": str(offset), "Content-Type": tus.OFFSET_TYPE}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.patch(where, content=data, headers=sent)


def told(answer: httpx.Response) -> tuple[int, str]:
    """A refusal in short."""
    return answer.status_code, answer.json()["code"]


async def test_pieces_become_an_asset(client: httpx.AsyncClient, tmp_path: Path) -> None:
    """Offsets on the way, the id at the end and ever after, the bytes as they were."""
    where = await begin(client, len(VIDEO))
    first = await proceed(client, where, 0, VIDEO[:1000])
    assert (first.status_code, first.headers["Upload-Offset"]) == (204, "1000")
    assert "Upload-Expires" in first.headers
    head = await client.head(where)
    assert head.headers["Upload-Offset"] == "1000"
    assert head.headers["Upload-Length"] == str(len(VIDEO))
    assert head.headers["Upload-Metadata"].startswith("filetype ")
    assert head.headers["Cache-Control"] == "no-store"
    last = await proceed(client, where, 1000, VIDEO[1000:])
    asset_id = last.headers["Messenger-Asset-Id"]
    assert (await client.head(where)).headers["Messenger-Asset-Id"] == asset_id
    found = await client.get(f"/v1.0/assets/{asset_id}")
    assert found.content == VIDEO
    assert found.headers["Content-Type"] == "video/mp4"
    assert files(tmp_path) == []


async def test_what_it_offers(client: httpx.AsyncClient) -> None:
    """Versions, extensions, the limit, the checksums; for who has a token."""
    offer = await client.options(UPLOADS)
    assert offer.status_code == 204
    assert offer.headers["Tus-Version"] == "1.0.0"
    assert set(offer.headers["Tus-Extension"].split(",")) == {
        "creation", "termination", "checksum", "expiration",
    }  # fmt: skip
    assert offer.headers["Tus-Max-Size"] == str(MAX)
    assert "sha1" in offer.headers["Tus-Checksum-Algorithm"].split(",")
    del client.headers["Authorization"]
    assert (await client.options(UPLOADS)).status_code == 401


@pytest.mark.parametrize(
    ("headers", "refusal"),
    [
        ({}, (411, "length_required")),
        ({"Upload-Defer-Length": "1"}, (411, "length_required")),
        ({"Upload-Length": "-1"}, (422, "invalid_request")),
        ({"Upload-Length": str(MAX + 1)}, (413, "asset_too_large")),
        (
            {"Upload-Length": "5", "Upload-Metadata": "filetype dGV4dC9odG1s"},
            (415, "unsupported_media_type"),
        ),
        ({"Upload-Length": "5", "Upload-Metadata": "filetype ?"}, (422, "invalid_request")),
        ({"Upload-Length": "5", "Tus-Resumable": "0.2.2"}, (412, "unsupported_tus_version")),
    ],
)
async def test_what_cannot_be_begun(
    client: httpx.AsyncClient, headers: dict[str, str], refusal: tuple[int, str]
) -> None:
    """No length, too much of it, a wrong type, another tus."""
    answer = await client.post(UPLOADS, headers=headers)
    assert told(answer) == refusal
    assert answer.headers["Tus-Resumable"] == "1.0.0"
    assert ("Tus-Version" in answer.headers) == (refusal[0] == 412)


async def test_a_piece_has_its_place(client: httpx.AsyncClient) -> None:
    """Another offset, another content type, more than is missing: refused, and nothing is changed."""
    where = await begin(client, 100, None)
    assert (await proceed(client, where, 0, bytes(40))).status_code == 204
    assert told(await proceed(client, where, 0, bytes(40))) == (409, "offset_mismatch")
    assert told(await proceed(client, where, 41, bytes(40))) == (409, "offset_mismatch")
    assert told(await proceed(client, where, 40, bytes(61))) == (413, "asset_too_large")
    assert told(await proceed(client, where, 40, b"", Content_Type="text/plain")) == (
        415,
        "unsupported_media_type",
    )
    assert (await proceed(client, where, 40, bytes(60))).headers["Upload-Offset"] == "100"


async def test_more_than_is_missing_in_chunks_is_refused_too(client: httpx.AsyncClient) -> None:
    """Where no length gives it away in advance; what had arrived before stays."""
    where = await begin(client, 100, None)
    await proceed(client, where, 0, bytes(40))

    class Pieces(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            for _ in range(3):
                yield bytes(30)

    headers = {
        "Upload-Offset": "40",
        "Content-Type": tus.OFFSET_TYPE,
        "Transfer-Encoding": "chunked",
    }
    request = client.build_request("PATCH", where, headers=headers)
    request.stream = Pieces()
    assert told(await client.send(request)) == (413, "asset_too_large")
    assert (await client.head(where)).headers["Upload-Offset"] == "40"


async def test_a_checksum_is_kept(client: httpx.AsyncClient, tmp_path: Path) -> None:
    """A piece with a wrong one is dropped, with a right one kept; others are 400."""
    where = await begin(client, 20, None)
    right = base64.b64encode(sha1(b"0123456789", usedforsecurity=False).digest()).decode()
    answer = await proceed(client, where, 0, b"012345678x", Upload_Checksum=f"sha1 {right}")
    assert told(answer) == (460, "checksum_mismatch")
    assert (await client.head(where)).headers["Upload-Offset"] == "0"
    for field in (f"crc32 {right}", "sha1", "sha1 ?", "sha1 AAAA"):
        refused = await proceed(client, where, 0, b"0123456789", Upload_Checksum=field)
        assert told(refused) == (400, "malformed")
    for offset in (0, 10):
        answer = await proceed(
            client, where, offset, b"0123456789", Upload_Checksum=f"sha1 {right}"
        )
        assert answer.status_code == 204
    found = await client.get(f"/v1.0/assets/{answer.headers['Messenger-Asset-Id']}")
    assert found.content == b"0123456789" * 2
    assert files(tmp_path) == []


async def test_bytes_of_another_type_are_refused_at_the_end(
    client: httpx.AsyncClient, tmp_path: Path
) -> None:
    """And nothing is left of them."""
    where = await begin(client, 100, "image/png")
    assert (await proceed(client, where, 0, bytes(50))).status_code == 204
    assert told(await proceed(client, where, 50, bytes(50))) == (422, "media_type_mismatch")
    assert (await client.head(where)).status_code == 404
    assert files(tmp_path) == []


async def test_an_upload_can_be_given_up(client: httpx.AsyncClient, tmp_path: Path) -> None:
    """And is unknown then; the method may be said in a header."""
    for override in ({}, {"X-HTTP-Method-Override": "DELETE"}):
        where = await begin(client, 100, None)
        await proceed(client, where, 0, bytes(50))
        method = "POST" if override else "DELETE"
        assert (await client.request(method, where, headers=override)).status_code == 204
        assert told(await proceed(client, where, 50, bytes(50))) == (404, "unknown_upload")
    assert files(tmp_path) == []
    assert told(await client.post(where)) == (405, "method_not_allowed")


async def test_an_upload_is_its_beginners_alone(server: Running, client: httpx.AsyncClient) -> None:
    """A stranger cannot tell it from none, nor end it."""
    where = await begin(client, 100, None)
    bob = await newcomer(server.service, "bob")
    for place in (where, f"{UPLOADS}/none"):
        assert (await client.head(place, headers=bob.authorization)).status_code == 404
        answer = await proceed(client, place, 0, bytes(10), **bob.authorization)
        assert told(answer) == (404, "unknown_upload")
        assert told(await client.delete(place, headers=bob.authorization)) == (
            404,
            "unknown_upload",
        )
    assert (await client.head(where)).headers["Upload-Offset"] == "0"


async def test_an_upload_of_nothing_is_complete(client: httpx.AsyncClient) -> None:
    """There is no piece to send."""
    where = await begin(client, 0, None)
    asset_id = (await client.head(where)).headers["Messenger-Asset-Id"]
    assert (await client.get(f"/v1.0/assets/{asset_id}")).content == b""


async def test_an_abandoned_upload_expires_and_is_cleared_away(
    server: Running, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    """410 for a day, then unknown; its bytes go at once."""
    where = await begin(client, 100, None)
    await proceed(client, where, 0, bytes(50))
    kernel = server.service.kernel
    now = kernel.now()
    kernel.now = lambda: now + tus.TTL_MS + 1_000
    assert told(await proceed(client, where, 50, bytes(50))) == (410, "upload_expired")
    await server.service.uploads.clear_away()
    assert files(tmp_path) == []
    assert (await client.head(where)).status_code == 410
    kernel.now = lambda: now + 2 * tus.TTL_MS + 1_000
    assert (await client.head(where)).status_code == 404
    await server.service.uploads.clear_away()
    kernel.now = lambda: now
    assert (await client.head(where)).status_code == 404


async def test_a_file_that_is_nobodys_is_cleared_away(server: Running, tmp_path: Path) -> None:
    """What a killed server left of a piece with a checksum, for example."""
    (tmp_path / "data" / PARTIALS_NAME / "gone.piece").write_bytes(b"x")
    await server.service.uploads.clear_away()
    assert files(tmp_path) == []


async def hanging(server: Running, alice: Person, where: str, sent: bytes) -> trio.SocketStream:
    """A connection whose PATCH goes no further than `sent`."""
    stream = await server.connect()
    head = (
        f"PATCH {where} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {alice.token}\r\n"
        f"Tus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\nContent-Type: {tus.OFFSET_TYPE}\r\n"
        f"Content-Length: {len(VIDEO)}\r\n\r\n"
    )
    await stream.send_all(head.encode() + sent)
    return stream


async def arrived(tmp_path: Path, where: str, size: int) -> None:
    """Return when so much lies in the upload's file."""
    file = tmp_path / "data" / PARTIALS_NAME / where.rpartition("/")[2]
    with trio.fail_after(10):
        while not file.exists() or file.stat().st_size < size:
            await trio.lowlevel.checkpoint()


async def test_what_came_before_the_connection_broke_is_kept(
    server: Running, alice: Person, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    """And the rest follows from there."""
    where = await begin(client, len(VIDEO))
    async with await hanging(server, alice, where, VIDEO[:3000]):
        await arrived(tmp_path, where, 3000)
    assert (await client.head(where)).headers["Upload-Offset"] == "3000"
    last = await proceed(client, where, 3000, VIDEO[3000:])
    found = await client.get(f"/v1.0/assets/{last.headers['Messenger-Asset-Id']}")
    assert found.content == VIDEO


async def test_what_was_on_its_way_when_the_connection_broke_is_kept(
    server: Running, alice: Person, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    """Nobody need have looked at it yet."""
    where = await begin(client, len(VIDEO))
    async with await hanging(server, alice, where, VIDEO[:3000]):
        pass
    await arrived(tmp_path, where, 3000)


@pytest.mark.parametrize("asking", [True, False])
async def test_a_request_that_hangs_gives_way_to_a_later_one(
    server: Running, alice: Person, client: httpx.AsyncClient, tmp_path: Path, asking: bool
) -> None:
    """The server need not have noticed that its connection is dead; asking is enough."""
    where = await begin(client, len(VIDEO))
    async with await hanging(server, alice, where, VIDEO[:3000]) as stream:
        await arrived(tmp_path, where, 3000)
        if asking:
            assert (await client.head(where)).headers["Upload-Offset"] == "3000"
        else:
            assert (await proceed(client, where, 3000, VIDEO[3000:])).status_code == 204
        with trio.fail_after(10):
            assert b" 409 " in await stream.receive_some()
    if asking:
        await proceed(client, where, 3000, VIDEO[3000:])
    asset_id = (await client.head(where)).headers["Messenger-Asset-Id"]
    assert (await client.get(f"/v1.0/assets/{asset_id}")).content == VIDEO


async def test_an_upload_outlives_the_server(tmp_path: Path, limits: Limits) -> None:
    """Its offset too; and one that was whole but no asset yet becomes one when somebody looks."""
    async with running_server(tmp_path / "data", limits) as first:
        alice = await newcomer(first.service, "alice")
        headers = alice.authorization | {"Tus-Resumable": "1.0.0"}
        async with httpx.AsyncClient(
            base_url=first.url, headers=headers, trust_env=False
        ) as client:
            half = await begin(client, len(VIDEO))
            whole = await begin(client, len(VIDEO))
            await proceed(client, half, 0, VIDEO[:1000])
            await proceed(client, whole, 0, VIDEO[:1000])
    partial_file = tmp_path / "data" / PARTIALS_NAME / whole.rpartition("/")[2]
    partial_file.write_bytes(VIDEO)  # as if the server had been killed right after the last byte
    async with (
        running_server(tmp_path / "data", limits) as second,
        httpx.AsyncClient(base_url=second.url, headers=headers, trust_env=False) as client,
    ):
        assert (await client.head(half)).headers["Upload-Offset"] == "1000"
        last = await proceed(client, half, 1000, VIDEO[1000:])
        seen = await client.head(whole)
        for answer in (last, seen):
            found = await client.get(f"/v1.0/assets/{answer.headers['Messenger-Asset-Id']}")
            assert found.content == VIDEO


@contextmanager
def interrupted_after(pieces: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The third-party client's network is gone after so many pieces."""
    genuine: Callable[[Any], None] = tuspy.Uploader.upload_chunk
    lost: Exception = cast("Any", TusCommunicationError)("the network is gone")
    sent = 0

    def upload_chunk(self: Any) -> None:
        nonlocal sent
        if sent == pieces:
            raise lost
        sent += 1
        genuine(self)

    with monkeypatch.context() as patch:
        patch.setattr(tuspy.Uploader, "upload_chunk", upload_chunk)
        yield


@pytest.mark.parametrize("checksums", [False, True])
async def test_somebody_elses_client_is_interrupted_and_resumes(
    server: Running,
    alice: Person,
    client: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
    checksums: bool,
) -> None:
    """`tuspy` sends three pieces, loses its network, comes back with the address, and finishes."""

    def uploader(url: str | None) -> Any:
        tus_client = TusClient(f"{server.url}{UPLOADS}", headers=alice.authorization)
        return tus_client.uploader(
            file_stream=io.BytesIO(VIDEO),
            url=url,
            chunk_size=1500,
            metadata={"filetype": "video/mp4", "name": "a film"},
            upload_checksum=checksums,
        )

    def first_try() -> str:
        beginning = uploader(None)
        with interrupted_after(3, monkeypatch), pytest.raises(TusCommunicationError):
            beginning.upload()
        return str(beginning.url)

    def second_try(url: str) -> int:
        going_on = uploader(url)
        offset: int = going_on.offset
        going_on.upload()
        return offset

    url = await trio.to_thread.run_sync(first_try)
    assert await trio.to_thread.run_sync(partial(second_try, url)) == 3 * 1500
    asset_id = (await client.head(url)).headers["Messenger-Asset-Id"]
    found = await client.get(f"/v1.0/assets/{asset_id}")
    assert sha256(found.content).digest() == sha256(VIDEO).digest()
