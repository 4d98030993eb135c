"""The routes of keys: published, uploaded, claimed once, and refused when anything is wrong (§8)."""

from __future__ import annotations

from typing import Any

import httpx
import msgspec
import pytest

from reference_server.service import Service

from ...chests import Chest, equip, public_key
from ...people import Person, direct, group, login
from .asking import ask, good, pointers, problem

KEYS, ONE_TIME, CLAIM = "/v1.0/keys", "/v1.0/keys/one-time", "/v1.0/keys/claim"
PHONE = Chest("alice", "phone")


def json(struct: Any) -> Any:
    """A request as JSON."""
    return msgspec.to_builtins(struct)


async def published(client: httpx.AsyncClient, who: Person, user_id: str) -> list[dict[str, Any]]:
    """A user's devices as `who` sees them."""
    devices: list[dict[str, Any]] = good(
        await ask(client, who, "GET", f"/v1.0/users/{user_id}/devices")
    )["devices"]
    return devices


async def claim(client: httpx.AsyncClient, who: Person, **devices: Any) -> dict[str, Any]:
    """What a claim gets."""
    return good(await ask(client, who, "POST", CLAIM, {"devices": devices}))


async def test_published_keys_are_there_for_everybody(
    client: httpx.AsyncClient, service: Service, alice: Person, bob: Person
) -> None:
    """A device that has not published any is listed without."""
    await login(service, "alice", "tablet")
    assert good(await ask(client, alice, "PUT", KEYS, json(PHONE.publication()))) == {}
    phone, tablet = await published(client, bob, "alice")
    assert phone == {"device_id": "phone", "name": None} | json(PHONE.identity())
    assert (tablet["device_id"], tablet["curve25519"], tablet["signature"]) == (
        "tablet",
        None,
        None,
    )
    problem(await ask(client, bob, "GET", "/v1.0/users/nobody/devices"), 404, "unknown_user")


async def test_keys_are_handed_out_once_and_then_the_fallback_again_and_again(
    client: httpx.AsyncClient, service: Service, alice: Person, bob: Person
) -> None:
    """ENC-3; each with the signature that it came with."""
    await direct(service, alice, bob)
    await ask(client, alice, "PUT", KEYS, json(PHONE.publication("f1")))
    answer = await ask(client, alice, "POST", ONE_TIME, json(PHONE.upload("k1", "k2")))
    assert good(answer) == {"count": 2}
    got = [await claim(client, bob, alice=["phone", "phone"]) for _ in range(4)]
    assert [each["keys"]["alice"]["phone"] for each in got] == [
        json(PHONE.key("k1")) | {"fallback": False},
        json(PHONE.key("k2")) | {"fallback": False},
        json(PHONE.key("f1")) | {"fallback": True},
        json(PHONE.key("f1")) | {"fallback": True},
    ]
    assert got[0]["missing"] == {}


async def test_what_there_is_no_key_for_is_missing(
    client: httpx.AsyncClient, service: Service, alice: Person, bob: Person, carol: Person
) -> None:
    """Unknown devices, those without keys, those of strangers; the own devices are always in reach."""
    await direct(service, alice, bob)
    await login(service, "bob", "tablet")
    for person in (alice, bob, carol):
        await equip(service, person, "k1")
    got = await claim(
        client,
        alice,
        alice=["phone"],
        bob=["phone", "tablet", "old"],
        carol=["phone"],
        nobody=["x"],
    )
    assert {user_id: list(devices) for user_id, devices in got["keys"].items()} == {
        "alice": ["phone"],
        "bob": ["phone"],
    }
    assert got["missing"] == {"bob": ["tablet", "old"], "carol": ["phone"], "nobody": ["x"]}


async def test_a_stranger_gets_no_key_and_takes_none(
    client: httpx.AsyncClient, service: Service, alice: Person, bob: Person, carol: Person
) -> None:
    """Nor does one who left; the key is there for who belongs there."""
    team = await group(service, alice, bob, carol)
    await equip(service, alice, "k1")
    await service.conversations.remove_member(carol.identity, team, "carol")
    assert await claim(client, carol, alice=["phone"]) == {
        "keys": {},
        "missing": {"alice": ["phone"]},
    }
    got = await claim(client, bob, alice=["phone"])
    assert got["keys"]["alice"]["phone"]["key_id"] == "k1"


async def test_an_id_that_was_used_is_ignored_and_what_is_too_much_is_not_used(
    client: httpx.AsyncClient, service: Service, alice: Person, bob: Person
) -> None:
    """A claimed key does not come back; what went over the limit can be uploaded later."""
    await direct(service, alice, bob)
    await equip(service, alice, "k0")
    assert (await claim(client, bob, alice=["phone"]))["keys"]["alice"]["phone"]["key_id"] == "k0"
    many = [f"k{number}" for number in range(104)]
    answer = await ask(client, alice, "POST", ONE_TIME, json(PHONE.upload(*many)))
    assert good(answer) == {"count": 100}
    for number in range(3):
        got = await claim(client, bob, alice=["phone"])
        assert got["keys"]["alice"]["phone"]["key_id"] == f"k{number + 1}"
    answer = await ask(client, alice, "POST", ONE_TIME, json(PHONE.upload(*many)))
    assert good(answer) == {"count": 100}


async def test_other_identity_keys_drop_all_others(
    client: httpx.AsyncClient, service: Service, alice: Person, bob: Person
) -> None:
    """The same ones again drop nothing."""
    await direct(service, alice, bob)
    await equip(service, alice, "k1", "k2", fallback="f1")
    await equip(service, alice)
    assert good(await ask(client, alice, "POST", ONE_TIME, {"keys": {}})) == {"count": 2}
    await equip(service, alice, seed="new")
    assert good(await ask(client, alice, "POST", ONE_TIME, {"keys": {}})) == {"count": 0}
    assert (await claim(client, bob, alice=["phone"]))["missing"] == {"alice": ["phone"]}
    refused = await ask(client, alice, "POST", ONE_TIME, json(PHONE.upload("k3")))
    problem(refused, 422, "bad_signature")


async def test_keys_go_with_their_device(
    client: httpx.AsyncClient, service: Service, alice: Person, bob: Person
) -> None:
    """One that logs in under its id has none, and may use its key ids again."""
    await direct(service, alice, bob)
    laptop = await login(service, "alice", "laptop")
    await equip(service, laptop, "k1", fallback="f1")
    good_before = await claim(client, bob, alice=["laptop"])
    assert good_before["keys"]["alice"]["laptop"]["key_id"] == "k1"
    assert (await ask(client, alice, "DELETE", "/v1.0/devices/laptop")).status_code == 204
    assert (await claim(client, bob, alice=["laptop"]))["missing"] == {"alice": ["laptop"]}
    await equip(service, await login(service, "alice", "laptop"), "k1")
    assert "laptop" in (await claim(client, bob, alice=["laptop"]))["keys"]["alice"]


LAPTOP = Chest("alice", "laptop")
PUBLICATION = json(PHONE.publication("f1"))


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        (PUBLICATION | {"curve25519": "short"}, "invalid_request", "/curve25519"),
        (PUBLICATION | {"curve25519": PHONE.curve25519 + "="}, "invalid_request", "/curve25519"),
        (PUBLICATION | {"ed25519": "*" * 43}, "invalid_request", "/ed25519"),
        (PUBLICATION | {"ed25519": None}, "invalid_request", "/ed25519"),
        ({"curve25519": PHONE.curve25519}, "invalid_request", "/ed25519"),
        (PUBLICATION | {"fallback_key": []}, "invalid_request", "/fallback_key"),
        (
            PUBLICATION | {"fallback_key": PUBLICATION["fallback_key"] | {"key_id": "~"}},
            "invalid_request",
            "/fallback_key/key_id",
        ),
        (
            PUBLICATION | {"fallback_key": PUBLICATION["fallback_key"] | {"key": "x"}},
            "invalid_request",
            "/fallback_key/key",
        ),
        (PUBLICATION | {"signature": "x"}, "bad_signature", "/signature"),
        (PUBLICATION | {"curve25519": public_key("mallory")}, "bad_signature", "/signature"),
        (json(LAPTOP.publication()), "bad_signature", "/signature"),
        (json(Chest("bob", "phone").publication()), "bad_signature", "/signature"),
        (
            PUBLICATION | {"fallback_key": json(LAPTOP.key("f1"))},
            "bad_signature",
            "/fallback_key/signature",
        ),
    ],
)
async def test_a_wrong_publication_publishes_nothing(
    client: httpx.AsyncClient, alice: Person, body: Any, code: str, pointer: str
) -> None:
    """ENC-4: wrong base64, wrong lengths, another device's signature."""
    refused = problem(await ask(client, alice, "PUT", KEYS, body), 422, code)
    assert pointers(refused) == [pointer]
    (phone,) = await published(client, alice, "alice")
    assert phone["curve25519"] is None


UPLOAD = json(PHONE.upload("good", "bad"))["keys"]


@pytest.mark.parametrize(
    ("changed", "code", "pointer"),
    [
        ({"bad": UPLOAD["good"]}, "bad_signature", "/keys/bad/signature"),
        (
            {"bad": json(LAPTOP.upload("bad"))["keys"]["bad"]},
            "bad_signature",
            "/keys/bad/signature",
        ),
        ({"bad": UPLOAD["bad"] | {"signature": ""}}, "bad_signature", "/keys/bad/signature"),
        ({"b/d": UPLOAD["bad"]}, "bad_signature", "/keys/b~1d/signature"),
        ({"bad": UPLOAD["bad"] | {"key": "QQ"}}, "invalid_request", "/keys/bad/key"),
        ({"": UPLOAD["bad"]}, "invalid_request", "/keys"),
        ({"x" * 65: UPLOAD["bad"]}, "invalid_request", "/keys"),
    ],
)
async def test_one_bad_key_refuses_all(
    client: httpx.AsyncClient,
    service: Service,
    alice: Person,
    changed: Any,
    code: str,
    pointer: str,
) -> None:
    """ENC-4; the good one beside it is not kept."""
    await equip(service, alice)
    body = {"keys": {"good": UPLOAD["good"]} | changed}
    refused = problem(await ask(client, alice, "POST", ONE_TIME, body), 422, code)
    assert pointers(refused) == [pointer]
    assert good(await ask(client, alice, "POST", ONE_TIME, {"keys": {}})) == {"count": 0}


async def test_before_the_identity_keys_all_others_are_bad(
    client: httpx.AsyncClient, alice: Person
) -> None:
    """There is nothing to verify them with."""
    refused = await ask(client, alice, "POST", ONE_TIME, json(PHONE.upload("k1")))
    problem(refused, 422, "bad_signature")


async def test_ten_thousand_keys_are_too_large(
    client: httpx.AsyncClient, service: Service, alice: Person
) -> None:
    """The body is over the limit of bodies, and is not read."""
    await equip(service, alice)
    key = UPLOAD["good"]
    body = {"keys": {f"k{number}": key for number in range(10_000)}}
    problem(await ask(client, alice, "POST", ONE_TIME, body), 413, "message_too_large")
    assert good(await ask(client, alice, "POST", ONE_TIME, {"keys": {}})) == {"count": 0}


@pytest.mark.parametrize(
    ("devices", "pointer"),
    [
        ({"bob": ["x"] * 101}, "/devices"),
        ({f"u{number}": ["x", "y"] for number in range(51)}, "/devices"),
        ({"bob": "phone"}, "/devices"),
        ({"bob": [".."]}, "/devices/bob/0"),
        ({"b b": []}, "/devices"),
        ([], "/devices"),
    ],
)
async def test_a_wrong_claim_takes_nothing(
    client: httpx.AsyncClient, service: Service, alice: Person, devices: Any, pointer: str
) -> None:
    """More than 100 devices are too many, also if they are one."""
    await equip(service, alice, "k1")
    answer = await ask(client, alice, "POST", CLAIM, {"devices": devices})
    (place,) = pointers(problem(answer, 422, "invalid_request"))
    assert place.startswith(pointer)
    got = await claim(client, alice, alice=["phone"])
    assert got["keys"]["alice"]["phone"]["fallback"] is False
