"""Conversations and membership over HTTP (§3)."""

from __future__ import annotations

import httpx
import pytest

from reference_server.core.limits import Limits
from reference_server.service import Service

from ...people import Person, acknowledge, direct, group, newcomer, say
from .asking import ask, good, pointers, problem

CHATS = "/v1.0/conversations"


@pytest.fixture
def limits() -> Limits:
    """Small groups."""
    return Limits(max_group_members=3)


async def test_a_pair_has_one_conversation(
    client: httpx.AsyncClient, alice: Person, bob: Person
) -> None:
    """CONV-1: 201 the first time, 200 from either side afterwards."""
    body = {"kind": "direct", "members": ["bob"]}
    created = good(await ask(client, alice, "POST", CHATS, body), 201)
    assert created["members"] == [
        {"user_id": name, "role": "member", "joined_seq": 1, "delivered_seq": 0, "read_seq": 0}
        for name in ("alice", "bob")
    ]
    assert (created["head_seq"], created["member_count"], created["unread_count"]) == (0, 2, 0)
    assert good(await ask(client, alice, "POST", CHATS, body)) == created
    back = {"kind": "direct", "members": ["alice"], "encrypted": False}
    assert good(await ask(client, bob, "POST", CHATS, back)) == created
    other = back | {"encrypted": True}
    problem(await ask(client, bob, "POST", CHATS, other), 409, "encryption_mismatch")


@pytest.mark.parametrize(
    ("body", "status", "code", "pointer"),
    [
        ({}, 422, "invalid_request", "/kind"),
        ({"kind": "direct"}, 422, "invalid_request", "/members"),
        ({"kind": "channel", "members": []}, 422, "invalid_request", "/kind"),
        ({"kind": "direct", "members": "bob"}, 422, "invalid_request", "/members"),
        ({"kind": "direct", "members": []}, 422, "invalid_request", "/members"),
        ({"kind": "direct", "members": ["alice"]}, 422, "invalid_request", "/members"),
        ({"kind": "direct", "members": ["bob", "x"]}, 422, "invalid_request", "/members"),
        ({"kind": "direct", "members": ["nobody"]}, 404, "unknown_user", None),
        ({"kind": "direct", "members": [5]}, 422, "invalid_request", "/members/0"),
        ({"kind": "group", "members": ["bob", None]}, 422, "invalid_request", "/members/1"),
        ({"kind": "group", "members": ["bob", "nobody"]}, 404, "unknown_user", None),
        ({"kind": "group", "members": ["bob", "carol", "dave"]}, 422, "too_many_members", None),
        ({"kind": "group", "members": [], "title": ""}, 422, "invalid_request", "/title"),
        ({"kind": "group", "members": [], "encrypted": 1}, 422, "invalid_request", "/encrypted"),
        ([], 422, "invalid_request", ""),
        (5, 422, "invalid_request", ""),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_a_wrong_creation_creates_nothing(
    body: object,
    status: int,
    code: str,
    pointer: str | None,
    client: httpx.AsyncClient,
    service: Service,
    alice: Person,
    bob: Person,
    carol: Person,
) -> None:
    """With the reason, and the place if it is the input's."""
    await newcomer(service, "dave")
    refused = problem(await ask(client, alice, "POST", CHATS, body), status, code)
    assert pointer is None or pointers(refused) == [pointer]
    assert good(await ask(client, alice, "GET", CHATS))["items"] == []


async def test_a_repeated_creation_of_a_group_gives_the_first(
    client: httpx.AsyncClient, alice: Person, bob: Person
) -> None:
    """By Idempotency-Key: 200 with the first result, or a conflict; the keys are a user's own."""
    body = {"kind": "group", "members": ["bob"], "title": "Friends"}
    key = {"Idempotency-Key": "k1"}
    first = good(await ask(client, alice, "POST", CHATS, body, headers=key), 201)
    turned = dict(reversed(body.items())) | {"encrypted": None}
    again = good(await ask(client, alice, "POST", CHATS, turned, headers=key))
    assert again["conversation_id"] == first["conversation_id"]
    other = body | {"title": "Foes"}
    problem(
        await ask(client, alice, "POST", CHATS, other, headers=key), 409, "idempotency_conflict"
    )
    body["members"] = ["alice"]
    assert good(await ask(client, bob, "POST", CHATS, body, headers=key), 201) != first
    for wrong in ("", "no id!", "x" * 65, ".", ".."):
        headers = {"Idempotency-Key": wrong}
        answer = await ask(client, alice, "POST", CHATS, body, headers=headers)
        problem(answer, 422, "invalid_request")
    assert len(good(await ask(client, alice, "GET", CHATS))["items"]) == 2


async def test_an_idempotency_key_is_forgotten_after_a_day(
    client: httpx.AsyncClient, service: Service, alice: Person
) -> None:
    """Then the same request is a new one."""
    body: dict[str, object] = {"kind": "group", "members": []}
    key = {"Idempotency-Key": "k1"}
    now = service.kernel.now()
    service.kernel.now = lambda: now
    first = good(await ask(client, alice, "POST", CHATS, body, headers=key), 201)
    service.kernel.now = lambda: now + 24 * 3600 * 1000 - 1
    good(await ask(client, alice, "POST", CHATS, body, headers=key))
    service.kernel.now = lambda: now + 24 * 3600 * 1000
    second = good(await ask(client, alice, "POST", CHATS, body, headers=key), 201)
    assert second["conversation_id"] != first["conversation_id"]


async def test_a_conversation_counts_what_is_unread(
    client: httpx.AsyncClient, service: Service, alice: Person, bob: Person
) -> None:
    """CONV-6: messages of others above one's own watermark; the newest entry is shown."""
    chat = await direct(service, alice, bob)
    for text in "abc":
        await say(service, alice, chat, text)
    await say(service, bob, chat, "d")
    await acknowledge(service, bob, chat, "read", 1)
    bobs = good(await ask(client, bob, "GET", f"{CHATS}/{chat}"))
    assert (bobs["unread_count"], bobs["head_seq"]) == (2, 4)
    assert bobs["last_message"]["body"]["text"] == "d"
    assert good(await ask(client, alice, "GET", f"{CHATS}/{chat}"))["unread_count"] == 1
    marks = {each["user_id"]: each["read_seq"] for each in bobs["members"]}
    assert marks == {"alice": 0, "bob": 1}


async def test_the_list_pages_through_everything_once(
    client: httpx.AsyncClient, service: Service, alice: Person
) -> None:
    """CONV-6: latest activity first; the cursor is null at the end."""
    made = [await group(service, alice) for _ in range(5)]
    await say(service, alice, made[1], "hello")
    expected = [made[n] for n in (1, 4, 3, 2, 0)]
    found: list[str] = []
    query = {"limit": "2"}
    for _ in range(3):
        page = good(await ask(client, alice, "GET", CHATS, params=query))
        found += [each["conversation_id"] for each in page["items"]]
        query["cursor"] = page["next_cursor"]
    assert found == expected
    assert page["next_cursor"] is None


async def test_a_group_lives_over_http(
    client: httpx.AsyncClient, service: Service, alice: Person, bob: Person, carol: Person
) -> None:
    """Add, promote, rename, remove, leave; each answer is the conversation as it stands."""
    chat = f"{CHATS}/{await group(service, alice, bob)}"
    added = good(await ask(client, alice, "PUT", f"{chat}/members/carol"))
    assert [each["user_id"] for each in added["members"]] == ["alice", "bob", "carol"]
    promoted = good(await ask(client, alice, "PUT", f"{chat}/members/carol", {"role": "admin"}))
    assert promoted["members"][2]["role"] == "admin"
    same = good(await ask(client, alice, "PUT", f"{chat}/members/carol", {"role": None}))
    assert same == promoted
    assert good(await ask(client, carol, "PATCH", chat, {"title": "Foes"}))["title"] == "Foes"
    problem(await ask(client, bob, "PATCH", chat, {"title": "x"}), 403, "not_permitted")
    answer = await ask(client, bob, "DELETE", f"{chat}/members/carol")
    problem(answer, 403, "not_permitted")
    assert (await ask(client, carol, "DELETE", f"{chat}/members/bob")).status_code == 204
    answer = await ask(client, carol, "DELETE", f"{chat}/members/bob")
    problem(answer, 404, "unknown_user")
    assert (await ask(client, alice, "DELETE", f"{chat}/members/alice")).status_code == 204
    left = good(await ask(client, carol, "GET", chat))
    assert [(each["user_id"], each["role"]) for each in left["members"]] == [("carol", "owner")]


async def test_one_who_does_not_exist_cannot_be_added(
    client: httpx.AsyncClient, service: Service, alice: Person, bob: Person
) -> None:
    """404 to who may add members; the others are told no more than that they may not."""
    chat = f"{CHATS}/{await group(service, alice, bob)}"
    for user_id in ("nobody", "no%20id!", "A" * 64):
        path = f"{chat}/members/{user_id}"
        problem(await ask(client, alice, "PUT", path), 404, "unknown_user")
        problem(await ask(client, bob, "PUT", path), 403, "not_permitted")
    assert good(await ask(client, alice, "GET", chat))["head_seq"] == 1


async def test_one_who_was_removed_sees_the_conversation_as_it_was(
    client: httpx.AsyncClient, service: Service, alice: Person, bob: Person
) -> None:
    """CONV-4: up to the removal, and may change nothing any more."""
    chat_id = await group(service, alice, bob, title="Friends")
    chat = f"{CHATS}/{chat_id}"
    await say(service, alice, chat_id, "hello")
    assert (await ask(client, alice, "DELETE", f"{chat}/members/bob")).status_code == 204
    await say(service, alice, chat_id, "secret")
    await ask(client, alice, "PATCH", chat, {"title": "Without Bob"})
    seen = good(await ask(client, bob, "GET", chat))
    assert (seen["left"], seen["title"], seen["head_seq"]) == (True, "Friends", 3)
    assert seen.get("members", []) == []
    assert seen["last_message"]["body"] == {"kind": "system", "event": "removed", "user_id": "bob"}
    for method, path, body in (
        ("PATCH", chat, {"title": "x"}),
        ("PUT", f"{chat}/members/bob", None),
        ("DELETE", f"{chat}/members/bob", None),
        ("DELETE", f"{chat}/members/alice", None),
        ("POST", f"{chat}/messages", {"client_message_id": "m", "body": {}}),
    ):
        problem(await ask(client, bob, method, path, body), 403, "not_a_member")
    (listed,) = good(await ask(client, bob, "GET", CHATS))["items"]
    assert listed["conversation_id"] == chat_id


@pytest.mark.parametrize("place", ["of others", "nowhere"])
async def test_a_stranger_cannot_tell_a_conversation_from_none(
    place: str,
    client: httpx.AsyncClient,
    service: Service,
    alice: Person,
    bob: Person,
    carol: Person,
) -> None:
    """CONV-5: 404 with the same words, whatever is tried."""
    chat_id = await group(service, alice, bob)
    entry = await say(service, alice, chat_id, "hello")
    if place == "nowhere":
        chat_id, message_id = "A" * 16, f"{'A' * 16}.2"
    else:
        message_id = entry.message_id
    chat = f"{CHATS}/{chat_id}"
    for method, path, body in (
        ("GET", chat, None),
        ("PATCH", chat, {"title": "x"}),
        ("PUT", f"{chat}/members/carol", None),
        ("PUT", f"{chat}/members/nobody", {"role": "owner"}),
        ("DELETE", f"{chat}/members/alice", None),
        ("DELETE", f"{chat}/members/carol", None),
        ("GET", f"{chat}/messages", None),
        ("GET", f"{chat}/messages?before=x", None),
        (
            "POST",
            f"{chat}/messages",
            {"client_message_id": "m", "body": {"kind": "text", "text": "x"}},
        ),
        ("POST", f"{chat}/messages", {"client_message_id": "m", "body": 5}),
    ):
        refused = problem(await ask(client, carol, method, path, body), 404, "unknown_conversation")
        assert refused["detail"] == "The conversation is not known"
    for path in (f"/v1.0/messages/{message_id}", f"/v1.0/messages/{message_id}/status"):
        refused = problem(await ask(client, carol, "GET", path), 404, "unknown_message")
        assert refused["detail"] == "The message is not known"


async def test_a_large_group_is_listed_without_its_members(
    client: httpx.AsyncClient,
    service: Service,
    alice: Person,
    bob: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """§3: in the list they may be left out; asked for by itself it has them."""
    monkeypatch.setattr("reference_server.service.views.LISTED_MEMBERS", 1)
    chat = await group(service, alice, bob)
    (listed,) = good(await ask(client, alice, "GET", CHATS))["items"]
    assert "members" not in listed
    assert listed["member_count"] == 2
    assert len(good(await ask(client, alice, "GET", f"{CHATS}/{chat}"))["members"]) == 2
