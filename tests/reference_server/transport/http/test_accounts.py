"""Users, sessions and devices over HTTP (§2), discovery and health."""

from __future__ import annotations

import httpx
import pytest

from reference_server.core.limits import Limits
from reference_server.service import Service

from ...people import PASSWORD, Person, login, newcomer
from .asking import ask, good, pointers, problem


async def test_discovery_tells_versions_capabilities_and_limits(client: httpx.AsyncClient) -> None:
    """Without a token (§1)."""
    document = good(await ask(client, None, "GET", "/.well-known/messenger"))
    assert document["versions"] == ["v1.0"]
    assert set(document["capabilities"]) >= {"groups", "relations", "expiry", "blocking"}
    assert document["limits"]["max_text_length"] == Limits().max_text_length
    assert document["limits"].keys() >= {"max_frame_bytes", "max_page_limit", "token_ttl_s"}


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_health_needs_no_token(path: str, client: httpx.AsyncClient) -> None:
    """§9."""
    good(await ask(client, None, "GET", path))


async def test_a_user_registers_logs_in_and_is_known(client: httpx.AsyncClient) -> None:
    """The first minute of every client."""
    registration = {"user_id": "zoe", "password": PASSWORD, "display_name": "Zoë", "x": [1]}
    profile = good(await ask(client, None, "POST", "/v1.0/users", registration), 201)
    assert (profile["user_id"], profile["display_name"]) == ("zoe", "Zoë")
    credentials = {"user_id": "zoe", "password": PASSWORD, "device": {"name": "Phone"}}
    session = good(await ask(client, None, "POST", "/v1.0/sessions", credentials), 201)
    assert session.keys() == {"token", "user_id", "device_id", "expires_at"}
    headers = {"Authorization": f"Bearer {session['token']}"}
    assert good(await ask(client, None, "GET", "/v1.0/users/zoe", headers=headers)) == profile
    devices = good(await ask(client, None, "GET", "/v1.0/devices", headers=headers))["devices"]
    assert [(each["device_id"], each["name"]) for each in devices] == [
        (session["device_id"], "Phone")
    ]


async def test_without_a_name_one_is_called_by_ones_id(client: httpx.AsyncClient) -> None:
    """A display name is optional; an empty one is wrong."""
    registration = {"user_id": "zoe", "password": PASSWORD}
    assert good(await ask(client, None, "POST", "/v1.0/users", registration), 201)[
        "display_name"
    ] == ("zoe")
    empty = registration | {"user_id": "zoe2", "display_name": ""}
    refused = problem(await ask(client, None, "POST", "/v1.0/users", empty), 422, "invalid_request")
    assert pointers(refused) == ["/display_name"]


@pytest.mark.parametrize(
    ("change", "status", "code", "pointer"),
    [
        ({"user_id": "alice"}, 409, "user_exists", None),
        ({"user_id": "Al"}, 422, "invalid_request", "/user_id"),
        ({"user_id": None}, 422, "invalid_request", "/user_id"),
        ({"password": "short"}, 422, "weak_password", None),
        ({"password": "x" * 129}, 422, "invalid_request", "/password"),
        ({"password": 12345678}, 422, "invalid_request", "/password"),
        ({"display_name": "x" * 129}, 422, "invalid_request", "/display_name"),
        ({"display_name": ["x"]}, 422, "invalid_request", "/display_name"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_a_registration_is_refused_with_its_reason(
    change: dict[str, object],
    status: int,
    code: str,
    pointer: str | None,
    client: httpx.AsyncClient,
    alice: Person,
) -> None:
    """And registers nobody."""
    body = {"user_id": "zoe", "password": PASSWORD} | change
    refused = problem(await ask(client, None, "POST", "/v1.0/users", body), status, code)
    assert pointer is None or pointers(refused) == [pointer]
    answer = await ask(client, alice, "GET", "/v1.0/users/zoe")
    problem(answer, 404, "unknown_user")


@pytest.mark.parametrize(
    "change",
    [
        {"password": "wrong horse"},
        {"user_id": "nobody"},
        {"user_id": "no id!"},
        {"user_id": ""},
        {"password": ""},
        {"password": "x" * 1_000},
        {"user_id": "alice\x00"},
    ],
    ids=lambda value: str(value)[:40],
)
async def test_bad_credentials_are_all_alike(
    change: dict[str, str], client: httpx.AsyncClient, alice: Person
) -> None:
    """SEC-3: not told which of the two was wrong."""
    body = {"user_id": "alice", "password": PASSWORD} | change
    answer = await ask(client, None, "POST", "/v1.0/sessions", body)
    refused = problem(answer, 401, "bad_credentials")
    assert refused["detail"] == "User id or password is wrong"
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("device", "pointer"),
    [
        ({"device_id": "no id!"}, "/device/device_id"),
        ({"device_id": 5}, "/device/device_id"),
        ({"name": ""}, "/device/name"),
        ({"name": "x" * 129}, "/device/name"),
        ("phone", "/device"),
        ([], "/device"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_a_wrong_device_is_pointed_at(
    device: object, pointer: str, client: httpx.AsyncClient, alice: Person
) -> None:
    """Before the password is looked at."""
    body = {"user_id": "alice", "password": PASSWORD, "device": device}
    refused = problem(
        await ask(client, None, "POST", "/v1.0/sessions", body), 422, "invalid_request"
    )
    assert pointers(refused) == [pointer]


async def test_a_token_ends_with_its_session(client: httpx.AsyncClient, service: Service) -> None:
    """SEC-5: logging out, logging in again on the device, and removing it; at once."""
    first = await newcomer(service, "zoe")
    second = await login(service, "zoe", "phone")
    problem(await ask(client, first, "GET", "/v1.0/devices"), 401, "unauthorized")
    answer = await ask(client, second, "DELETE", "/v1.0/sessions/current")
    assert (answer.status_code, answer.content) == (204, b"")
    problem(await ask(client, second, "GET", "/v1.0/devices"), 401, "unauthorized")
    third, laptop = [await login(service, "zoe", name) for name in ("phone", "laptop")]
    answer = await ask(client, laptop, "DELETE", "/v1.0/devices/phone")
    assert answer.status_code == 204
    problem(await ask(client, third, "GET", "/v1.0/devices"), 401, "unauthorized")
    (device,) = good(await ask(client, laptop, "GET", "/v1.0/devices"))["devices"]
    assert device["device_id"] == "laptop"
    answer = await ask(client, laptop, "DELETE", "/v1.0/devices/phone")
    problem(answer, 404, "unknown_device")


async def test_an_expired_token_is_none(
    client: httpx.AsyncClient, service: Service, alice: Person
) -> None:
    """SEC-5: at its moment, remembered or not."""
    good(await ask(client, alice, "GET", "/v1.0/devices"))
    service.kernel.now = lambda: alice.identity.expires_at
    problem(await ask(client, alice, "GET", "/v1.0/devices"), 401, "unauthorized")


async def test_a_user_has_no_more_devices_than_allowed(
    client: httpx.AsyncClient, service: Service, alice: Person
) -> None:
    """A known device is not counted twice."""
    for number in range(Limits().max_devices - 1):
        await login(service, "alice", f"device-{number}")
    body = {"user_id": "alice", "password": PASSWORD, "device": {"device_id": "one-more"}}
    problem(await ask(client, None, "POST", "/v1.0/sessions", body), 422, "too_many_devices")
    body["device"] = {"device_id": "phone"}
    good(await ask(client, None, "POST", "/v1.0/sessions", body), 201)


async def test_one_renames_oneself_and_nobody_else(
    client: httpx.AsyncClient, alice: Person, bob: Person
) -> None:
    """SEC-2."""
    answer = await ask(client, alice, "PATCH", "/v1.0/users/me", {"display_name": "Al"})
    assert good(answer)["display_name"] == "Al"
    assert good(await ask(client, bob, "GET", "/v1.0/users/alice"))["display_name"] == "Al"
    assert good(await ask(client, bob, "GET", "/v1.0/users/bob"))["display_name"] == "bob"
    answer = await ask(client, alice, "PATCH", "/v1.0/users/bob", {"display_name": "Al"})
    problem(answer, 405, "method_not_allowed")
    for wrong in ({}, {"display_name": ""}, {"display_name": None}):
        answer = await ask(client, alice, "PATCH", "/v1.0/users/me", wrong)
        assert pointers(problem(answer, 422, "invalid_request")) == ["/display_name"]
