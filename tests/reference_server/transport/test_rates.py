"""LIM-1: with rate limiting on, excess is refused with a time to wait; after waiting it works."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from reference_server.core.limits import Limits
from reference_server.service import Rates
from reference_server.service.rates import RateLimiter

from ..clock import Clock
from ..people import PASSWORD, Person, direct, newcomer
from ..running import Running, running_server
from .peers import CONNECTIONS, hears, new_connection, online, over, send


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """What the limiter and its library take for the time."""
    clock = Clock()
    monkeypatch.setattr("reference_server.service.counters.time", clock)
    monkeypatch.setattr("reference_server.service.rates.time", clock)
    return clock


@pytest.fixture
async def limited(tmp_path: Path, clock: Clock) -> AsyncIterator[Running]:
    """Three messages, five requests and four logins in two seconds."""
    rates = Rates(sends="3 per 2 seconds", requests="5 per 2 seconds", logins="4 per 2 seconds")
    async with running_server(tmp_path / "data", Limits(), rates=rates) as running:
        yield running


async def test_requests_over_the_limit_are_refused_and_work_after_the_wait(
    limited: Running, clock: Clock
) -> None:
    """429 with `Retry-After`, the RateLimit fields and `retry_after_ms`."""
    alice = await newcomer(limited.service, "alice")
    async with httpx.AsyncClient(base_url=limited.url, headers=alice.authorization) as http:
        for left in (4, 3, 2, 1, 0):
            answer = await http.get("/v1.0/devices")
            assert answer.status_code == 200
            assert answer.headers["RateLimit-Policy"] == '"requests";q=5;w=2'
            assert answer.headers["RateLimit"].startswith(f'"requests";r={left};t=')
        refused = await http.get("/v1.0/devices")
        problem = refused.json()
        assert (refused.status_code, problem["code"]) == (429, "rate_limited")
        assert refused.headers["Content-Type"] == "application/problem+json"
        assert 0 < problem["retry_after_ms"] <= 2_001
        assert 1 <= int(refused.headers["Retry-After"]) <= 3
        assert refused.headers["RateLimit"].startswith('"requests";r=0;t=')
        clock.now += problem["retry_after_ms"] / 1000
        assert (await http.get("/v1.0/devices")).status_code == 200


async def test_a_send_over_the_limit_fails_changes_nothing_and_works_after_the_wait(
    limited: Running, clock: Clock
) -> None:
    """`failed` is retryable and says how long to wait; the same client_message_id is still free."""
    alice = await newcomer(limited.service, "alice")
    bob = await newcomer(limited.service, "bob")
    chat = await direct(limited.service, alice, bob)
    async with over(limited, new_connection)(alice) as peer:
        await online(peer)
        await peer.says(*(send(chat, str(number)) for number in range(1, 5)))
        # The refusal waits for no commit, so it may overtake.
        answers = [await peer.next() for _ in range(4)]
        failed = next(answer for answer in answers if answer["type"] == "failed")
        error = failed["error"]
        assert (failed["id"], error["code"], error["retryable"]) == ("4", "rate_limited", True)
        clock.now += error["retry_after_ms"] / 1000
        await peer.says(send(chat, "4"))
        sent = await hears(peer, "sent")
        assert (sent["seq"], sent["duplicate"]) == (4, False)


async def test_one_users_excess_is_nobody_elses(limited: Running) -> None:
    """Limits are counted for each user."""
    alice = await newcomer(limited.service, "alice")
    bob = await newcomer(limited.service, "bob")
    async with httpx.AsyncClient(base_url=limited.url) as http:
        for _ in range(6):
            answer = await http.get("/v1.0/devices", headers=alice.authorization)
        assert answer.status_code == 429
        answer = await http.get("/v1.0/devices", headers=bob.authorization)
        assert answer.status_code == 200


async def test_guessing_passwords_is_slowed_down_by_address(limited: Running) -> None:
    """Also when each guess is for another user."""
    async with httpx.AsyncClient(base_url=limited.url) as http:
        for number in range(5):
            guess = {"user_id": f"user-{number}", "password": PASSWORD}
            answer = await http.post("/v1.0/sessions", json=guess)
            assert answer.status_code == (401 if number < 4 else 429)


async def test_without_a_good_token_it_is_401_however_often(limited: Running) -> None:
    """The limit comes right after authentication, not before it."""
    async with httpx.AsyncClient(base_url=limited.url) as http:
        for _ in range(10):
            assert (await http.get("/v1.0/devices")).status_code == 401


async def test_sending_and_asking_are_counted_apart(limited: Running) -> None:
    """Who has used up the one can still do the other."""
    alice = await newcomer(limited.service, "alice")
    async with httpx.AsyncClient(base_url=limited.url, headers=alice.authorization) as http:
        for _ in range(6):
            await http.get("/v1.0/devices")
        answer = await http.post(
            "/v1.0/conversations/none/messages", json={"client_message_id": "1"}
        )
        assert answer.json()["code"] == "unknown_conversation"


@pytest.mark.parametrize("lane", CONNECTIONS)
async def test_handshakes_count_as_requests(limited: Running, lane: str) -> None:
    """A client that reconnects in a loop is refused before the upgrade, on either lane."""
    alice = await newcomer(limited.service, "alice")
    async with httpx.AsyncClient(base_url=limited.url, headers=alice.authorization) as http:
        for _ in range(5):
            await http.get("/v1.0/devices")
    stream = await CONNECTIONS[lane](limited)
    async with stream:
        await stream.send_all(_handshake(alice))
        head = (await stream.receive_some()).decode()
    assert head.startswith("HTTP/1.1 429")
    assert "retry-after: " in head.lower()


def _handshake(person: Person) -> bytes:
    lines = (
        "GET /v1.0/chat HTTP/1.1",
        "Host: localhost",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        f"Authorization: Bearer {person.token}",
    )
    return "\r\n".join((*lines, "", "")).encode()


@pytest.mark.parametrize("text", ["often", "0/second", "5/s"])
def test_a_limit_that_says_nothing_is_refused(text: str) -> None:
    """At the start, not at the first request."""
    with pytest.raises(ValueError, match="limit"):
        Rates(sends=text)


def test_without_limits_nothing_is_counted() -> None:
    """The default."""
    limiter = RateLimiter(Rates())
    assert [limiter.spend("sends", "alice") for _ in range(3)] == [None, None, None]
