"""The messenger adapter's uploads and downloads, against answers made up by each test."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest
import trio

from conformance.adapters.base import DownloadCall, Malformed, Refusal, UploadCall
from conformance.adapters.messenger.client import MessengerClient
from conformance.adapters.messenger.http11 import Reply
from conformance.adapters.messenger.rest import PROBLEM
from conformance.history import History, Wire

from .made_up import BASE, Asked, reply, session_with

Json = Any

CONTENT = bytes(range(100))
ASSET = {
    "asset_id": "a1",
    "media_type": "image/png",
    "size": len(CONTENT),
    "sha256": sha256(CONTENT).hexdigest(),
}


class Server:
    """Gives its answers one after the other, and remembers what was asked."""

    def __init__(self) -> None:
        self.answers: list[Reply] = []
        self.requests: list[Asked] = []

    def __call__(self, request: Asked) -> Reply:
        """Answer."""
        self.requests.append(request)
        return self.answers.pop(0)


@pytest.fixture
def server() -> Server:
    """The made-up server."""
    return Server()


@pytest.fixture
async def alice(server: Server, history: History, nursery: trio.Nursery) -> MessengerClient:
    """Alice's device."""
    device = session_with(server, history, nursery).client("alice.main")
    device.token = "secret"
    return device


def call(**options: Any) -> UploadCall:
    """The upload of `CONTENT`."""
    return UploadCall(media_type="image/png", content=CONTENT, **options)


def get(**headers: str) -> DownloadCall:
    """The download of it."""
    return DownloadCall(asset_id="a1", method="GET", headers=headers)


def file(status: int, content: bytes, **headers: str) -> Reply:
    """The answer to a download."""
    return reply(status, content, Content_Type="image/png", **headers)


async def test_an_upload_says_what_it_is(server: Server, alice: MessengerClient) -> None:
    """Its type, its digest, and its length unless it shall not."""
    server.answers = [reply(201, ASSET) for _ in range(2)]
    answer = await alice.upload(call(digest="sha-256=:x:"))
    assert (answer["asset_id"], answer["status"]) == ("a1", 201)
    await alice.upload(call(chunked=True))
    told, untold = server.requests
    assert told.headers["content-length"] == "100"
    assert told.headers["content-digest"] == "sha-256=:x:"
    assert [told.body, untold.body] == [CONTENT, CONTENT]
    assert "content-length" not in untold.headers


async def test_an_answer_about_other_bytes_is_a_finding(
    server: Server, alice: MessengerClient
) -> None:
    """Of AST-1, whatever the scenario asks."""
    server.answers = [reply(201, ASSET | {"size": 99})]
    with pytest.raises(Malformed) as finding:
        await alice.upload(call())
    assert finding.value.requirement == "AST-1"


async def test_a_broken_off_upload_has_no_answer(server: Server, alice: MessengerClient) -> None:
    """It was the scenario's wish."""
    assert await alice.upload(call(cut_at=10)) == {"cut": True}


@pytest.mark.parametrize(
    ("answer", "requirement"),
    [
        (file(200, CONTENT[:-1]), "AST-1"),
        (file(206, CONTENT[:10], Content_Range="bytes 1-10/100"), "AST-4"),
        (file(206, CONTENT[1:11], Content_Range="bytes 1-10/99"), "AST-4"),
        (file(206, CONTENT[1:11]), "AST-4"),
        (file(304, CONTENT), "AST-4"),
    ],
)
async def test_other_bytes_are_a_finding(
    server: Server, alice: MessengerClient, answer: Reply, requirement: str
) -> None:
    """Of the whole, of a part, of nothing."""
    server.answers = [reply(201, ASSET), answer]
    await alice.upload(call())
    with pytest.raises(Malformed) as finding:
        await alice.download(get())
    assert finding.value.requirement == requirement


async def test_a_download_is_told_by_its_facts(
    server: Server, alice: MessengerClient, history: History
) -> None:
    """And the record holds no bytes."""
    server.answers = [
        reply(201, ASSET),
        file(206, CONTENT[1:11], Content_Range="bytes 1-10/100", ETag='"x"'),
    ]
    await alice.upload(call())
    answer = await alice.download(get(Range="bytes=1-10"))
    assert answer["sha256"] == sha256(CONTENT[1:11]).hexdigest()
    assert (answer["status"], answer["size"], answer["etag"]) == (206, 10, '"x"')
    shown = [event.content["body"] for event in history if isinstance(event, Wire)]
    assert shown[0] is None
    assert shown[-1] == {"size": 10, "sha256": answer["sha256"]}


def tus(status: int, **headers: str) -> Reply:
    """An answer of a tus server."""
    return reply(status, **headers)


BEGUN = tus(201, Location=f"{BASE}/v1.0/uploads/u1")


async def test_a_resumable_upload_goes_on_from_where_the_server_is(
    server: Server, alice: MessengerClient
) -> None:
    """Also where that moved between asking and sending."""
    server.answers = [
        tus(200, Upload_Offset="40", Upload_Length="100"),
        reply(409, {"code": "offset_mismatch"}, Content_Type=PROBLEM),
        tus(200, Upload_Offset="60", Upload_Length="100"),
        tus(204, Upload_Offset="100", Messenger_Asset_Id="a1"),
        tus(200, Upload_Offset="100", Messenger_Asset_Id="a1"),
    ]
    answer = await alice.upload_resumably(call(resume=("/v1.0/uploads/u1", 30)))
    assert answer["asset_id"] == "a1"
    assert server.requests[3].body == CONTENT[60:]
    assert server.requests[3].headers["upload-offset"] == "60"


@pytest.mark.parametrize(
    "address",
    [
        "/below/v1.0/uploads/u1?part=1",
        "uploads/u1?part=1",
        "http://chat.example:8080/below/v1.0/uploads/u1?part=1",
        "//chat.example:8080/below/v1.0/uploads/u1?part=1",
        "https://behind.the.proxy/below/v1.0/uploads/u1?part=1",
    ],
)
async def test_an_upload_is_where_its_location_says_in_any_form(
    server: Server, alice: MessengerClient, address: str
) -> None:
    """A `Location` is a reference of any kind to an address, its query included (RFC 9110 §10.2.2)."""
    server.answers = [tus(201, Location=address), tus(200, Upload_Offset="0", Upload_Length="100")]
    answer = await alice.upload_resumably(call(cut_at=10))
    assert answer["upload"] == "/v1.0/uploads/u1?part=1"
    assert server.requests[1].target == b"/below/v1.0/uploads/u1?part=1"


async def test_a_broken_off_one_says_where_it_is(server: Server, alice: MessengerClient) -> None:
    """As a path below the target, and with what was acknowledged."""
    server.answers = [BEGUN, tus(200, Upload_Offset="0", Upload_Length="100")]
    answer = await alice.upload_resumably(call(cut_at=10))
    assert answer == {"upload": "/v1.0/uploads/u1", "offset": 0, "cut": True}


@pytest.mark.parametrize(
    "answers",
    [
        [tus(201)],
        [tus(200, Upload_Offset="29", Upload_Length="100")],
        [tus(200, Upload_Offset="101", Upload_Length="100")],
        [tus(200, Upload_Offset="30", Upload_Length="99")],
        [tus(200, Upload_Offset="30", Upload_Length="100"), tus(204, Upload_Offset="30")],
        [
            tus(200, Upload_Offset="30", Upload_Length="100"),
            tus(204, Upload_Offset="100", Messenger_Asset_Id="a1"),
            tus(200, Messenger_Asset_Id="a2"),
        ],
    ],
)
async def test_a_server_that_loses_its_place_is_a_finding(
    server: Server, alice: MessengerClient, answers: list[Reply]
) -> None:
    """No address, acknowledged bytes gone, too many, no progress, two assets."""
    server.answers = list(answers)
    resume = ("/v1.0/uploads/u1", 30) if "upload-offset" in answers[0].headers else None
    with pytest.raises(Malformed) as finding:
        await alice.upload_resumably(call(resume=resume))
    assert finding.value.requirement == "AST-5"


async def test_a_refused_piece_is_a_refusal(server: Server, alice: MessengerClient) -> None:
    """With its code."""
    server.answers = [
        tus(200, Upload_Offset="30", Upload_Length="100"),
        reply(422, {"code": "media_type_mismatch"}, Content_Type=PROBLEM),
    ]
    with pytest.raises(Refusal) as refusal:
        await alice.upload_resumably(call(resume=("/v1.0/uploads/u1", 30)))
    assert refusal.value.code == "media_type_mismatch"
