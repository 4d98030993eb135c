"""Keys when everybody comes at once, or comes too late (ENC-3, ENC-4)."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

import pytest
import trio

from reference_server.core.errors import ApiError
from reference_server.core.keys import IdentityKeys
from reference_server.core.model import Asset
from reference_server.service import Service
from reference_server.service import keys as keys_module
from reference_server.service.access import to_read_asset
from reference_server.service.kernel import Outcome
from reference_server.service.keys import ClaimRequest
from reference_server.service.messages import SendRequest
from reference_server.storage.base import Commands

from ..chests import Chest, encrypted_direct, equip, megolm
from ..people import Person, direct, login
from .test_races import at_once

CLAIM = ClaimRequest({"alice": ["phone"]})


async def test_no_key_is_handed_out_twice_however_many_ask_at_once(
    service: Service, alice: Person, bob: Person
) -> None:
    """Five keys for twenty claims: the rest gets the fallback key, so marked."""
    await direct(service, alice, bob)
    await equip(service, alice, *"abcde", fallback="f")
    claim = partial(service.keys.claim, bob.identity, CLAIM)
    claimed = [each.keys["alice"]["phone"] for each in await at_once(*[claim] * 20)]
    assert Counter(key.key_id for key in claimed) == Counter("abcde") + Counter({"f": 15})
    assert all(key.fallback is (key.key_id == "f") for key in claimed)


async def test_claims_and_uploads_at_once_lose_and_repeat_nothing(
    service: Service, alice: Person, bob: Person
) -> None:
    """Every key is claimed once or still there."""
    await direct(service, alice, bob)
    chest = await equip(service, alice)
    deeds = [
        deed
        for number in range(10)
        for deed in (
            partial(service.keys.upload, alice.identity, chest.upload(f"k{number}", "same")),
            partial(service.keys.claim, bob.identity, CLAIM),
        )
    ]
    results = await at_once(*deeds)
    late = [await service.keys.claim(bob.identity, CLAIM) for _ in range(12)]
    claimed = [
        each.keys["alice"]["phone"].key_id
        for each in (*results, *late)
        if getattr(each, "keys", None)
    ]
    assert sorted(claimed) == sorted([f"k{number}" for number in range(10)] + ["same"])


async def test_keys_of_an_identity_that_has_changed_meanwhile_are_bad(
    service: Service, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They were verified against the one before, and nobody could verify them any more."""
    old = await equip(service, alice)
    genuine = keys_module._verify

    def too_late(*arguments: Any) -> None:
        genuine(*arguments)
        new = Chest("alice", "phone", "new").identity()
        trio.from_thread.run(service.kernel.do, partial(publish, new))

    def publish(new: IdentityKeys, commands: Commands) -> Outcome[None]:
        commands.set_identity_keys("alice", "phone", new)
        return Outcome(None)

    monkeypatch.setattr(keys_module, "_verify", too_late)
    with pytest.raises(ApiError) as refused:
        await service.keys.upload(alice.identity, old.upload("k1"))
    assert refused.value.code == "bad_signature"


async def test_a_device_that_was_removed_leaves_no_keys_behind(
    service: Service, alice: Person, bob: Person
) -> None:
    """A request that was under way with its token is refused; others are not told of a ghost."""
    chat = await encrypted_direct(service, alice, bob)
    sender = await equip(service, bob)
    tablet = await login(service, "alice", "tablet")
    chest = Chest("alice", "tablet")
    await service.accounts.remove_device(alice.identity, "tablet")
    for late in (
        partial(service.keys.publish, tablet.identity, chest.publication()),
        partial(service.keys.upload, tablet.identity, chest.upload()),
        partial(service.keys.claim, tablet.identity, CLAIM),
    ):
        with pytest.raises(ApiError) as refused:
            await late()
        assert refused.value.code == "unauthorized"
    body = megolm(sender, "x") | {"algorithm": "olm.v1", "ciphertexts": {}}
    request = SendRequest(conversation_id=chat, client_message_id="m", body=body)
    assert (await service.messages.send(bob.identity, request)).message.seq == 1


def asset(asset_id: str, owner_id: str) -> Asset:
    """An encrypted file."""
    return Asset(
        asset_id=asset_id,
        owner_id=owner_id,
        media_type="application/octet-stream",
        size=3,
        sha256=b"\0" * 32,
        created_at=1_763_000_000_000,
    )


async def test_encrypted_media_can_be_read_by_who_sees_the_message(
    service: Service, alice: Person, bob: Person, carol: Person
) -> None:
    """Named beside the ciphertext; only what the sender can read itself (AST-2, AST-6)."""
    chat = await encrypted_direct(service, alice, bob)
    chest = await equip(service, alice)

    def add(commands: Commands) -> Outcome[None]:
        for each in (asset("a1", "alice"), asset("a2", "alice"), asset("c1", "carol")):
            commands.add_asset(each)
        return Outcome(None)

    await service.kernel.do(add)

    def readers(asset_id: str) -> list[str]:
        with service.kernel.store.reading() as queries:
            return [
                user_id
                for user_id in ("bob", "carol")
                if queries.sees_asset(asset_id, user_id)
                and to_read_asset(queries, asset_id, user_id)
            ]

    async def send(*asset_ids: str) -> None:
        body = megolm(chest, "look", asset_ids=list(asset_ids))
        request = SendRequest(conversation_id=chat, client_message_id="m", body=body)
        await service.messages.send(alice.identity, request)

    for wrong in ("c1", "nothing"):
        with pytest.raises(ApiError) as refused:
            await send("a1", wrong)
        assert refused.value.code == "unknown_asset"
        assert readers("a1") == []
    await send("a1", "a2")
    assert readers("a1") == readers("a2") == ["bob"]
