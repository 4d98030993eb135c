"""The reference server and the published contract agree, both ways.

What belongs to a capability that the server does not offer is in the files, marked `x-capability`, and
not in the server; as soon as it is offered, these tests want it there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

import reference_server
from conformance.positions import read
from conformance.resources import ASYNCAPI, OPENAPI
from reference_server import events
from reference_server.core import keys as device_keys
from reference_server.core import model, receipts
from reference_server.core.errors import ApiError
from reference_server.core.limits import CAPABILITIES, Limits
from reference_server.service import Service, accounts, conversations, keys, messages
from reference_server.service import receipts as statuses
from reference_server.transport import assets, frames, http, published, session

HTTP: Any = read(OPENAPI).value
FRAMES: Any = read(ASYNCAPI).value
SHAPES: dict[str, Any] = HTTP["components"]["schemas"]
CODES: Any = SHAPES["ErrorCode"]
NOT_THE_CONTRACTS = {*published.PATHS, "/metrics"}
"""Paths that are a server's own; metrics are the operator's (§9)."""
WITHOUT_A_ROUTE = {"HEAD", "OPTIONS"}
"""Methods that come with the route of another one."""
OF_RATE_LIMITING = {"retry_after_ms"}
"""Members that only a server has that limits rates; off by default (§9)."""
OF_THE_HTTP_LAYER = {"headers_too_large", "rate_limited"}
"""Codes of what a request meets before it comes to the server's routes."""
OF_THE_PROTOCOL = {1000, 1001, 1009}
"""Close codes that the WebSocket library sends by itself."""


def offered(described: Any) -> bool:
    """Whether the server offers what this is part of."""
    return described.get("x-capability", "groups") in CAPABILITIES


def operations() -> set[tuple[str, str]]:
    """Method and path of every operation that the server must have."""
    return {
        (method.upper(), path)
        for path, item in HTTP["paths"].items()
        for method in item.keys() - {"parameters"}
        if offered(item[method]) and method.upper() not in WITHOUT_A_ROUTE
    }


async def test_every_route_is_published_and_every_operation_is_there(service: Service) -> None:
    """With its methods, and parameters of the same names."""
    app = http.make_app(service)
    routes = {
        (method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        if not rule.websocket and rule.rule not in NOT_THE_CONTRACTS
        for method in (rule.methods or set()) - WITHOUT_A_ROUTE
    }
    assert routes == operations()


def error_types(kind: type[ApiError] = ApiError) -> Iterator[type[ApiError]]:
    """Every error of the server's."""
    yield kind
    for each in kind.__subclasses__():
        yield from error_types(each)


def test_every_error_code_is_published_with_its_status() -> None:
    """Classes that only group others have the code that they inherit."""
    status = {code: int(number) for number, codes in CODES["x-status"].items() for code in codes}
    own = {each for each in error_types() if "code" in vars(each)}
    assert {each.code: each.status for each in own} == {
        each.code: status[each.code] for each in own
    }


def test_every_published_error_code_is_the_servers() -> None:
    """But for those of capabilities that it does not offer."""
    absent = {
        code
        for capability, codes in CODES["x-capabilities"].items()
        if capability not in CAPABILITIES
        for code in codes
    }
    published_codes = set(CODES["enum"]) - absent - OF_THE_HTTP_LAYER
    assert published_codes <= {each.code for each in error_types()}


PAIRS: dict[str, type[Struct]] = {
    "User": model.User,
    "Device": model.Device,
    "Session": accounts.Session,
    "Registration": accounts.RegisterRequest,
    "Login": accounts.LoginRequest,
    "LoginDevice": accounts.LoginDevice,
    "Limits": Limits,
    "NewGroup": conversations.CreateRequest,
    "Conversation": model.ConversationView,
    "ConversationPage": conversations.ConversationPage,
    "Member": model.MemberView,
    "Message": model.Message,
    "TextBody": model.TextBody,
    "MediaBody": model.MediaBody,
    "SystemBody": model.SystemBody,
    "Asset": assets.AssetAnswer,
    "Sent": messages.Sent,
    "HistoryPage": messages.HistoryPage,
    "MessageStatus": statuses.MessageStatus,
    "Recipient": receipts.RecipientStatus,
    "EncryptedBody": model.EncryptedBody,
    "OlmCiphertext": model.OlmCiphertext,
    "Publication": keys.PublishRequest,
    "SignedKey": device_keys.SignedKey,
    "OneTimeKeys": keys.UploadRequest,
    "UploadedKey": keys.UploadedKey,
    "OneTimeKeyCount": keys.Uploaded,
    "Claim": keys.ClaimRequest,
    "Claimed": keys.Claimed,
    "ClaimedKey": device_keys.ClaimedKey,
    "DeviceList": keys.DeviceList,
    "DeviceKeys": device_keys.DeviceKeys,
}
"""Shapes of openapi.yaml and the structs that the server reads or writes as such."""


def members_of(struct: type[Struct]) -> set[str]:
    """The members that a struct has on the wire, its tag included."""
    tag = struct.__struct_config__.tag_field
    return {*struct.__struct_encode_fields__, *([tag] if tag else ())}


def assert_agreement(shape: Any, *structs: type[Struct]) -> None:
    """A shape has the members that the structs which are written as such have together."""
    described = {
        name for name, each in shape["properties"].items() if offered(each)
    } - OF_RATE_LIMITING
    members = {name for struct in structs for name in members_of(struct)}
    assert members - OF_RATE_LIMITING == described


@pytest.mark.parametrize("name", PAIRS)
def test_http_shapes_have_the_same_members(name: str) -> None:
    """What the server writes is published, and what is published it writes."""
    assert_agreement(SHAPES[name], PAIRS[name])


def test_a_send_over_http_has_the_published_members() -> None:
    """The conversation is in the path."""
    described = {
        name for name, each in SHAPES["Send"]["properties"].items() if "x-capability" not in each
    }
    assert described <= members_of(messages.SendRequest)
    assert members_of(messages.SendRequest) - {"conversation_id"} <= {*SHAPES["Send"]["properties"]}


def frame_shapes(action: str) -> dict[str, Any]:
    """The frames that the server sends or receives, by their types."""
    found = {}
    for operation in FRAMES["operations"].values():
        for reference in operation["messages"] if operation["action"] == action else ():
            message = FRAMES["components"]["messages"][reference["$ref"].rpartition("/")[2]]
            if offered(message):
                schema = message["payload"]["$ref"].rpartition("/")[2]
                found[message["name"]] = FRAMES["components"]["schemas"][schema]
    return found


SENT_BY_SERVER: list[type[Struct]] = [
    struct
    for module in (events, frames)
    for struct in vars(module).values()
    if isinstance(struct, type)
    and issubclass(struct, Struct)
    and struct.__struct_config__.tag_field == "type"
]
KINDS_SENT: list[str] = sorted({str(each.__struct_config__.tag) for each in SENT_BY_SERVER})


def test_every_frame_that_the_server_sends_is_published() -> None:
    """And it sends every one that is published."""
    assert set(KINDS_SENT) == frame_shapes("send").keys()


@pytest.mark.parametrize("kind", KINDS_SENT)
def test_frames_have_the_same_members(kind: str) -> None:
    """What the server writes is published, and what is published it writes."""
    structs = [each for each in SENT_BY_SERVER if each.__struct_config__.tag == kind]
    assert_agreement(frame_shapes("send")[kind], *structs)


def test_every_frame_that_the_server_understands_is_published() -> None:
    """And it understands every one that is published."""
    assert session._ACTS.keys() == frame_shapes("receive").keys()


@pytest.mark.parametrize(
    ("kind", "struct"),
    [
        ("send", frames.SendFrame),
        ("delivered", frames.WatermarkFrame),
        ("read", frames.WatermarkFrame),
        ("to_device", frames.ToDeviceFrame),
        ("to_device_ack", frames.ToDeviceAckFrame),
        ("ping", frames.PingFrame),
    ],
)
def test_frames_from_clients_are_read_whole(kind: str, struct: type[Struct]) -> None:
    """No published member is ignored, and none is expected that is not published."""
    assert members_of(struct) | {"type"} == frame_shapes("receive")[kind]["properties"].keys()


def test_every_close_code_is_published() -> None:
    """Those in the server's source, and those of its WebSocket library."""
    package = Path(reference_server.__file__).parent
    sources = [file.read_text("utf-8") for file in package.rglob("*.py")]
    used = {
        int(code) for text in sources for code in re.findall(r"(?:Closing|fail)\((\d{4})", text)
    }
    assert used | OF_THE_PROTOCOL == set(map(int, FRAMES["channels"]["chat"]["x-close-codes"]))
