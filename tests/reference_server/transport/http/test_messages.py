"""Messages, history and statuses over HTTP (§4, §5)."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from reference_server.core.limits import Limits
from reference_server.service import Service

from ...people import Person, acknowledge, direct, group, say
from .asking import ask, good, pointers, problem


@pytest.fixture
def limits() -> Limits:
    """Small pages and short texts."""
    return Limits(max_page_limit=4, max_text_length=10)


def path_of(chat: str) -> str:
    """Where a conversation's messages are."""
    return f"/v1.0/conversations/{chat}/messages"


def a_send(text: str = "hello", client_message_id: object = "m1") -> dict[str, Any]:
    """A send's body."""
    return {"client_message_id": client_message_id, "body": {"kind": "text", "text": text}}


def seqs(page: dict[str, Any]) -> list[int]:
    """The seqs of a page."""
    return [item["seq"] for item in page["items"]]


async def test_a_send_is_201_and_its_repeat_200(
    client: httpx.AsyncClient, service: Service, alice: Person, bob: Person
) -> None:
    """DLV-4, DLV-5; the entry can be read at once (STA-1)."""
    chat = await direct(service, alice, bob)
    sent = good(await ask(client, alice, "POST", path_of(chat), a_send()), 201)
    assert sent["duplicate"] is False
    assert sent["message"]["body"] == {"kind": "text", "text": "hello"}
    again = good(await ask(client, alice, "POST", path_of(chat), a_send()))
    assert again == sent | {"duplicate": True}
    answer = await ask(client, alice, "POST", path_of(chat), a_send("bye"))
    problem(answer, 409, "idempotency_conflict")
    assert good(await ask(client, bob, "POST", path_of(chat), a_send()), 201)
    message = await ask(client, bob, "GET", f"/v1.0/messages/{sent['message']['message_id']}")
    assert good(message) == sent["message"]


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        ([], "invalid_request", ""),
        ("x", "invalid_request", ""),
        ({}, "invalid_request", "/client_message_id"),
        (a_send(client_message_id=5), "invalid_request", "/client_message_id"),
        (a_send(client_message_id="no id!"), "invalid_request", "/client_message_id"),
        ({"client_message_id": "m"}, "invalid_body", "/body"),
        (a_send("01234567890"), "invalid_body", "/body/text"),
        (a_send() | {"relates_to": {}}, "invalid_request", "/relates_to/relation"),
        (a_send() | {"expires_in_s": 0}, "invalid_request", "/expires_in_s"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_a_wrong_send_is_422_with_its_place(
    body: object,
    code: str,
    pointer: str,
    client: httpx.AsyncClient,
    service: Service,
    alice: Person,
    bob: Person,
) -> None:
    """DLV-7: and uses no seq."""
    chat = await direct(service, alice, bob)
    refused = problem(await ask(client, alice, "POST", path_of(chat), body), 422, code)
    assert pointers(refused) == [pointer]
    assert good(await ask(client, alice, "GET", path_of(chat)))["items"] == []


async def test_an_empty_conversation_pages_as_empty(
    client: httpx.AsyncClient, service: Service, alice: Person, bob: Person
) -> None:
    """PAG-7: with a cursor to poll with, which finds what comes."""
    chat = await direct(service, alice, bob)
    page = good(await ask(client, alice, "GET", path_of(chat)))
    assert (page["items"], page["before"], page["has_older"], page["has_newer"]) == (
        [],
        None,
        False,
        False,
    )
    await say(service, bob, chat, "hello")
    later = await ask(client, alice, "GET", path_of(chat), params={"after": page["after"]})
    assert seqs(good(later)) == [1]


async def test_history_is_walked_backwards_while_others_append(
    client: httpx.AsyncClient, service: Service, alice: Person, bob: Person
) -> None:
    """PAG-1, PAG-3: each entry once; `has_older` exactly when there is."""
    chat = await direct(service, alice, bob)
    for number in range(10):
        await say(service, alice, chat, f"{number}")
    found: list[int] = []
    query = {"limit": "4"}
    for expected in ([7, 8, 9, 10], [3, 4, 5, 6], [1, 2]):
        page = good(await ask(client, bob, "GET", path_of(chat), params=query))
        assert seqs(page) == expected
        assert page["has_older"] == (expected[0] > 1)
        assert page["has_newer"] == (expected[-1] < 10)
        found = seqs(page) + found
        query["before"] = page["before"]
        await say(service, alice, chat, "more")
    assert found == list(range(1, 11))
    assert page["before"] is None


async def test_history_is_walked_forwards_and_polled(
    client: httpx.AsyncClient, service: Service, alice: Person, bob: Person
) -> None:
    """PAG-2: from the oldest on, and then whatever is appended; `after` is never null."""
    chat = await direct(service, alice, bob)
    for number in range(5):
        await say(service, alice, chat, f"{number}")
    query = {"limit": "4", "after": ""}
    for expected, newer in (([1, 2, 3, 4], True), ([5], False), ([], False)):
        page = good(await ask(client, bob, "GET", path_of(chat), params=query))
        assert (seqs(page), page["has_newer"]) == (expected, newer)
        assert page["has_older"] == (expected[:1] != [1])
        query["after"] = page["after"]
    await say(service, alice, chat, "more")
    assert seqs(good(await ask(client, bob, "GET", path_of(chat), params=query))) == [6]


async def test_a_new_member_pages_from_its_joining_on(
    client: httpx.AsyncClient, service: Service, alice: Person, bob: Person
) -> None:
    """CONV-4: in both directions, and not by message id either."""
    chat = await group(service, alice)
    old = await say(service, alice, chat, "secret")
    await service.conversations.set_member(alice.identity, chat, "bob", None)
    await say(service, alice, chat, "hello")
    for query in ({}, {"after": ""}):
        page = good(await ask(client, bob, "GET", path_of(chat), params=query))
        assert (seqs(page), page["before"], page["has_older"]) == ([3, 4], None, False)
    alices = good(await ask(client, alice, "GET", path_of(chat), params={"limit": "1"}))
    cursor = {"before": alices["before"], "limit": "4"}
    assert seqs(good(await ask(client, bob, "GET", path_of(chat), params=cursor))) == [3]
    first = await ask(client, alice, "GET", path_of(chat), params={"after": "", "limit": "1"})
    cursor = {"after": good(first)["after"]}
    assert seqs(good(await ask(client, bob, "GET", path_of(chat), params=cursor))) == [3, 4]
    problem(
        await ask(client, bob, "GET", f"/v1.0/messages/{old.message_id}"), 404, "unknown_message"
    )


async def test_a_former_members_history_ends_with_its_removal(
    client: httpx.AsyncClient, service: Service, alice: Person, bob: Person
) -> None:
    """CONV-4: and a cursor of somebody else's from beyond shows no more."""
    chat = await group(service, alice, bob)
    await service.conversations.remove_member(alice.identity, chat, "bob")
    secret = await say(service, alice, chat, "secret")
    page = good(await ask(client, bob, "GET", path_of(chat)))
    assert (seqs(page), page["has_newer"]) == ([1, 2], False)
    beyond = good(await ask(client, alice, "GET", path_of(chat)))["after"]
    page = good(await ask(client, bob, "GET", path_of(chat), params={"after": beyond}))
    assert (page["items"], page["has_newer"], page["has_older"]) == ([], False, True)
    answer = await ask(client, bob, "GET", f"/v1.0/messages/{secret.message_id}")
    problem(answer, 404, "unknown_message")


@pytest.mark.parametrize("limit", ["0", "5", "-1", "x", "", "1.0", "1e1", "٣", "9" * 4000])
async def test_a_bad_limit_is_invalid_limit(
    limit: str, client: httpx.AsyncClient, service: Service, alice: Person, bob: Person
) -> None:
    """PAG-4: of a history and of the list."""
    chat = await direct(service, alice, bob)
    for path in (path_of(chat), "/v1.0/conversations"):
        answer = await ask(client, alice, "GET", path, params={"limit": limit})
        problem(answer, 400, "invalid_limit")


async def test_a_bad_or_foreign_cursor_is_invalid_cursor(
    client: httpx.AsyncClient, service: Service, alice: Person, bob: Person, carol: Person
) -> None:
    """PAG-4: junk, another conversation's, another direction's, another list's, both, an empty one."""
    chats = [await direct(service, alice, other) for other in (bob, carol)]
    for chat in chats:
        for text in "ab":
            await say(service, alice, chat, text)
    mine, other = [
        good(await ask(client, alice, "GET", path_of(chat), params={"limit": "1"}))
        for chat in chats
    ]
    listed = good(await ask(client, alice, "GET", "/v1.0/conversations", params={"limit": "1"}))
    for query in (
        {"before": ""},
        {"before": "junk"},
        {"after": "junk"},
        {"after": "\x00"},
        {"after": "é" * 100},
        {"after": "A" * 5_000},
        {"before": other["before"]},
        {"after": other["after"]},
        {"before": mine["after"]},
        {"after": mine["before"]},
        {"after": listed["next_cursor"]},
        {"before": mine["before"][:-1]},
        {"before": mine["before"], "after": mine["after"]},
        {"before": mine["before"], "after": ""},
    ):
        answer = await ask(client, alice, "GET", path_of(chats[0]), params=query)
        problem(answer, 400, "invalid_cursor")
    for cursor in ("", "junk", mine["before"], mine["after"]):
        answer = await ask(client, alice, "GET", "/v1.0/conversations", params={"cursor": cursor})
        problem(answer, 400, "invalid_cursor")
    bobs = await ask(
        client, bob, "GET", "/v1.0/conversations", params={"cursor": listed["next_cursor"]}
    )
    problem(bobs, 400, "invalid_cursor")


async def test_a_status_climbs_and_is_told_to_the_sender_alone(
    client: httpx.AsyncClient, service: Service, alice: Person, bob: Person, carol: Person
) -> None:
    """STA-5, STA-7: the lowest of the recipients', with the times of each step."""
    chat = await group(service, alice, bob, carol)
    entry = await say(service, alice, chat, "hello")
    path = f"/v1.0/messages/{entry.message_id}/status"
    nothing_yet = good(await ask(client, alice, "GET", path))
    assert nothing_yet["status"] == "sent"
    assert [each["user_id"] for each in nothing_yet["recipients"]] == ["bob", "carol"]
    service.kernel.now = lambda: 1_795_341_600_123
    await acknowledge(service, bob, chat, "read", 2)
    assert good(await ask(client, alice, "GET", path))["status"] == "sent"
    await acknowledge(service, carol, chat, "delivered", 2)
    status = good(await ask(client, alice, "GET", path))
    assert status["status"] == "delivered"
    at = "2026-11-22T10:00:00.123Z"
    assert status["recipients"] == [
        {"user_id": "bob", "status": "read", "delivered_at": at, "read_at": at},
        {"user_id": "carol", "status": "delivered", "delivered_at": at},
    ]
    problem(await ask(client, bob, "GET", path), 403, "not_sender")


async def test_the_status_of_a_system_entry_is_nobodys(
    client: httpx.AsyncClient, service: Service, alice: Person, bob: Person
) -> None:
    """Who did it is its sender; others see it and are no senders."""
    chat = await group(service, alice, bob)
    answer = await ask(client, bob, "GET", f"/v1.0/messages/{chat}.1/status")
    problem(answer, 403, "not_sender")


@pytest.mark.parametrize(
    "message_id",
    ["nonsense", ".1", "x.1", "x.0", "x.99999999999999999999", "%00.1", "x.1.1", "é.1"],
)
async def test_a_message_id_of_nobodys_is_unknown(
    message_id: str, client: httpx.AsyncClient, alice: Person
) -> None:
    """Whatever it looks like."""
    for path in (f"/v1.0/messages/{message_id}", f"/v1.0/messages/{message_id}/status"):
        problem(await ask(client, alice, "GET", path), 404, "unknown_message")
