"""Remembered identities: quick for those who stay, gone for those whose session ended."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from reference_server.core import errors
from reference_server.core.model import Identity
from reference_server.service import Service, tokens
from reference_server.service.kernel import Outcome
from reference_server.service.tokens import TokenCache
from reference_server.storage.base import Queries, StoreTrouble
from reference_server.storage.sqlite import SqliteStore

from ..people import Person, login

ALICE = Identity("alice", "phone", 2**60)
BOB = Identity("bob", "phone", 2**60)


def test_what_was_looked_up_is_remembered() -> None:
    """Under its digest alone."""
    cache = TokenCache()
    cache.remember(b"a", ALICE, cache.moment())
    assert (cache.get(b"a"), cache.get(b"b")) == (ALICE, None)


def test_the_end_of_a_session_is_forgotten_at_once() -> None:
    """SEC-5: that of this device, and no other's."""
    cache = TokenCache()
    for digest, identity in ((b"a", ALICE), (b"b", BOB)):
        cache.remember(digest, identity, cache.moment())
    cache.forget("alice", "phone")
    cache.forget("alice", "phone")
    assert (cache.get(b"a"), cache.get(b"b")) == (None, BOB)


def test_a_lookup_that_a_revocation_overtook_is_not_remembered() -> None:
    """SEC-5: it may have read the past."""
    cache = TokenCache()
    moment = cache.moment()
    cache.forget("alice", "phone")
    cache.remember(b"a", ALICE, moment)
    assert cache.get(b"a") is None


def test_the_oldest_goes_when_the_cache_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """And what belongs to it; the newer ones can still be forgotten."""
    monkeypatch.setattr(tokens, "CAPACITY", 2)
    cache = TokenCache()
    for number in range(3):
        identity = Identity(f"user{number}", "phone", 2**60)
        cache.remember(bytes([number]), identity, cache.moment())
    assert [cache.get(bytes([number])) is None for number in range(3)] == [True, False, False]
    cache.forget("user0", "phone")
    cache.forget("user2", "phone")
    assert [cache.get(bytes([number])) is None for number in range(3)] == [True, False, True]


async def test_a_remembered_token_asks_no_database(
    service: Service, store: SqliteStore, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Most requests need none."""

    def broken() -> Queries:
        raise StoreTrouble("the disk is gone")

    monkeypatch.setattr(store, "reading", broken)
    assert await service.accounts.identify(alice.token) == alice.identity
    with pytest.raises(errors.Unavailable):
        await service.accounts.identify("another")


async def test_a_token_revoked_during_its_lookup_is_not_good_afterwards(
    service: Service, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SEC-5: the lookup read the session, then the device logged in again."""
    service.kernel.tokens.forget("alice", "phone")
    genuine = service.kernel.ask

    async def overtaken(query: Callable[[Queries], object]) -> object:
        answer = await genuine(query)
        monkeypatch.undo()
        await login(service, "alice", "phone")
        return answer

    monkeypatch.setattr(service.kernel, "ask", overtaken)
    await service.accounts.identify(alice.token)
    with pytest.raises(errors.Unauthorized):
        await service.accounts.identify(alice.token)


async def test_a_refusal_comes_out_of_a_job_as_it_is(service: Service) -> None:
    """And the next job runs as if nothing had been."""

    def refuse(_: object) -> Outcome[None]:
        raise errors.NotPermitted("Because.")

    with pytest.raises(errors.NotPermitted, match="Because"):
        await service.kernel.do(refuse)
    assert await service.kernel.do(lambda _: Outcome(5)) == 5
